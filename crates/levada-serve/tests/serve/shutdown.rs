//! The end: what was accepted is finished and answered; a second signal kills.

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::sse::Events;
use crate::support::{Notes, Server, read_to_close, until_dead, within};

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_accepted_job_is_answered() {
    let notes = Notes::new();
    let script = format!("echo $$ >> {}; sleep 0.02; cat", notes.at("pids"));
    let mut server = Server::script(&["--workers", "4", "--queue", "32"], &script);
    let mut clients = JoinSet::new();
    for client in 0..24 {
        let requests: Vec<_> = (0..200)
            .map(|number| {
                let body = format!("client {client} number {number}");
                (server.request("POST", "/", body.clone()), body)
            })
            .collect();
        clients.spawn(async move {
            let mut done = 0;
            for (request, body) in requests {
                match request.await {
                    Ok(answer) if answer.status == 200 => {
                        assert_eq!(answer.text(), body);
                        done += 1;
                    }
                    // Accepted just before: it is on disk.
                    Ok(answer) if answer.status == 202 => {}
                    Ok(answer) => drop(answer.problem(503, "draining")),
                    // Refused, or closed between two requests: never accepted.
                    Err(_) => return done,
                }
            }
            panic!("the server took 200 requests of each client and did not stop");
        });
    }
    notes.pids("pids", 50).await;
    server.signal(Signal::TERM);
    let answered: usize = within(clients.join_all()).await.into_iter().sum();
    assert_eq!(server.exit().await.code(), Some(0));
    let ran = notes.pids("pids", 50).await;
    assert_eq!(ran.len(), answered, "jobs ran whose answers nobody got");
    until_dead(&ran).await;
}

#[tokio::test]
async fn what_is_only_in_memory_is_finished_too() {
    let notes = Notes::new();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"));
    let options = ["--workers", "1", "--queue", "8", "--store", "memory"];
    let mut server = Server::script(&options, &script);
    let mut clients = JoinSet::new();
    for _ in 0..6 {
        clients.spawn(server.request("POST", "/", "finished"));
    }
    server.until_progress(&[("running", 1), ("queued", 5)]).await;
    server.signal(Signal::INT);
    until_refused(&server).await;
    notes.write("gate");
    for answer in within(clients.join_all()).await {
        assert_eq!(answer.unwrap().text(), "finished");
    }
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn what_waits_on_disk_is_for_the_next_process() {
    let notes = Notes::new();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"));
    let store = notes.at("store");
    let options = ["--workers", "1", "--store", &store];
    let mut server = Server::script(&options, &script);
    let mut clients = JoinSet::new();
    for _ in 0..6 {
        clients.spawn(server.request("POST", "/", "finished"));
    }
    server.until_progress(&[("running", 1), ("queued", 5)]).await;
    server.signal(Signal::INT);
    until_refused(&server).await;
    notes.write("gate");
    let (mut done, mut later) = (0, Vec::new());
    for answer in within(clients.join_all()).await {
        let answer = answer.unwrap();
        match answer.status.as_u16() {
            200 => done += 1,
            202 => later.push(answer.header("levada-job-id").to_owned()),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!((done, later.len()), (1, 5));
    assert_eq!(server.exit().await.code(), Some(0));
    let server = Server::script(&options, &script);
    for id in later {
        server.until_job(&id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "finished");
    }
}

/// Waits until the server no longer listens.
pub(crate) async fn until_refused(server: &Server) {
    within(async { while tokio::net::TcpStream::connect(server.address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn body_that_was_on_its_way_is_still_served() {
    for (store, status) in [(&["--store", "memory"][..], "200 OK"), (&[][..], "202 Accepted")] {
        let mut server = Server::start(store, &["cat"]);
        let mut client = server.begin(8).await;
        client.write_all(b"half").await.unwrap();
        server.signal(Signal::TERM);
        until_refused(&server).await;
        client.write_all(b"half").await.unwrap();
        let answer = read_to_close(&mut client).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(server.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn requests_that_come_while_draining_are_refused() {
    let mut server = Server::start(&[], &["cat"]);
    let mut ready = server.send("GET /ready HTTP/1.1\r\n").await;
    let mut post = server.send("POST / HTTP/1.1\r\n").await;
    // The server has the beginning of both when it answers one that came later.
    server.get("/health").await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    for client in [&mut ready, &mut post] {
        client.write_all(b"Host: localhost\r\n\r\n").await.unwrap();
        let answer = read_to_close(client).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("urn:levada:problem:draining"), "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
    }
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn connections_that_owe_nothing_do_not_hold_it_up() {
    let mut server = Server::start(&["--header-timeout", "600"], &["cat"]);
    let mut fresh = server.connect().await;
    let mut idle = server.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    within(idle.read_exact(&mut [0; 15])).await.unwrap();
    let mut events = server.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    within(events.read_exact(&mut [0; 15])).await.unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    assert_eq!(read_to_close(&mut fresh).await, "");
    read_to_close(&mut idle).await;
    assert!(read_to_close(&mut events).await.ends_with("0\r\n\r\n"), "the stream ends properly");
}

#[tokio::test]
async fn second_signal_kills_what_runs() {
    for (second, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let notes = Notes::new();
        let script = format!(
            "trap '' TERM INT; sleep 600 & echo $! >> {0}; echo $$ >> {0}; \
             while :; do sleep 600; done",
            notes.at("pids")
        );
        let options = ["--workers", "2", "--timeout", "600", "--grace", "600", "--wait", "600"];
        let mut server = Server::script(&options, &script);
        let mut clients = JoinSet::new();
        for _ in 0..4 {
            clients.spawn(server.request("POST", "/", ""));
        }
        server.until_progress(&[("running", 2), ("queued", 2)]).await;
        let pids = notes.pids("pids", 4).await;
        server.signal(Signal::TERM);
        until_refused(&server).await;
        server.signal(second);
        let answers: Vec<_> =
            within(clients.join_all()).await.into_iter().map(Result::unwrap).collect();
        let (waited, ran): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 202);
        assert_eq!((waited.len(), ran.len()), (2, 2));
        for answer in ran {
            answer.problem(503, "interrupted");
        }
        assert_eq!(server.exit().await.code(), Some(code));
        until_dead(&pids).await;
    }
}

#[tokio::test]
async fn second_signal_cuts_the_grace_short() {
    let notes = Notes::new();
    let script =
        format!("trap '' TERM; echo $$ > {}; while :; do sleep 600; done", notes.at("pids"));
    let options = ["--timeout", "0.1", "--grace", "600"];
    let mut server = Server::script(&options, &script);
    let client = tokio::spawn(server.request("POST", "/", ""));
    let pids = notes.pids("pids", 1).await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(143));
    until_dead(&pids).await;
    // Which of the two came first, the time or the signal, is open; an answer is owed either way.
    let status = client.await.unwrap().unwrap().status.as_u16();
    assert!([503, 504].contains(&status), "{status}");
}

#[tokio::test]
async fn streams_of_jobs_end_with_what_becomes_of_them() {
    let notes = Notes::new();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"));
    let mut server = Server::script(&["--workers", "1"], &script);
    let running = server.submit("runs").await;
    server.until_job(&running, "running").await;
    let waiting = server.submit("waits").await;
    let open = async |id: &str| {
        let path = format!("/jobs/{id}/events");
        let mut events = Events::open_at(server.connect().await, &path, None).await;
        assert_eq!(events.next().await.unwrap().name, "state");
        events
    };
    let (mut of_running, mut of_waiting) = (open(&running).await, open(&waiting).await);
    server.signal(Signal::TERM);
    assert_eq!(of_waiting.next().await, None, "it does not run in this process");
    // Longer than the time that a stop leaves to idle connections.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    notes.write("gate");
    let mut last = String::new();
    while let Some(event) = of_running.next().await {
        last = event.name;
    }
    assert_eq!(last, "finished");
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn an_answer_is_owed_also_after_events_on_the_same_connection() {
    let notes = Notes::new();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"));
    let mut server = Server::script(&["--workers", "1"], &script);
    let mut client = server.send("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    within(client.read_exact(&mut [0; 15])).await.unwrap();
    let request =
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nowed";
    client.write_all(request.as_bytes()).await.unwrap();
    server.until_progress(&[("running", 1)]).await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    notes.write("gate");
    assert!(read_to_close(&mut client).await.ends_with("owed"));
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn second_signal_ends_what_is_only_in_memory() {
    let script = "trap '' TERM; while :; do sleep 600; done";
    let options = ["--workers", "1", "--store", "memory", "--wait", "600", "--grace", "600"];
    let mut server = Server::script(&options, script);
    let clients: JoinSet<_> = (0..3).map(|_| server.request("POST", "/", "")).collect();
    server.until_progress(&[("running", 1), ("queued", 2)]).await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    server.signal(Signal::TERM);
    for answer in within(clients.join_all()).await {
        let problem = answer.expect("an answer is owed").problem(503, "interrupted");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("lost") && !detail.contains("restart"), "{detail}");
    }
    assert_eq!(server.exit().await.code(), Some(143));
}

#[tokio::test]
async fn a_pause_that_is_only_in_memory_is_not_waited_for() {
    let notes = Notes::new();
    let config = "[queue.default]\ncommand = [\"sh\", \"-c\", \"exit 75\"]\nretry = { backoff = \"1h\", max_backoff = \"1h\" }\n";
    let mut server = Server::configured(&notes, &["--store", "memory"], config);
    let client = tokio::spawn(server.request("POST", "/", ""));
    server.until_progress(&[("retrying", 1)]).await;
    server.signal(Signal::TERM);
    client.await.unwrap().unwrap().problem(503, "interrupted");
    assert_eq!(server.exit().await.code(), Some(0));
}
