//! A finding is one event when it begins, and one when it is over. One test: the subscriber is that
//! of the process.
#![cfg(feature = "tracing")]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use levada::mpsc;
use levada_observe::Observer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The events of the observer: level, rule, text.
static EVENTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

struct Recorder;

#[derive(Default)]
struct Fields {
    rule: String,
    message: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "rule" => self.rule = format!("{value:?}"),
            _ => {}
        }
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("levada_observe")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let head = format!("{} {}", event.metadata().level(), fields.rule);
        EVENTS.lock().unwrap().push((head, fields.message));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The events, once there are so many.
fn events(count: usize) -> Vec<(String, String)> {
    let began = Instant::now();
    loop {
        let events = EVENTS.lock().unwrap().clone();
        if events.len() >= count {
            return events;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{events:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_full_channel_is_told_of_when_it_begins_and_when_it_is_over() {
    tracing::subscriber::set_global_default(Recorder).unwrap();
    let limit = Duration::from_millis(100);
    let observer = Observer::new().without_server().full_after(limit).window(limit);
    let _observing = observer.interval(Duration::from_millis(10)).start().unwrap();
    let (tx, mut rx) = mpsc::builder(1).named("jobs").build();
    rx.try_recv().unwrap_err(); // It was used: it is not one that is never polled.
    let sender = std::thread::spawn(move || {
        (0..2).for_each(|job| tx.blocking_send(job).unwrap());
        tx
    });
    let begun = events(1);
    assert_eq!(begun[0].0, "WARN \"full\"");
    assert!(begun[0].1.starts_with("jobs was full"), "{begun:?}");
    assert_eq!(rx.blocking_recv(), Some(0));
    assert_eq!(rx.blocking_recv(), Some(1));
    let over = events(2);
    assert_eq!(over.len(), 2, "{over:?}");
    assert_eq!(over[1].0, "INFO \"full\"");
    assert!(over[1].1.starts_with("it is over: jobs was full"), "{over:?}");
    drop(sender.join().unwrap());
}
