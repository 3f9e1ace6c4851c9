//! `GET /events`: what happens, in order, and honest about what a slow reader missed.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::sse::{Event, Events};
use crate::support::{Server, within};

/// The members of an event that are the same in every run.
fn stable(mut event: Event) -> (String, Value) {
    if let Some(data) = event.data.as_object_mut() {
        data.retain(|name, _| !name.ends_with("_ms") && name != "job");
    }
    (event.name, event.data)
}

#[tokio::test]
async fn events_tell_the_life_of_jobs() {
    let server = Server::script(&["--max-body", "10"], "read code; exit $code");
    server.post("0\n").await;
    let mut events = Events::open(server.connect().await).await;
    let first = events.next().await.unwrap();
    assert_eq!((first.name.as_str(), first.id), ("queues", None));
    assert_eq!(first.data["queues"][0]["succeeded"], 1);

    server.post("0\n").await;
    server.post("7\n").await;
    server.post("far too large").await;
    let ended = |state: &str, code: u8| json!({"queue": "default", "state": state, "outcome": state, "exit_code": code, "attempt": 1});
    let queue = json!({"queue": "default"});
    let started = json!({"queue": "default", "attempt": 1});
    let expected = [
        ("accepted", queue.clone()),
        ("started", started.clone()),
        ("finished", ended("succeeded", 0)),
        ("accepted", queue),
        ("started", started),
        ("finished", ended("failed", 7)),
        ("rejected", json!({"queue": "default", "reason": "body-too-large"})),
    ];
    for (number, (name, data)) in expected.into_iter().enumerate() {
        let event = events.of_jobs().await.unwrap();
        assert_eq!(event.number(), Some(4 + number as u64));
        assert_eq!(stable(event), (name.to_owned(), data));
    }
}

#[tokio::test]
async fn stream_is_of_server_sent_events() {
    let server = Server::start(&[], &["true"]);
    let stream = server.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut lines = BufReader::new(stream).lines();
    let mut seen = Vec::new();
    within(async {
        while !seen.iter().any(|line: &String| line.starts_with("retry: ")) {
            seen.push(lines.next_line().await.unwrap().expect("the stream ended"));
        }
    })
    .await;
    assert_eq!(seen[0], "HTTP/1.1 200 OK");
    assert!(seen.contains(&"content-type: text/event-stream".to_owned()), "{seen:?}");
    assert!(seen.contains(&"retry: 2000".to_owned()), "{seen:?}");
}

/// Makes this many events on the connection of a client.
pub(crate) async fn reject(client: &mut BufReader<TcpStream>, events: u64) {
    let requests = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nxx".repeat(100);
    for _ in 0..events / 100 {
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answered = 0;
        while answered < 100 {
            let mut line = String::new();
            assert_ne!(within(client.read_line(&mut line)).await.unwrap(), 0);
            // No line ends between the body of an answer and the next answer.
            answered += line.matches("HTTP/1.1 413 ").count();
        }
    }
}

#[tokio::test]
async fn slow_reader_learns_how_much_it_missed() {
    let server = Server::start(&["--max-body", "1"], &["true"]);
    // A small window, so that the system holds less of what is not read.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = Events::open(socket.connect(server.address).await.unwrap()).await;
    assert_eq!(slow.next().await.unwrap().name, "queues");
    let mut client = BufReader::new(server.connect().await);

    let (mut burst, mut sent, mut last, mut missed) = (60_000, 0, 0, 0);
    while missed == 0 {
        assert!(burst < 1_000_000, "the buffers of this system hold everything");
        for _ in 0..10 {
            reject(&mut client, burst / 10).await;
            sent += burst / 10;
            // More than a buffer of its own: a reader that takes nothing for 30 s is cut off.
            for _ in 0..200 {
                read_one(&mut slow, &mut last, &mut missed).await;
            }
        }
        burst *= 2;
        while last < sent {
            read_one(&mut slow, &mut last, &mut missed).await;
        }
    }
}

/// Reads an event, which is the next one or says how many are missed.
async fn read_one(events: &mut Events, last: &mut u64, missed: &mut u64) {
    let event = events.of_jobs().await.expect("the stream goes on");
    if event.name == "lagged" {
        let lag = event.data["missed"].as_u64().unwrap();
        *missed += lag;
        *last += lag;
    } else {
        *last += 1;
        assert_eq!(event.number(), Some(*last), "an event is missing, and no `lagged` says so");
    }
}

#[tokio::test]
async fn readers_that_leave_are_forgotten() {
    let server = Server::start(&["--max-connections", "3"], &["true"]);
    for _ in 0..20 {
        // Each needs one of the three connections. That the one before has left is seen a moment
        // later.
        let opened = async {
            loop {
                let mut events = Events::open(server.connect().await).await;
                if let Some(event) = events.next().await {
                    return event;
                }
            }
        };
        assert_eq!(within(opened).await.name, "queues");
    }
}
