//! The events of one job, and coming back to a stream.

use serde_json::{Value, json};

use crate::sse::{Event, Events};
use crate::support::{Notes, Server, sh};

pub(crate) async fn of_job(server: &Server, id: &str) -> Events {
    Events::open_at(server.connect().await, &format!("/jobs/{id}/events"), None).await
}

/// All that is left of a stream.
pub(crate) async fn rest(events: &mut Events) -> Vec<Event> {
    let mut rest = Vec::new();
    while let Some(event) = events.next().await {
        rest.push(event);
    }
    rest
}

pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// What was written to one of the two outputs.
pub(crate) fn text(events: &[Event], stream: &str) -> String {
    let of = events.iter().filter(|event| event.name == "output" && event.data["stream"] == stream);
    of.map(|event| event.data["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn stream_of_a_job_shows_its_output_as_it_comes_and_ends_with_it() {
    let notes = Notes::new();
    let script = format!(
        "{}; echo out; echo err >&2; {}; echo ::progress 50 half >&2; {}; \
         head -c 20000 /dev/zero | tr '\\0' x; printf '\\377' >&2",
        notes.wait_for("1"),
        notes.wait_for("2"),
        notes.wait_for("3")
    );
    let server = Server::script(&["--workers", "1"], &script);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    let other = server.submit("").await;
    let mut events = of_job(&server, &id).await;
    let mut second = of_job(&server, &other).await;
    let state = events.next().await.unwrap();
    assert_eq!((state.name.as_str(), &state.id), ("state", &None));
    assert_eq!(state.data, server.job(&id).await);
    assert_eq!(second.next().await.unwrap().data["state"], "queued");

    notes.write("1");
    let mut seen = vec![events.next().await.unwrap(), events.next().await.unwrap()];
    assert_eq!((text(&seen, "stdout"), text(&seen, "stderr")), ("out\n".into(), "err\n".into()));
    assert!(seen.iter().all(|event| event.id.is_none() && event.data["job"] == id));
    notes.write("2");
    let progress = events.next().await.unwrap();
    assert_eq!(progress.name, "progress");
    let expected = json!({"job": id, "queue": "default", "percent": 50, "message": "half"});
    assert_eq!(progress.data, expected);
    assert!(progress.id.is_some());

    notes.write("3");
    seen = rest(&mut events).await;
    let last = seen.pop().unwrap();
    assert_eq!((last.name.as_str(), &last.data["state"]), ("finished", &"succeeded".into()));
    assert!(last.data["run_ms"].is_u64());
    assert_eq!(text(&seen, "stdout"), "x".repeat(20_000));
    assert_eq!(text(&seen, "stderr"), "\u{fffd}", "as no UTF-8 has that byte");
    assert!(seen.iter().all(|event| event.data["text"].as_str().unwrap().len() <= 8192));

    // Of its own job alone.
    let seen = rest(&mut second).await;
    assert_eq!(seen[0].name, "started");
    assert_eq!(seen.last().unwrap().name, "finished");
    assert!(seen.iter().all(|event| event.data["job"] == other));

    // A stream of an ended job sends its state at once.
    let mut late = of_job(&server, &id).await;
    let seen = rest(&mut late).await;
    assert_eq!(names(&seen), ["state"]);
    assert_eq!(seen[0].data["state"], "succeeded");
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_or_is_told() {
    let server = Server::script(&[], "read code; exit $code");
    let mut events = Events::open(server.connect().await).await;
    assert_eq!(events.next().await.unwrap().name, "queues");
    server.post("0\n").await;
    let seen = [
        events.of_jobs().await.unwrap(),
        events.of_jobs().await.unwrap(),
        events.of_jobs().await.unwrap(),
    ];
    assert_eq!(names(&seen), ["accepted", "started", "finished"]);
    drop(events);
    let second = server.post("1\n").await.header("levada-job-id").to_owned();

    // After the first event there are two of the first job and three of the second.
    let last_id = seen[0].id.as_deref();
    let mut back = Events::open_at(server.connect().await, "/events", last_id).await;
    let overview = back.next().await.unwrap();
    assert_eq!(
        (overview.name.as_str(), &overview.data["queues"][0]["failed"]),
        ("queues", &1.into())
    );
    for expected in &seen[1..] {
        assert_eq!(back.of_jobs().await.as_ref(), Some(expected), "the same with the same id");
    }
    for (name, number) in [("accepted", 4), ("started", 5), ("finished", 6)] {
        let event = back.of_jobs().await.unwrap();
        assert_eq!((event.name.as_str(), event.number()), (name, Some(number)));
        assert_eq!(event.data["job"], second);
    }
    // And then on with what happens.
    server.post("0\n").await;
    assert_eq!(back.of_jobs().await.unwrap().number(), Some(7));

    // The stream of one job has what concerns it, and its end.
    let path = format!("/jobs/{second}/events");
    let mut back = Events::open_at(server.connect().await, &path, last_id).await;
    assert_eq!(names(&rest(&mut back).await), ["state", "accepted", "started", "finished"]);

    for foreign in ["0-1", "x", "1796000000000-3", &format!("{}9", seen[0].id.as_ref().unwrap())] {
        let mut back = Events::open_at(server.connect().await, "/events", Some(foreign)).await;
        assert_eq!(back.next().await.unwrap().name, "queues");
        let lagged = back.next().await.unwrap();
        assert_eq!((lagged.name.as_str(), lagged.id), ("lagged", None));
        assert_eq!(lagged.data, json!({"missed": null}), "{foreign}");
        if foreign == "x" {
            let mut back = Events::open_at(server.connect().await, &path, Some(foreign)).await;
            assert_eq!(names(&rest(&mut back).await), ["state", "lagged"]);
        }
    }
}

#[tokio::test]
async fn overview_comes_when_something_changed() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1"], &notes.wait_for("gate"));
    let mut events = Events::open(server.connect().await).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.data["queues"][0]["name"], "default");
    server.submit("").await;
    let running = until_overview(&mut events, "running", 1).await;
    assert_eq!(running["queues"], server.get("/queues").await.json()["queues"]);
    server.submit("").await;
    until_overview(&mut events, "queued", 1).await;
    notes.write("gate");
    until_overview(&mut events, "succeeded", 2).await;
}

/// Reads on to an overview whose only queue has this number. It does not begin again: what comes is
/// new.
async fn until_overview(events: &mut Events, member: &str, number: u64) -> Value {
    loop {
        let event = events.next().await.expect("the stream goes on");
        if event.name == "queues" && event.data["queues"][0][member] == number {
            return event.data;
        }
    }
}

#[tokio::test]
async fn stream_of_a_job_goes_on_through_its_attempts() {
    let notes = Notes::new();
    let script = format!("{}; echo $LEVADA_ATTEMPT; exit 75", notes.wait_for("gate"));
    let config = format!(
        "[queue.default]\n{}\nretry = {{ max_attempts = 2, backoff = 0.05 }}\n",
        sh(&script)
    );
    let server = Server::configured(&notes, &[], &config);
    let id = server.submit("").await;
    let mut events = of_job(&server, &id).await;
    assert_eq!(events.next().await.unwrap().name, "state");
    notes.write("gate");
    let seen = rest(&mut events).await;
    assert_eq!(text(&seen, "stdout"), "1\n2\n");
    let of_note = seen.iter().filter(|event| event.name != "output").cloned().collect::<Vec<_>>();
    let last = of_note.len() - 3;
    assert_eq!(names(&of_note[last..]), ["retrying", "started", "finished"]);
    assert_eq!(of_note.last().unwrap().data["attempt"], 2);
}

#[tokio::test]
async fn the_newest_progress_is_told_although_another_was_just_before() {
    let notes = Notes::new();
    let script = format!(
        "{}; for percent in 10 50 90; do echo ::progress $percent >&2; done; {}",
        notes.wait_for("begin"),
        notes.wait_for("gate")
    );
    let server = Server::script(&[], &script);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    let mut events = of_job(&server, &id).await;
    assert_eq!(events.next().await.unwrap().name, "state");
    notes.write("begin");
    let mut told = Vec::new();
    while told.last() != Some(&json!(90)) {
        let event = events.next().await.unwrap();
        assert_eq!(event.name, "progress");
        told.push(event.data["percent"].clone());
    }
    assert_eq!(told[0], 10, "the first at once");
    notes.write("gate");
    assert_eq!(names(&rest(&mut events).await), ["finished"], "and once");
}
