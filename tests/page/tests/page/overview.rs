//! The service, its queues, and the list of jobs.

use serde_json::json;

use crate::browser::with_page;
use crate::service::Service;

/// Commands that wait until they are let go.
const HELD: &str = r#"
[queue.held]
command = ["sh", "-c", "until [ -e {dir}/go ]; do sleep 0.02; done"]
workers = 1
capacity = 10
"#;
const TWO: &str = r#"
[queue.good]
command = ["cat"]
[queue.bad]
command = ["sh", "-c", "exit 65"]
"#;

#[tokio::test]
async fn it_loads_without_a_complaint() {
    let service = Service::start(TWO);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.until_text("#service-status", "running").await;
        page.until_text("#service-store", "ok").await;
        page.until_text("#queues", "good").await;
        page.until("return document.getElementById('members-section').hidden").await;
        assert_eq!(page.console().await.len(), 0);
        page.assert_policy().await;
    })
    .await;
}

#[tokio::test]
async fn a_queue_fills_and_drains() {
    let service = Service::start(HELD);
    with_page(&service.url, async |page| {
        page.until_live().await;
        let level =
            "parseFloat(document.querySelector('.channel').style.getPropertyValue('--level'))";
        page.until(&format!("return {level} === 0")).await;
        for _ in 0..6 {
            page.submit("held", "").await;
        }
        page.until_text(".queue .level", "5 of 10 places taken").await;
        page.until_text(".queue .now", "1 of 1").await;
        page.until(&format!("return {level} === 0.5")).await;
        // The water stands as high as that, and flows.
        page.until(
            "const channel = document.querySelector('.channel').getBoundingClientRect();
            const water = document.querySelector('.water').getBoundingClientRect();
            return Math.abs((channel.bottom - water.top) / channel.height - 0.5) < 0.06",
        )
        .await;
        page.until(
            "return document.querySelector('.wave').getAnimations()[0].playState === 'running'",
        )
        .await;
        service.let_go("go");
        page.until_text(".queue .level", "0 of 10 places taken").await;
        page.until_text(".queue .totals", "6").await;
        page.until(&format!("return {level} === 0")).await;
        page.until("return document.querySelector('.spark .line').getAttribute('d').includes('L')")
            .await;
    })
    .await;
}

#[tokio::test]
async fn water_stands_still_for_who_wants_no_motion() {
    let service = Service::start(HELD);
    with_page(&service.url, async |page| {
        let features = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
        page.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        page.open("").await;
        page.submit("held", "").await;
        page.until_text(".queue .now", "1 of 1").await;
        page.until(
            "return document.querySelector('.wave').getAnimations()[0].playState === 'paused'",
        )
        .await;
        service.let_go("go");
    })
    .await;
}

#[tokio::test]
async fn a_filter_is_kept_in_the_address() {
    let service = Service::start(TWO);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.submit("good", "").await;
        page.submit("bad", "").await;
        page.until("return document.querySelectorAll('#jobs tr').length === 2").await;
        page.until_text("#jobs", "exit code 65").await;
        page.click("#states [data-state='failed']").await;
        page.until("return document.querySelectorAll('#jobs tr').length === 1").await;
        assert!(page.text("#jobs").await.contains("bad"));
        let hash = page.js("return location.hash").await;
        assert_eq!(hash, json!("#state=failed"));
        page.open("state=failed&queue=good").await;
        page.until_text("#jobs-empty", "There is no failed job on good.").await;
        page.until("return document.getElementById('filter-queue').value === 'good'").await;
    })
    .await;
}

#[tokio::test]
async fn all_failed_jobs_are_run_again_after_a_question() {
    let service = Service::start(TWO);
    with_page(&service.url, async |page| {
        page.until_live().await;
        page.submit("bad", "").await;
        page.submit("bad", "").await;
        page.until_text("[data-queue='bad']", "Run 2 failed jobs again").await;
        page.click("[data-queue='bad'] .retry").await;
        page.until_text("#confirm-title", "Run 2 failed jobs of bad again?").await;
        page.click("#confirm-no").await;
        page.until("return !document.getElementById('confirm-dialog').open").await;
        page.click("[data-queue='bad'] .retry").await;
        page.click("#confirm-yes").await;
        page.until_text("#banner-notice", "2 jobs of bad put in the queue again").await;
        page.until(
            "return document.querySelector(\"[data-queue='bad'] dd.failed\").textContent === '4'",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_is_full_is_said_aloud() {
    let service = Service::start(TWO);
    with_page(&service.url, async |page| {
        page.until_live().await;
        assert_eq!(page.text("#banner-store").await, "");
        // Again and again: between two of them it may find that there is room for less.
        let much = "fetch('/q/good', { method: 'POST', body: 'x'.repeat(6e4) })";
        page.js(&format!("window.much = setInterval(() => {much}, 50)")).await;
        let said = "There is no room on the disk. No new jobs are accepted";
        page.until_text("#banner-store", said).await;
        page.until_text("#service-store", "full").await;
        let role = "return document.getElementById('banner-store').getAttribute('role')";
        assert_eq!(page.js(role).await, json!("alert"));
        page.js("clearInterval(window.much)").await;
        service.make_room();
        page.until_text("#service-store", "ok").await;
    })
    .await;
}

#[tokio::test]
async fn it_comes_back_when_the_service_does() {
    let mut service = Service::start(TWO);
    let url = service.url.clone();
    with_page(&url, async |page| {
        page.until_live().await;
        let before = page.submit("good", "").await;
        page.until_text("#jobs", "succeeded").await;
        service.kill();
        page.until_text("#banner-away", "The service does not answer").await;
        page.until_text("#service-live", "away").await;
        service.start_again();
        page.until_live().await;
        page.until("return document.getElementById('banner-away').hidden").await;
        // Which events were missed, nobody knows: it is another process.
        page.until_text("#banner-lagged", "Events were missed").await;
        page.until_shown(&format!("[data-job='{before}']")).await;
        let after = page.submit("good", "").await;
        page.until_text(&format!("[data-job='{after}']"), "succeeded").await;
    })
    .await;
}
