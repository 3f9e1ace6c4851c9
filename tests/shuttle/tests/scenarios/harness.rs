//! The harness finds what it is there to find: each test plants a fault in code of its own.

use shuttle::future::{block_on, spawn};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle_scenarios::{Ledger, Reader, check, race};
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// A flag that a task waits for.
#[derive(Default)]
struct Flag {
    is_set: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Flag {
    fn set(&self) {
        // ORDERING: SeqCst, no pair: shuttle knows no other.
        self.is_set.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// `looks_again` after the waker is in place; the planted fault is not to.
    async fn wait(&self, looks_again: bool) {
        // ORDERING: SeqCst, no pair: as above.
        let is_set = || self.is_set.load(Ordering::SeqCst);
        poll_fn(|cx| {
            if is_set() {
                return Poll::Ready(());
            }
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            if looks_again && is_set() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

fn wait_for_a_flag(looks_again: bool) {
    let flag = Arc::new(Flag::default());
    let other = Arc::clone(&flag);
    let setter = spawn(async move { other.set() });
    block_on(flag.wait(looks_again));
    block_on(setter).unwrap();
}

#[test]
fn a_right_flag_passes() {
    check(|| wait_for_a_flag(true));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_lost_wake_up_is_found() {
    check(|| wait_for_a_flag(false));
}

#[test]
#[should_panic(expected = "message (0, 1) was []")]
fn a_lost_message_is_found() {
    check(|| {
        let ledger = Ledger::default();
        let messages = [ledger.parcel(0), ledger.parcel(0)];
        let mut reader = Reader::default();
        for (number, message) in messages.into_iter().enumerate() {
            match number {
                0 => reader.take(message),
                _ => {
                    let _lost = ManuallyDrop::new(message);
                }
            }
        }
        ledger.settle();
    });
}

#[test]
#[should_panic(expected = "message 0 of sender 0 came late")]
fn messages_in_the_wrong_order_are_found() {
    check(|| {
        let ledger = Ledger::default();
        let (first, second) = (ledger.parcel(0), ledger.parcel(0));
        let mut reader = Reader::default();
        reader.take(second);
        reader.take(first);
    });
}

#[test]
#[should_panic(expected = "the alarm came first")]
fn an_alarm_may_come_first() {
    check(|| {
        let flag = Arc::new(Flag::default());
        let other = Arc::clone(&flag);
        let setter = spawn(async move { other.set() });
        assert!(block_on(race(flag.wait(true))).is_some(), "the alarm came first");
        block_on(setter).unwrap();
    });
}
