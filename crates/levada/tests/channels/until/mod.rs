//! A limit to every call that waits: one table of all calls (`rows`) drives a test for each
//! guarantee of `levada::future`.

mod checks;
mod complete;
mod of_queues;
mod others;
mod rows;

use self::checks::Guarantee;
use self::rows::{Rows, all};
use levada::future::{Stopped, WaitExt};
use levada::{mpsc, oneshot};
use std::future::{pending, ready};
use std::time::Duration;
#[cfg(not(feature = "observe"))]
use support::counted;
use support::{Task, now};

#[test]
fn stopped_first_nothing_is_lost_and_the_next_waiter_is_served() {
    all(&mut Rows::new(Guarantee::StoppedFirst));
}

#[test]
fn a_stop_that_does_not_come_changes_nothing() {
    all(&mut Rows::new(Guarantee::NeverStopped));
}

#[test]
fn the_call_comes_first() {
    all(&mut Rows::new(Guarantee::BothAtOnce));
}

#[test]
fn a_deadline_that_has_passed_leaves_one_try() {
    all(&mut Rows::new(Guarantee::DeadlinePassed));
}

#[test]
fn a_call_that_is_stopped_is_a_call_that_is_dropped() {
    all(&mut Rows::new(Guarantee::Dropped));
}

#[test]
fn a_thread_is_woken_before_its_deadline() {
    all(&mut Rows::new(Guarantee::OnAThread));
}

/// The guarantees of a rendezvous' sender, which has no room to wait for.
#[test]
fn a_rendezvous_that_is_stopped_keeps_its_message() {
    let (tx, mut rx) = mpsc::rendezvous();
    assert_eq!(now(tx.send(1).until(ready(()))), Err(Stopped));
    assert_eq!(tx.send(2).blocking_timeout(Duration::ZERO), Err(Stopped));
    assert!(rx.try_recv().is_err(), "both have left");
    let (stop, stopped) = oneshot::channel::<()>();
    let mut first = Task::waiting(tx.send(3).until(stopped));
    let mut second = Task::waiting(tx.send(4).until(pending::<()>()));
    drop(stop);
    assert!(first.is_woken());
    assert_eq!(rx.try_recv(), Ok(3), "it has not left yet");
    assert_eq!(first.poll(), std::task::Poll::Ready(Ok(Ok(()))), "the call comes first");
    assert_eq!(rx.try_recv(), Ok(4));
    assert_eq!(second.poll(), std::task::Poll::Ready(Ok(Ok(()))));
}

/// A pinned call goes on after it was stopped, in its place among the others.
#[test]
fn a_pinned_call_keeps_its_message_and_its_place() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.send(1));
    assert_eq!(now(first.as_mut().until(ready(()))), Err(Stopped));
    let mut second = Task::waiting(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(!second.is_woken());
    assert_eq!(first.as_mut().blocking_timeout(Duration::ZERO), Ok(Ok(())));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(second.poll(), std::task::Poll::Ready(Ok(())));
}

/// With `observe`, a wait is noted where it can be seen, and that may allocate.
#[cfg(not(feature = "observe"))]
#[test]
fn nothing_is_allocated() {
    let (tx, mut rx) = mpsc::channel::<u8>(1);
    // The first blocking call of a thread makes what it waits with.
    assert_eq!(rx.recv().blocking_timeout(Duration::ZERO), Err(Stopped));
    let ((), _bytes, allocations) = counted(|| {
        assert_eq!(now(rx.recv().until(ready(()))), Err(Stopped));
        assert_eq!(rx.recv().blocking_timeout(Duration::ZERO), Err(Stopped));
        assert_eq!(now(tx.closed().until(ready(()))), Err(Stopped));
    });
    assert_eq!(allocations, 0);
}

#[cfg(feature = "tokio")]
mod in_tokio {
    use super::{Stopped, WaitExt, mpsc};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::{Duration, Instant};
    use support::within_deadline;
    use tokio::runtime::{Builder, Runtime};

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    /// A timer of tokio's is not ready without a budget.
    #[test]
    fn a_call_that_uses_up_the_budget_is_stopped() {
        within_deadline(|| {
            let (tx, mut rx) = mpsc::unbounded_channel();
            let endless = async move {
                loop {
                    tx.send(()).unwrap();
                    rx.recv().await.unwrap();
                }
            };
            let limit = Duration::from_millis(5);
            let stopped: Result<(), _> =
                runtime().block_on(async { endless.until(tokio::time::sleep(limit)).await });
            assert_eq!(stopped, Err(Stopped));
        });
    }

    /// With tokio's own message, and the line of the call.
    #[test]
    fn a_thread_of_a_runtime_may_not_block() {
        let blocks: [fn(&mut mpsc::Receiver<u8>) -> bool; 3] = [
            |rx| rx.blocking_recv().is_some(),
            |rx| rx.recv().blocking_timeout(Duration::ZERO).is_ok(),
            |rx| rx.recv().blocking_deadline(Instant::now()).is_ok(),
        ];
        let (tx, mut rx) = mpsc::channel(1);
        tx.try_send(1).unwrap();
        let messages = blocks.map(|block| {
            let in_a_runtime = AssertUnwindSafe(|| runtime().block_on(async { block(&mut rx) }));
            let payload = catch_unwind(in_a_runtime).unwrap_err();
            payload.downcast_ref::<String>().cloned()
        });
        assert!(messages[0].as_ref().is_some_and(|text| text.contains("block the current thread")));
        assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
        assert_eq!(rx.try_recv(), Ok(1));
    }
}
