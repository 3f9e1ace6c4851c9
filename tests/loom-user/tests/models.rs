//! Models of the code in `src/lib.rs`: `cargo xtask loom` runs them under `--cfg loom`.
#![cfg(loom)]
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use levada::{mpmc, mpsc, watch};
use loom::future::block_on;
use loom::thread;
use loom_user::sync::{Arc, AtomicUsize, Ordering};
use loom_user::{Subscribe, listen};
use std::process::Command;

/// One thread publishes, this one waits for it.
fn publishing(
    publish: impl AsyncFn(&AtomicUsize, mpsc::Sender<()>) + Copy + Send + Sync + 'static,
) {
    loom::model(move || {
        let result = Arc::new(AtomicUsize::new(0));
        let (notes, note) = mpsc::channel(1);
        let other = result.clone();
        let publisher = thread::spawn(move || block_on(publish(&other, notes)));
        let seen = block_on(loom_user::published(&result, note));
        assert_eq!(seen, Some(42), "the note came before the result");
        publisher.join().unwrap();
    });
}

#[test]
fn mpsc_carries_what_was_written_before() {
    publishing(loom_user::publish);
}

/// Two workers on one queue.
fn adding(add: impl AsyncFn(mpmc::Receiver<usize>, &AtomicUsize) + Copy + Send + Sync + 'static) {
    loom::model(move || {
        let total = Arc::new(AtomicUsize::new(0));
        let (numbers, queue) = mpmc::channel(2);
        let (other, other_queue) = (total.clone(), queue.clone());
        let worker = thread::spawn(move || block_on(add(other_queue, &other)));
        numbers.try_send(1).unwrap();
        numbers.try_send(2).unwrap();
        drop(numbers);
        block_on(add(queue, &total));
        worker.join().unwrap();
        // ORDERING: Relaxed, no pair: the worker was joined.
        assert_eq!(total.load(Ordering::Relaxed), 3, "an update was lost");
    });
}

#[test]
fn mpmc_workers_add_everything() {
    adding(loom_user::add_all);
}

/// Two threads count, a third waits for both.
fn counting(count: fn(&watch::Sender<usize>)) {
    loom::model(move || {
        let (visitors, watcher) = watch::channel(0);
        let other = visitors.clone();
        let counter = thread::spawn(move || count(&other));
        let waiter = thread::spawn(move || block_on(loom_user::visited(watcher, 2)));
        count(&visitors);
        counter.join().unwrap();
        drop(visitors);
        assert!(waiter.join().unwrap(), "a visitor was lost");
    });
}

#[test]
fn watch_counts_every_visitor() {
    counting(loom_user::count);
}

/// A request on one thread, the answer on another.
fn asking(
    ask: impl AsyncFn(mpsc::Sender<loom_user::Request>, usize) -> Option<usize> + Send + Sync + 'static,
) {
    loom::model(move || {
        let (requests, queue) = mpsc::channel(1);
        let server = thread::spawn(move || block_on(loom_user::answer(queue)));
        assert_eq!(block_on(ask(requests, 21)), Some(42), "no answer");
        server.join().unwrap();
    });
}

#[test]
fn oneshot_brings_the_answer() {
    asking(loom_user::ask);
}

/// One event, sent by a thread that the listener starts.
fn listening(subscribe: Subscribe) {
    loom::model(move || {
        let heard = block_on(listen(subscribe, |events| {
            thread::spawn(move || events.send(7));
        }));
        assert_eq!(heard, Some(7), "the event was missed");
    });
}

#[test]
fn broadcast_reaches_who_subscribed_before() {
    listening(Subscribe::First);
}

#[test]
fn blocking_calls_and_threads_need_no_future() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let producer = thread::spawn(move || (1..=2).try_for_each(|n| sender.blocking_send(n)));
        let received: Vec<i32> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
        assert_eq!(received, [1, 2]);
        producer.join().unwrap().unwrap();
    });
}

/// Models that fail, each with what loom is to say.
const MISTAKES: &[(&str, &str)] = &[
    ("mpsc_note_that_is_sent_too_early_is_found", "the note came before the result"),
    ("mpmc_workers_that_overwrite_each_other_are_found", "an update was lost"),
    ("watch_update_that_is_lost_is_found", "a visitor was lost"),
    ("oneshot_that_is_not_waited_for_is_found", "no answer"),
    ("broadcast_to_a_late_subscriber_is_found", "the event was missed"),
    ("timers_are_not_modelled_and_say_so", "there is no reactor running"),
];

/// Each in a process of its own: after a failure loom drops what the model's other threads hold,
/// and aborts where a loom object is among it.
#[test]
fn every_mistake_is_found() {
    for (name, message) in MISTAKES {
        let mut model = Command::new(std::env::current_exe().unwrap());
        let output = model.args(["--exact", "--ignored", "--nocapture", name]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "loom finds nothing wrong with {name}");
        assert!(text.contains(message), "{name} ends with something else: {text}");
    }
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn mpsc_note_that_is_sent_too_early_is_found() {
    publishing(loom_user::publish_too_early);
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn mpmc_workers_that_overwrite_each_other_are_found() {
    adding(loom_user::add_all_in_two_steps);
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn watch_update_that_is_lost_is_found() {
    counting(loom_user::count_in_two_steps);
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn oneshot_that_is_not_waited_for_is_found() {
    asking(loom_user::ask_in_a_hurry);
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn broadcast_to_a_late_subscriber_is_found() {
    listening(Subscribe::Late);
}

#[test]
#[ignore = "fails, as `every_mistake_is_found` checks"]
fn timers_are_not_modelled_and_say_so() {
    loom::model(|| {
        let (sender, _receiver) = mpsc::channel(1);
        let _ = block_on(sender.send_timeout(1, std::time::Duration::from_secs(1)));
    });
}
