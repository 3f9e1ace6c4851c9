//! Several queues in one service.

use serde_json::json;

use crate::support::{Notes, Server, sh};

#[tokio::test]
async fn each_queue_has_its_own_command_and_limits() {
    let notes = Notes::new();
    let gate = notes.wait_for("gate");
    let config = format!(
        "[defaults]\ncontent_type = \"text/x\"\n\
         [queue.count]\ncommand = [\"wc\", \"-c\"]\npriority = 3\n\
         [queue.copy]\ncommand = [\"cat\"]\ncontent_type = \"text/y\"\nmax_body = 5\n\
         [queue.gated]\n{}\nworkers = 2\ncapacity = 1\n",
        sh(&gate)
    );
    let server = Server::configured(&notes, &[], &config);
    let answer = server.ask("POST", "/q/count", &[], "12345").await;
    assert_eq!((answer.text().trim(), answer.header("content-type")), ("5", "text/x"));
    let answer = server.ask("POST", "/q/copy", &[], "12345").await;
    assert_eq!((answer.text(), answer.header("content-type")), ("12345", "text/y"));
    server.ask("POST", "/q/copy", &[], "123456").await.problem(413, "body-too-large");

    for _ in 0..2 {
        server.submit_to("/q/gated", "").await;
    }
    server.until_queue("gated", "running", 2).await;
    server.submit_to("/q/gated", "").await;
    let full = server.ask("POST", "/q/gated", &[], "").await;
    let problem = full.problem(503, "queue-full");
    assert!(problem["detail"].as_str().unwrap().contains("1 places of \"gated\""), "{problem}");
    full.retry_after();
    assert_eq!(server.ask("POST", "/q/count", &[], "").await.status, 200, "the others have room");

    let gated = server.queue("gated").await;
    for (name, value) in [
        ("name", json!("gated")),
        ("status", json!("open")),
        ("capacity", json!(1)),
        ("queued", json!(1)),
        ("retrying", json!(0)),
        ("running", json!(2)),
        ("workers", json!(2)),
        ("priority", json!(0)),
        ("rejected", json!(1)),
    ] {
        assert_eq!(gated[name], value, "{name}");
    }
    assert!(gated["oldest_seconds"].as_f64().unwrap() >= 0.0);
    assert!(gated["retry_after"].as_u64().unwrap() >= 1);
    let count = server.queue("count").await;
    assert_eq!((&count["priority"], &count["succeeded"]), (&3.into(), &2.into()));
    assert!(count["jobs_per_second"].as_f64().unwrap() > 0.0, "{count}");
    assert_eq!(count.get("oldest_seconds"), None);
    let copy = server.queue("copy").await;
    assert_eq!((&copy["succeeded"], &copy["rejected"]), (&1.into(), &1.into()));

    let all = server.get("/queues").await.json();
    let names: Vec<_> =
        all["queues"].as_array().unwrap().iter().map(|queue| &queue["name"]).collect();
    assert_eq!(names, ["copy", "count", "gated"]);
    assert_eq!((&all["status"], &all["store"]), (&"running".into(), &"ok".into()));
    assert_eq!(all["version"], env!("CARGO_PKG_VERSION"));
    assert!(all["uptime_seconds"].as_f64().unwrap() > 0.0);
    notes.write("gate");
    server.until_queue("gated", "succeeded", 3).await;
}

#[tokio::test]
async fn unknown_queues_are_told_with_those_that_exist() {
    let notes = Notes::new();
    let config = "[queue.a]\ncommand = [\"true\"]\n[queue.b]\ncommand = [\"true\"]\n";
    let server = Server::configured(&notes, &[], config);
    for (method, path) in [("POST", "/"), ("POST", "/q/c"), ("GET", "/q/c"), ("POST", "/q/c/retry")]
    {
        let problem = server.ask(method, path, &[], "").await.problem(404, "no-queue");
        assert!(problem["detail"].as_str().unwrap().ends_with("there are: a, b."), "{problem}");
    }
    server.ask("PUT", "/q/a", &[], "").await.problem(405, "method-not-allowed");
    assert_eq!(server.ask("HEAD", "/q/a", &[], "").await.status, 200);
}

#[tokio::test]
async fn queue_takes_the_types_it_accepts() {
    let notes = Notes::new();
    let config = "[queue.some]\ncommand = [\"cat\"]\naccept = [\"text/*\", \"image/png\"]\n\
                  [queue.raw]\ncommand = [\"cat\"]\naccept = [\"application/octet-stream\"]\n";
    let server = Server::configured(&notes, &[], config);
    let post =
        async |path: &str, headers: &[(&str, &str)]| server.ask("POST", path, headers, "x").await;
    for good in ["text/plain; charset=utf-8", "TEXT/x", "image/png"] {
        assert_eq!(post("/q/some", &[("Content-Type", good)]).await.status, 200, "{good}");
    }
    for bad in [&[("Content-Type", "image/gif")][..], &[("Content-Type", "nonsense")], &[]] {
        let answer = post("/q/some", bad).await;
        let problem = answer.problem(415, "unsupported-type");
        assert_eq!(answer.header("accept-post"), "text/*, image/png");
        let said = bad.first().map_or("application/octet-stream", |(_, said)| said);
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    assert_eq!(post("/q/raw", &[]).await.status, 200, "no type is that of any bytes");
    for (coding, status) in [("identity", 200), ("gzip", 415), ("x", 415)] {
        let answer = post("/q/raw", &[("Content-Encoding", coding)]).await;
        assert_eq!(answer.status, status, "{coding}");
        if status == 415 {
            answer.problem(415, "unsupported-type");
            assert_eq!(answer.header("accept-encoding"), "identity");
        }
    }
}

#[tokio::test]
async fn more_urgent_queues_go_first_where_runs_are_limited() {
    // With one worker, no job of the queue waits for the slot while another one runs.
    for workers in [1, 3] {
        urgent_first(workers).await;
    }
}

async fn urgent_first(workers: u8) {
    let notes = Notes::new();
    let script =
        sh(&format!("read name; echo $name >> {}; {}", notes.at("order"), notes.wait_for("gate")));
    let queue =
        |name: &str, priority: i8| format!("[queue.{name}]\n{script}\npriority = {priority}\n");
    let config = format!(
        "max_running = 1\n[defaults]\nworkers = {workers}\n{}{}{}",
        queue("low", -5),
        queue("high", 7),
        queue("normal", 0)
    );
    let server = Server::configured(&notes, &[], &config);
    server.submit_to("/q/low", "first\n").await;
    server.until_queue("low", "running", 1).await;
    for (queue, name) in [
        ("low", "low1"),
        ("normal", "normal1"),
        ("low", "low2"),
        ("high", "high1"),
        ("normal", "normal2"),
        ("high", "high2"),
    ] {
        server.submit_to(&format!("/q/{queue}"), format!("{name}\n")).await;
    }
    for queue in ["low", "normal", "high"] {
        server.until_queue(queue, "queued", 2).await;
    }
    notes.write("gate");
    for (queue, jobs) in [("low", 3), ("normal", 2), ("high", 2)] {
        server.until_queue(queue, "succeeded", jobs).await;
    }
    assert_eq!(notes.read("order"), "first\nhigh1\nhigh2\nnormal1\nnormal2\nlow1\nlow2\n");
    let all = server.get("/queues").await.json();
    assert!(all["queues"].as_array().unwrap().iter().all(|queue| queue["running"] == 0));
}
