//! One job, opened.

use serde_json::json;

use crate::browser::with_page;
use crate::service::Service;

const QUEUES: &str = r#"
[queue.held]
command = ["sh", "-c", "echo begun; echo '::progress 40 <b>half</b> way' >&2; until [ -e {dir}/go ]; do sleep 0.02; done; echo ended"]
workers = 1
[queue.once]
command = ["sh", "-c", "[ -e {dir}/mended ] && echo mended || { echo broken >&2; exit 65; }"]
[queue.echo]
command = ["cat"]
content_type = "text/html"
[queue.complaint]
command = ["sh", "-c", "cat >&2; exit 65"]
[queue.second]
command = ["sh", "-c", "[ -e {dir}/was ] || { touch {dir}/was; echo broken >&2; exit 65; }; until [ -e {dir}/go ]; do sleep 0.02; done"]
"#;

#[tokio::test]
async fn progress_and_output_are_live() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        page.until_live().await;
        // The first keeps the second waiting until this is open.
        page.submit("held", "").await;
        let second = page.submit("held", "").await;
        page.click(&format!("[data-job='{second}'] a")).await;
        page.until_text("#job-state", "waiting").await;
        page.click("#job-dialog .close").await;
        page.until("return !document.getElementById('job-dialog').open").await;
        let first = "#jobs tr:last-child a";
        page.click(first).await;
        page.until_text("#job-progress-text", "40 % · <b>half</b> way").await;
        assert_eq!(page.js("return document.getElementById('job-bar').value").await, json!(40));
        assert_eq!(
            page.js("return document.querySelectorAll('#job-dialog b, #jobs b').length").await,
            json!(0)
        );
        page.open(&format!("job={second}")).await;
        page.until_text("#job-state", "waiting").await;
        service.let_go("go");
        page.until_text("#job-state", "succeeded").await;
        page.until_text("#job-result-text", "begun\nended").await;
    })
    .await;
}

#[tokio::test]
async fn output_comes_while_the_job_runs() {
    let service = Service::start(
        r#"
[queue.default]
command = ["sh", "-c", "n=0; until [ -e {dir}/go ]; do n=$((n+1)); echo \"line $n\"; echo \"<i>$n</i>\" >&2; sleep 0.1; done"]
"#,
    );
    with_page(&service.url, async |page| {
        let id = page.submit("default", "").await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-output", "line ").await;
        page.until_text("#job-output", "<i>").await;
        page.until("return document.querySelector('#job-output .stderr')").await;
        assert_eq!(
            page.js("return document.querySelectorAll('#job-output i').length").await,
            json!(0)
        );
        service.let_go("go");
        page.until_shown("#job-result-text").await;
    })
    .await;
}

#[tokio::test]
async fn a_running_job_is_cancelled() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let id = page.submit("held", "").await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-state", "running").await;
        page.click("#job-cancel").await;
        page.until_text("#job-state", "cancelled").await;
        page.until("return document.getElementById('job-cancel').hidden").await;
        page.until_text(&format!("[data-job='{id}'] .state"), "cancelled").await;
    })
    .await;
}

#[tokio::test]
async fn a_failed_job_is_run_again() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let id = page.submit("once", "").await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-outcome", "exit code 65").await;
        page.until_text("#job-stderr-text", "broken").await;
        service.let_go("mended");
        page.click("#job-retry").await;
        page.until_text("#job-state", "succeeded").await;
        page.until_text("#job-result-text", "mended").await;
        page.until_text("#job-outcome", "").await;
        page.until("return document.getElementById('job-stderr').hidden").await;
    })
    .await;
}

#[tokio::test]
async fn what_someone_else_runs_again_begins_from_the_beginning() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let id = page.submit("second", "").await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-stderr-text", "broken").await;
        page.js(&format!("return fetch('/jobs/{id}/retry', {{ method: 'POST' }}).then(() => 0)"))
            .await;
        page.until_text("#job-state", "running").await;
        page.until("return document.getElementById('job-stderr').hidden").await;
        service.let_go("go");
        page.until_text("#job-state", "succeeded").await;
    })
    .await;
}

#[tokio::test]
async fn markup_is_shown_as_text() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let hostile =
            "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
        let drawn =
            "return document.querySelectorAll('#job-dialog img, #job-dialog script').length";
        let id = page.submit("echo", hostile).await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-result-text", hostile).await;
        assert_eq!(page.js(drawn).await, json!(0));
        let id = page.submit("complaint", hostile).await;
        page.open(&format!("job={id}")).await;
        page.until_text("#job-stderr-text", hostile).await;
        assert_eq!(page.js(drawn).await, json!(0));
        assert_eq!(page.js("return document.title").await, json!("levada"));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_run_again_waits_anew() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let waited = page
            .js("return (async () => {
                const { applyEvent } = await import('/page/state.js');
                const { waited } = await import('/page/format.js');
                const job = { state: 'failed', attempt: 1, created_at: new Date(1000).toISOString(), waited_ms: 5 };
                const before = waited(job, 60000);
                applyEvent(job, 'accepted', { job: 'x', queue: 'q' }, 50000);
                return [before, waited(job, 53000)];
            })()")
            .await;
        assert_eq!(waited, json!([5, 3000]));
    })
    .await;
}

#[tokio::test]
async fn progress_is_what_was_said_last() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let progress = page
            .js("return (async () => {
                const { applyEvent } = await import('/page/state.js');
                const job = { state: 'running' };
                applyEvent(job, 'progress', { job: 'x', queue: 'q', percent: 40, message: 'half' }, 1);
                applyEvent(job, 'progress', { job: 'x', queue: 'q', percent: 55 }, 2);
                return job.progress;
            })()")
            .await;
        assert_eq!(progress, json!({ "percent": 55 }));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_not_whole_was_not_seen() {
    let service = Service::start(QUEUES);
    with_page(&service.url, async |page| {
        let ids = page
            .js("return (async () => {
                const { Parser } = await import('/page/sse.js');
                const ids = [];
                const parser = new Parser((event) => ids.push(event.id), '4');
                for (const text of ['id: 5\\ndata: x', '\\n', '\\n', 'data: y\\n\\n', 'id: 6\\n', '\\n']) {
                    parser.push(text);
                    ids.push(parser.lastId);
                }
                return ids;
            })()")
            .await;
        assert_eq!(ids, json!(["4", "4", "5", "5", "5", "5", "5", "6"]));
    })
    .await;
}
