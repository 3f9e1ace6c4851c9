//! The main job: many requests, each with its own right answer, and nothing left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::support::{Answer, Notes, Server, read_to_close};

const CLIENTS: usize = 32;

/// Sends `total` requests from [`CLIENTS`] clients, and checks each answer against its number.
async fn flood(
    server: Arc<Server>,
    total: usize,
    body: impl Fn(usize) -> Vec<u8> + Copy + Send + Sync + 'static,
    check: impl Fn(usize, Answer) + Copy + Send + Sync + 'static,
) {
    // ORDERING: Relaxed, no pair: only hands out numbers.
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (server, next) = (Arc::clone(&server), Arc::clone(&next));
        clients.spawn(async move {
            let mut answered = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return answered;
                }
                check(number, server.post(body(number)).await);
                answered += 1;
            }
        });
    }
    let answered: usize = clients.join_all().await.into_iter().sum();
    assert_eq!(answered, total);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_are_counted() {
    let server = Arc::new(Server::start(&["--workers", "4"], &["wc", "-c"]));
    flood(
        Arc::clone(&server),
        3_000,
        |number| vec![b'x'; number],
        |number, answer| {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.text().trim(), number.to_string());
        },
    )
    .await;
    server
        .until_progress(&[("succeeded", 3_000), ("failed", 0), ("queued", 0), ("running", 0)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_come_back_whole() {
    let server = Arc::new(Server::start(&["--workers", "2"], &["cat"]));
    let body = |number: usize| {
        let size = number * 40_009 % 1_000_003;
        (0..size).map(|byte| (byte * 31 + number) as u8).collect::<Vec<u8>>()
    };
    flood(server, 100, body, move |number, answer| {
        assert_eq!(answer.status, 200);
        assert!(answer.body == body(number), "request {number}: another body came back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_right() {
    let server = Arc::new(Server::start(&["--workers", "2"], &["sha256sum"]));
    // SHA-256 of "abc" and of nothing, from FIPS 180-4's examples.
    flood(
        server,
        200,
        |number| {
            if number % 2 == 0 { b"abc".to_vec() } else { Vec::new() }
        },
        |number, answer| {
            let expected = if number % 2 == 0 {
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            } else {
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            };
            assert_eq!(answer.text(), format!("{expected}  -\n"));
        },
    )
    .await;
}

#[tokio::test]
async fn answer_says_what_it_is() {
    let server = Server::start(&["--content-type", "text/plain"], &["printenv", "LEVADA_JOB_ID"]);
    for _ in 0..3 {
        let answer = server.post("").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/plain");
        let id = answer.header("levada-job-id");
        assert_eq!(answer.text(), format!("{id}\n"), "LEVADA_JOB_ID is the same");
        assert_eq!(answer.header("content-location"), format!("/jobs/{id}/result"));
    }
    let plain = Server::start(&[], &["true"]);
    assert_eq!(plain.post("").await.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn no_shell_is_involved() {
    let server = Server::start(&[], &["echo", "$HOME; `id` *"]);
    assert_eq!(server.post("").await.text(), "$HOME; `id` *\n");
}

#[tokio::test]
async fn other_requests_get_their_answers() {
    let server = Server::start(&[], &["cat"]);
    assert_eq!(server.get("/health").await.text(), r#"{"status":"ok"}"#);
    assert_eq!(server.get("/ready").await.text(), r#"{"status":"ready"}"#);
    let answer = server.request("DELETE", "/", "").await.unwrap();
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    let answer = server.request("DELETE", "/events", "").await.unwrap();
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    server.get("/nothing").await.problem(404, "not-found");
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let notes = Notes::new();
    let server = Server::script(&[], &format!("echo run >> {}", notes.at("runs")));
    for headers in ["Host: localhost\r\nOrigin: http://page.example", "Host: page.example"] {
        let request = format!(
            "POST / HTTP/1.1\r\n{headers}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        let answer = read_to_close(&mut server.send(&request).await).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("urn:levada:problem:foreign-page"), "{answer}");
    }
    assert_eq!(notes.read("runs"), "", "the command ran");
}

#[tokio::test]
async fn request_has_one_host() {
    let server = Server::start(&[], &["cat"]);
    let first_line = async |version: &str, hosts: &str| {
        let request = format!("GET /health HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        let answer = read_to_close(&mut server.send(&request).await).await;
        answer.split("\r\n").next().unwrap().to_owned()
    };
    let one = "Host: localhost\r\n";
    assert_eq!(first_line("1.1", one).await, "HTTP/1.1 200 OK");
    assert_eq!(first_line("1.0", "").await, "HTTP/1.0 200 OK");
    for (version, hosts) in [("1.1", ""), ("1.1", &*one.repeat(2)), ("1.0", &one.repeat(2))] {
        let refused = format!("HTTP/{version} 400 Bad Request");
        assert_eq!(first_line(version, hosts).await, refused, "{hosts:?}");
    }
}

/// How many pipes and handles of processes the server has open, and how many children it has.
#[cfg(target_os = "linux")]
fn held_by(server: u32) -> (usize, usize) {
    let descriptors = std::fs::read_dir(format!("/proc/{server}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| {
            let target = target.to_string_lossy();
            target.starts_with("pipe:") || target.contains("pidfd")
        })
        .count();
    let children = std::fs::read_dir(format!("/proc/{server}/task"))
        .unwrap()
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap())
        .map(|children| children.split_whitespace().count())
        .sum();
    (descriptors, children)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_left_behind() {
    // Jobs of every kind: fine, failing, timed out, too much output, ignoring their input, and
    // with something left behind that holds the pipes.
    let server = Server::script(
        &["--workers", "4", "--timeout", "0.3", "--grace", "0.1", "--max-output", "64KiB"],
        r#"read kind; case $kind in
            fine) cat;; failing) exit 3;; hanging) sleep 600;; flooding) yes;;
            deaf) exec <&-; echo;; leaving) sleep 600 & exit 0;;
        esac"#,
    );
    let kinds = ["fine", "failing", "hanging", "flooding", "deaf", "leaving"];
    let rounds = async |count: usize| {
        let mut clients = JoinSet::new();
        for number in 0..count * kinds.len() {
            let kind = kinds[number % kinds.len()];
            clients.spawn(server.request("POST", "/", Bytes::from(format!("{kind}\n\n"))));
        }
        for answer in clients.join_all().await {
            let status = answer.unwrap().status.as_u16();
            assert!([200, 500, 504].contains(&status), "{status}");
        }
    };
    let before = held_by(server.pid());
    assert_eq!(before.1, 0);
    rounds(8).await;
    server.until_progress(&[("queued", 0), ("running", 0)]).await;
    // Running, or ended and not reaped: neither may stay.
    crate::support::until("nothing to be left", || held_by(server.pid()) == before).await;
}

#[tokio::test]
async fn a_job_can_be_asked_for_later() {
    let server = Server::start(&[], &["cat"]);
    let id = server.submit("later").await;
    let job = server.until_job(&id, "succeeded").await;
    assert_eq!((&job["queue"], &job["attempt"]), (&"default".into(), &1.into()));
    assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "later");
    server.get(&format!("/jobs/{}/result", id.replace('7', "8"))).await.problem(404, "no-job");
}
