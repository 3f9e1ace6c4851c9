//! What the reader of a job's events gets: all of it, in whole characters, and its end.

use rustix::process::Signal;
use serde_json::json;
use tokio::io::BufReader;
use tokio::net::TcpSocket;

use crate::events::reject;
use crate::sse::{Event, Events};
use crate::streams::{names, of_job, rest, text};
use crate::support::{Notes, Server, until, within};

#[tokio::test]
async fn characters_stay_whole_wherever_the_output_is_cut() {
    let notes = Notes::new();
    // One character in two pieces, with progress between them; then many, and the beginning of one.
    let script = format!(
        "{}; printf 'a\\346\\274'; {}; echo ::progress 5 >&2; {}; printf '\\242'; {}; \
         yes \u{6f22} | head -n 9000 | tr -d '\\n'; printf '\\346\\274'; printf '\\346' >&2",
        notes.wait_for("1"),
        notes.wait_for("2"),
        notes.wait_for("3"),
        notes.wait_for("4"),
    );
    let server = Server::script(&[], &script);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    let mut events = of_job(&server, &id).await;
    assert_eq!(events.next().await.unwrap().name, "state");
    notes.write("1");
    let mut seen = vec![events.next().await.unwrap()];
    assert_eq!(text(&seen, "stdout"), "a");
    notes.write("2");
    let progress = events.next().await.unwrap();
    assert_eq!(progress.name, "progress");
    notes.write("3");
    seen.push(events.next().await.unwrap());
    assert_eq!(text(&seen, "stdout"), "a\u{6f22}");
    notes.write("4");
    seen.extend(rest(&mut events).await);
    assert_eq!(text(&seen, "stdout"), format!("a{}\u{fffd}", "\u{6f22}".repeat(9001)));
    assert_eq!(text(&seen, "stderr"), "\u{fffd}");
    let outputs = seen.iter().filter_map(|event| event.data["text"].as_str());
    assert!(outputs.map(str::len).max().unwrap() <= 8192);
}

#[tokio::test]
async fn all_of_the_output_is_told_in_a_drain() {
    let notes = Notes::new();
    // On the wire a zero byte takes six: more than the system holds for a reader who does not read.
    let script = format!(
        "{}; dd if=/dev/zero bs=65536 count=64; {}",
        notes.wait_for("1"),
        notes.wait_for("2")
    );
    let mut server = Server::script(&[], &script);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut slow = Events::open_at(stream, &format!("/jobs/{id}/events"), None).await;
    assert_eq!(slow.next().await.unwrap().name, "state");
    let mut quick = of_job(&server, &id).await;
    assert_eq!(quick.next().await.unwrap().name, "state");
    notes.write("1");
    let mut seen = Vec::new();
    while text(&seen, "stdout").len() < 64 * 65536 {
        seen.push(quick.next().await.unwrap());
    }
    server.signal(Signal::TERM);
    until("the listener is closed", || std::net::TcpStream::connect(server.address).is_err()).await;
    notes.write("2");
    assert_eq!(rest(&mut quick).await.last().unwrap().name, "finished");
    let seen = rest(&mut slow).await;
    assert_eq!(text(&seen, "stdout").len(), 64 * 65536);
    assert_eq!(seen.last().unwrap().name, "finished");
    assert!(server.exit().await.success());
}

#[tokio::test]
async fn reader_of_one_job_is_not_told_of_losses_of_others() {
    let notes = Notes::new();
    let server = Server::script(&["--max-body", "1"], &notes.wait_for("gate"));
    let mut events = Events::open(server.connect().await).await;
    let id = server.submit("").await;
    let accepted = events.of_jobs().await.unwrap();
    drop(events);
    reject(&mut BufReader::new(server.connect().await), 1100).await;
    let path = format!("/jobs/{id}/events");
    let mut back = Events::open_at(server.connect().await, &path, accepted.id.as_deref()).await;
    assert_eq!(back.next().await.unwrap().name, "state");
    let lagged = back.next().await.unwrap();
    assert_eq!((lagged.name.as_str(), lagged.data), ("lagged", json!({"missed": null})));
    notes.write("gate");
    assert_eq!(rest(&mut back).await.last().unwrap().name, "finished");
}

#[tokio::test]
async fn who_has_the_end_of_a_job_need_not_come_back() {
    let notes = Notes::new();
    let script = format!("[ -e {} ] || exit 1", notes.at("better"));
    let server = Server::script(&[], &script);
    let mut events = Events::open(server.connect().await).await;
    let id = server.post("").await.header("levada-job-id").to_owned();
    let of = [
        events.of_jobs().await.unwrap(),
        events.of_jobs().await.unwrap(),
        events.of_jobs().await.unwrap(),
    ];
    assert_eq!(names(&of), ["accepted", "started", "finished"]);
    let path = format!("/jobs/{id}/events");
    let status = async |last: &Event| {
        let last = last.id.as_deref().unwrap();
        server.ask("GET", &path, &[("Last-Event-ID", last)], "").await.status.as_u16()
    };
    assert_eq!([status(&of[0]).await, status(&of[1]).await, status(&of[2]).await], [200, 200, 204]);
    assert_eq!(server.ask("GET", &path, &[("Last-Event-ID", "x-3")], "").await.status, 200);
    // Run again, it has another end.
    notes.write("better");
    server.ask("POST", &format!("/jobs/{id}/retry"), &[], "").await;
    server.until_job(&id, "succeeded").await;
    let finished = within(async {
        loop {
            let event = events.of_jobs().await.unwrap();
            if event.name == "finished" {
                return event;
            }
        }
    })
    .await;
    assert_eq!([status(&of[2]).await, status(&finished).await], [200, 204]);
}
