//! Jobs that ran when the service died: the one that kills it ends some time, and the others get
//! on.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use crate::support::{LONG, Notes, Server, levada, until};

/// Starts the service on this store, and waits for it to die.
async fn dies(options: &[&str], script: &str) -> ExitStatus {
    let mut levada: Command = levada();
    levada
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(options)
        .args(["--", "sh", "-c", script]);
    levada.env("RUST_LOG", "off").stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = levada.spawn().unwrap();
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > LONG {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("nothing kills the service");
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_job_that_kills_the_service_is_given_up() {
    let notes = Notes::new();
    let script = format!(
        "read -r what; echo $what >> {}; if [ $what = kill ] && [ ! -e {} ]; then echo $LEVADA_ATTEMPT >> {}; kill -9 $PPID; exec sleep 10; fi; echo $what",
        notes.at("order"),
        notes.at("mended"),
        notes.at("attempts"),
    );
    let store = notes.at("store");
    let options = ["--store", &store, "--workers", "1"];
    let mut server = Server::script(&options, &format!("{}; {script}", notes.wait_for("gate")));
    let guilty = server.submit("kill\n").await;
    server.until_job(&guilty, "running").await;
    let mut waiting = Vec::new();
    for number in 0..3 {
        waiting.push(server.submit(format!("{number}\n")).await);
    }
    notes.write("gate");
    assert_eq!(server.exit().await.signal(), Some(9));
    for _ in 0..2 {
        assert_eq!(dies(&options, &script).await.signal(), Some(9));
    }
    assert_eq!(notes.read("attempts"), "1\n2\n3\n", "every start is an attempt of its own");
    // An end may not have been on disk when the service died. Then that job runs again, also first.
    let order = notes.read("order");
    assert!(order.starts_with("kill\n0\n1\n2\nkill\n"), "{order:?} waits for what kills");
    assert!(order.ends_with("kill\n"), "{order:?}");

    let server = Server::script(&options, &script);
    for (number, id) in waiting.iter().enumerate() {
        server.until_job(id, "succeeded").await;
        let result = server.get(&format!("/jobs/{id}/result")).await;
        assert_eq!(result.text(), format!("{number}\n"));
    }
    let job = server.job(&guilty).await;
    assert_eq!(
        (&job["state"], &job["outcome"], &job["interruptions"]),
        (&"failed".into(), &"interrupted".into(), &3.into())
    );
    let result = server.get(&format!("/jobs/{guilty}/result")).await;
    let problem = result.problem(500, "interrupted-too-often");
    assert!(problem["detail"].as_str().unwrap().contains("3 times"), "{problem}");
    let queue = server.progress().await;
    assert_eq!((&queue["kept_failed"], &queue["queued"]), (&1.into(), &0.into()), "{queue}");

    notes.write("mended");
    let retry = server.ask("POST", &format!("/jobs/{guilty}/retry"), &[], "").await;
    assert_eq!(retry.status, 202);
    let job = server.until_job(&guilty, "succeeded").await;
    assert_eq!(job.get("interruptions"), None, "{job}");
}

/// Two jobs are at work each time a third one kills the service, and have had as many interruptions
/// as it.
#[tokio::test]
async fn jobs_beside_the_one_that_kills_the_service_end_well() {
    let notes = Notes::new();
    let (started, log) = (notes.at("started"), notes.at("log"));
    // Until the third attempt, the guilty one waits for both others, and they wait for it.
    let script = format!(
        "read -r what
        if [ $what = kill ]; then
            [ $LEVADA_ATTEMPT -ge 3 ] || until [ \"$(wc -l < {started})\" -ge $((2 * LEVADA_ATTEMPT)) ]; do sleep 0.01; done
            kill -9 $PPID
            exec sleep 10
        fi
        echo $what >> {started}
        while [ $LEVADA_ATTEMPT -lt 3 ]; do kill -0 $PPID || exit; sleep 0.01; done
        echo begin $what >> {log}; sleep 0.1; echo end $what >> {log}"
    );
    let store = notes.at("store");
    let options = ["--store", &store, "--workers", "3"];
    let mut server = Server::script(&options, &script);
    let innocent = [server.submit("a\n").await, server.submit("b\n").await];
    let guilty = server.submit("kill\n").await;
    assert_eq!(server.exit().await.signal(), Some(9));
    for _ in 0..2 {
        assert_eq!(dies(&options, &script).await.signal(), Some(9));
    }
    let server = Server::script(&options, &script);
    for id in innocent {
        let job = server.until_job(&id, "succeeded").await;
        assert_eq!((&job["attempt"], &job["interruptions"]), (&3.into(), &2.into()));
    }
    assert_eq!(server.job(&guilty).await["state"], "failed");
    assert_eq!(notes.read("log"), "begin a\nend a\nbegin b\nend b\n", "one at a time");
}

#[tokio::test]
async fn a_queue_says_how_often_is_too_often() {
    let notes = Notes::new();
    let store = notes.at("store");
    let options = ["--store", &store, "--max-interruptions", "1"];
    let mut server = Server::script(&options, "kill -9 $PPID; exec sleep 10");
    let client = tokio::spawn(server.request("POST", "/", ""));
    assert_eq!(server.exit().await.signal(), Some(9));
    drop(client.await);
    let server = Server::script(&options, "kill -9 $PPID; exec sleep 10");
    server.until_progress(&[("kept_failed", 1)]).await;
    let jobs = server.get("/jobs?state=failed").await.json();
    assert_eq!(jobs["jobs"][0]["outcome"], "interrupted", "{jobs}");
}

/// `docker stop` and systemd wait for some time after SIGTERM, and then kill.
#[tokio::test]
async fn a_stop_that_ends_in_a_kill_counts_nothing() {
    let notes = Notes::new();
    let store = notes.at("store");
    let script = format!(
        "[ -e {} ] && exec cat; echo $$ >> {}; exec sleep 600",
        notes.at("gate"),
        notes.at("pids")
    );
    let options = ["--store", &store, "--max-interruptions", "1", "--max-attempts", "1"];
    let mut id = None;
    for (time, second) in [Signal::KILL, Signal::TERM, Signal::KILL].into_iter().enumerate() {
        let mut server = Server::script(&options, &script);
        if id.is_none() {
            id = Some(server.submit("at last").await);
        }
        notes.pids("pids", time + 1).await;
        server.signal(Signal::TERM);
        crate::shutdown::until_refused(&server).await;
        let in_flight = notes.path("store").join("in-flight");
        until("the stop to be known", || in_flight.metadata().unwrap().len() == 0).await;
        server.signal(second);
        server.exit().await;
    }
    notes.write("gate");
    let server = Server::script(&options, &script);
    let job = server.until_job(&id.unwrap(), "succeeded").await;
    assert_eq!(job.get("interruptions"), None, "{job}");
}

#[tokio::test]
async fn suspects_can_be_cancelled_and_make_room_for_others() {
    let notes = Notes::new();
    let script = format!(
        "read -r what; [ $what = fast ] && exit; echo $$ >> {}; [ $LEVADA_ATTEMPT -lt 2 ] || {}",
        notes.at("pids"),
        notes.wait_for("gate")
    ) + "; [ $LEVADA_ATTEMPT -ge 2 ] || exec sleep 600";
    let store = notes.at("store");
    let options = ["--store", &store, "--workers", "3", "--max-interruptions", "2"];
    let mut server = Server::script(&options, &script);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.submit("slow\n").await);
    }
    notes.pids("pids", 3).await;
    server.signal(Signal::KILL);
    server.exit().await;

    let server = Server::script(&options, &script);
    server.until_job(&ids[0], "running").await;
    // No worker waits for the suspects.
    for _ in 0..5 {
        let fast = server.submit("fast\n").await;
        server.until_job(&fast, "succeeded").await;
    }
    assert_eq!(server.job(&ids[1]).await["state"], "queued");
    for id in &ids[..2] {
        server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
        server.until_job(id, "cancelled").await;
    }
    notes.write("gate");
    server.until_job(&ids[2], "succeeded").await;
}
