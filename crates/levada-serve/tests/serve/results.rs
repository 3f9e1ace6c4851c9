//! `GET /jobs/{id}/result` and `/stderr`: what is left of a job.

use crate::support::{Notes, Server, sh, within};

#[tokio::test]
async fn result_is_what_the_waiting_client_got() {
    let server = Server::script(
        &["--content-type", "text/plain"],
        "read code; echo out $code; echo err >&2; exit $code",
    );
    for (code, status) in [(0, 200), (65, 422), (75, 503), (9, 500)] {
        let waited = server.post(format!("{code}\n")).await;
        let id = waited.header("levada-job-id").to_owned();
        let result = server.get(&format!("/jobs/{id}/result")).await;
        assert_eq!((result.status, result.status.as_u16()), (waited.status, status));
        assert_eq!(result.body, waited.body, "byte by byte");
        for name in ["content-type", "levada-job-id"] {
            assert_eq!(result.header(name), waited.header(name));
        }
        if status == 503 {
            result.retry_after();
        }
        let head = server.ask("HEAD", &format!("/jobs/{id}/result"), &[], "").await;
        assert_eq!((head.status, head.body.len()), (waited.status, 0));
        let stderr = server.get(&format!("/jobs/{id}/stderr")).await;
        assert_eq!((stderr.status.as_u16(), stderr.text()), (200, "err\n"), "{code}");
        assert_eq!(stderr.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(stderr.header("levada-job-id"), id);
    }
}

#[tokio::test]
async fn result_that_is_not_there_yet_is_waited_for_or_not() {
    let notes = Notes::new();
    let server = Server::script(&[], &format!("{}; cat", notes.wait_for("gate")));
    let id = server.submit("body").await;
    let path = format!("/jobs/{id}/result");
    for headers in [&[][..], &[("Prefer", "wait=1")], &[("Prefer", "nonsense")]] {
        let early = server.ask("GET", &path, headers, "").await;
        assert_eq!(early.status, 202);
        assert_eq!(
            (early.header("location"), &early.json()["id"]),
            (&*format!("/jobs/{id}"), &id.as_str().into())
        );
        early.retry_after();
        let applied = early.headers.get("preference-applied").map(|value| value.to_str().unwrap());
        assert_eq!(
            applied,
            headers.first().map(|(_, value)| *value).filter(|value| *value == "wait=1")
        );
    }
    let waiting = tokio::spawn(server.request_with("GET", &path, &[("Prefer", "wait=600")], ""));
    notes.write("gate");
    let result = within(waiting).await.unwrap().unwrap();
    assert_eq!((result.status.as_u16(), result.text()), (200, "body"));
    assert_eq!(result.header("content-location"), path);
    assert_eq!(result.header("preference-applied"), "wait=60");
}

#[tokio::test]
async fn cancelled_and_unknown_jobs_have_no_result() {
    let server = Server::start(&["--workers", "1"], &["sleep", "60"]);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
    server.until_job(&id, "cancelled").await;
    let problem = server.get(&format!("/jobs/{id}/result")).await.problem(409, "cancelled");
    assert_eq!(problem["job_id"], id);
    for unknown in ["019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33", "x", &id.to_uppercase()] {
        for (method, path) in [
            ("GET", ""),
            ("GET", "/result"),
            ("GET", "/stderr"),
            ("GET", "/events"),
            ("DELETE", ""),
            ("POST", "/retry"),
        ] {
            let answer = server.ask(method, &format!("/jobs/{unknown}{path}"), &[], "").await;
            answer.problem(404, "no-job");
        }
    }
}

#[tokio::test]
async fn what_is_no_longer_kept_is_gone() {
    let notes = Notes::new();
    let store = notes.at("store");
    let script = "read code; echo out; echo err >&2; exit $code";
    let server = Server::script(&["--store", &store], script);
    let mut ids = Vec::new();
    for code in [0, 65] {
        ids.push(server.post(format!("{code}\n")).await.header("levada-job-id").to_owned());
    }
    let tag = server.get(&format!("/jobs/{}", ids[0])).await.header("etag").to_owned();
    assert_eq!(server.get(&format!("/jobs/{}/stderr", ids[1])).await.text(), "err\n");
    drop(server);

    // The first look of a process at what is kept is at its start.
    let server = Server::script(&["--store", &store, "--keep-bytes", "1"], script);
    for (id, state) in ids.iter().zip(["succeeded", "failed"]) {
        within(async { while server.job(id).await["result_gone"] != true {} }).await;
        assert_eq!(server.job(id).await["state"], state, "the job itself is kept");
        assert_eq!(server.get(&format!("/jobs/{id}/stderr")).await.text(), "");
    }
    assert_ne!(server.get(&format!("/jobs/{}", ids[0])).await.header("etag"), tag);
    server.get(&format!("/jobs/{}/result", ids[0])).await.problem(410, "result-gone");
    server.get(&format!("/jobs/{}/result", ids[1])).await.problem(422, "command-failed");
    let retry = server.ask("POST", &format!("/jobs/{}/retry", ids[1]), &[], "").await;
    assert_eq!(retry.problem(410, "input-gone")["job_id"], ids[1]);
    server.until_queue("default", "kept_failed", 0).await;
    let retry = server.ask("POST", "/q/default/retry", &[], "").await;
    assert_eq!(retry.json(), serde_json::json!({"retried": 0, "left": 1}));
}

#[tokio::test]
async fn jobs_are_forgotten_when_their_time_is_over() {
    let notes = Notes::new();
    let store = notes.at("store");
    let config =
        format!("[retention]\njobs = \"1ms\"\n[queue.default]\n{}\n", sh("read code; exit $code"));
    let server = Server::configured(&notes, &["--store", &store], &config);
    let succeeded = server.post("0\n").await.header("levada-job-id").to_owned();
    let failed = server.post("1\n").await.header("levada-job-id").to_owned();
    drop(server);
    let server = Server::configured(&notes, &["--store", &store], &config);
    within(async { while server.get(&format!("/jobs/{succeeded}")).await.status != 404 {} }).await;
    server.get(&format!("/jobs/{succeeded}/result")).await.problem(404, "no-job");
    // Those that failed are kept as long as the others unless something else is said.
    within(async { while server.get(&format!("/jobs/{failed}")).await.status != 404 {} }).await;
}
