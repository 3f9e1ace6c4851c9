//! `DELETE /jobs/{id}`, whatever the job does just then.

use tokio::task::JoinSet;

use crate::support::{Answer, Notes, Server, sh, until_dead, within};

async fn cancel(server: &Server, id: &str) -> Answer {
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await
}

#[tokio::test]
async fn waiting_job_does_not_run() {
    let notes = Notes::new();
    let script = format!("echo run >> {}; {}", notes.at("runs"), notes.wait_for("gate"));
    let server = Server::script(&["--workers", "1"], &script);
    let first = server.submit("").await;
    server.until_job(&first, "running").await;
    let second = server.submit("").await;
    let client = tokio::spawn(server.request("POST", "/", ""));
    server.until_progress(&[("queued", 2)]).await;
    let third =
        server.get("/jobs?limit=1").await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    for id in [&second, &third] {
        let answer = cancel(&server, id).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &"cancelled".into()));
        assert_eq!(server.job(id).await, answer.json(), "that is what is known of it");
        assert_eq!(answer.json()["attempt"], 0);
        assert_eq!(answer.json().get("started_at"), None);
        cancel(&server, id).await.problem(409, "already-ended");
    }
    within(client).await.unwrap().unwrap().problem(409, "cancelled");
    server.until_progress(&[("queued", 0), ("cancelled", 2), ("running", 1)]).await;
    notes.write("gate");
    server.until_job(&first, "succeeded").await;
    let last = server.submit("").await;
    server.until_job(&last, "succeeded").await;
    assert_eq!(notes.read("runs"), "run\nrun\n", "a cancelled job ran");
}

#[tokio::test]
async fn running_job_is_stopped_with_its_group() {
    let notes = Notes::new();
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! >> {0}; echo $$ >> {0}; echo err >&2; while :; do sleep 600; done",
        notes.at("pids")
    );
    let server = Server::script(&["--grace", "0.1"], &script);
    let client = tokio::spawn(server.request("POST", "/", ""));
    let pids = notes.pids("pids", 2).await;
    let id = server.get("/jobs").await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let answer = cancel(&server, &id).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (202, &"running".into()));
    let problem = within(client).await.unwrap().unwrap().problem(409, "cancelled");
    assert_eq!(problem["job_id"], id);
    until_dead(&pids).await;
    let job = server.job(&id).await;
    assert_eq!((&job["state"], &job["outcome"]), (&"cancelled".into(), &"cancelled".into()));
    cancel(&server, &id).await.problem(409, "already-ended");
    server.until_progress(&[("running", 0), ("cancelled", 1), ("failed", 0)]).await;
    // What was cancelled can be run again.
    let answer = server.ask("POST", &format!("/jobs/{id}/retry"), &[], "").await;
    assert_eq!(answer.status, 202);
    notes.pids("pids", 4).await;
    assert_eq!(cancel(&server, &id).await.status, 202);
    server.until_job(&id, "cancelled").await;
}

#[tokio::test]
async fn job_between_attempts_is_not_run_again() {
    let notes = Notes::new();
    let config = format!(
        "[queue.default]\n{}\nretry = {{ max_attempts = 9, backoff = \"1h\", max_backoff = \"1days\" }}\n",
        sh(&format!("echo run >> {}; exit 75", notes.at("runs")))
    );
    let server = Server::configured(&notes, &[], &config);
    let client = tokio::spawn(server.request("POST", "/", ""));
    server.until_progress(&[("retrying", 1)]).await;
    let id = server.get("/jobs").await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let answer = cancel(&server, &id).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &"cancelled".into()));
    assert_eq!(answer.json().get("retry_at"), None);
    within(client).await.unwrap().unwrap().problem(409, "cancelled");
    server.until_progress(&[("retrying", 0), ("cancelled", 1), ("queued", 0)]).await;
    assert_eq!(notes.read("runs"), "run\n");
}

#[tokio::test]
async fn ended_jobs_stay_as_they_are() {
    let server = Server::script(&[], "read code; exit $code");
    for (code, state) in [(0, "succeeded"), (1, "failed")] {
        let id = server.post(format!("{code}\n")).await.header("levada-job-id").to_owned();
        let problem = cancel(&server, &id).await.problem(409, "already-ended");
        assert_eq!(problem["job_id"], id);
        assert_eq!(server.job(&id).await["state"], state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_cancels_a_job() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1"], &notes.wait_for("gate"));
    let running = server.submit("").await;
    server.until_job(&running, "running").await;
    let waiting = server.submit("").await;
    for (id, first, others) in [(&waiting, 200, 409), (&running, 202, 0)] {
        let mut cancels = JoinSet::new();
        for _ in 0..16 {
            cancels.spawn(server.request("DELETE", &format!("/jobs/{id}"), ""));
        }
        let mut statuses: Vec<u16> = cancels
            .join_all()
            .await
            .into_iter()
            .map(|answer| answer.unwrap().status.as_u16())
            .collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], first, "{statuses:?}");
        if others == 409 {
            assert_eq!(statuses[1..], [409; 15], "one of them did it");
        } else {
            // As long as the job is being stopped, every request gets 202.
            assert!(statuses.iter().all(|status| [202, 409].contains(status)), "{statuses:?}");
        }
        server.until_job(id, "cancelled").await;
    }
    server.until_progress(&[("cancelled", 2), ("running", 0), ("queued", 0)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_end_at_the_same_time_agree() {
    let server = Server::start(&["--workers", "2", "--store", "memory"], &["true"]);
    let (mut succeeded, mut cancelled) = (0, 0);
    for round in 0..60 {
        let id = server.submit("").await;
        // From at once to some milliseconds later: before, in, and after the run.
        tokio::time::sleep(std::time::Duration::from_micros(round * 100)).await;
        let answer = cancel(&server, &id).await;
        let end =
            server.ask("GET", &format!("/jobs/{id}"), &[("Prefer", "wait=60")], "").await.json();
        match (answer.status.as_u16(), end["state"].as_str().unwrap()) {
            (200 | 202, "cancelled") => cancelled += 1,
            (202 | 409, "succeeded") => succeeded += 1,
            other => panic!("{other:?}: {end}"),
        }
    }
    server
        .until_progress(&[("succeeded", succeeded), ("cancelled", cancelled), ("failed", 0)])
        .await;
    assert_eq!(succeeded + cancelled, 60);
}
