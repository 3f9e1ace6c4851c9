//! What tokio mended in its channels in October 2026 (1.53.3 and 1.54), as far as no other test has
//! it: the fixes of the cooperative budget are in `budget.rs`, wakers that use the channel while it
//! closes (#8529) in `mpsc/hostile.rs`, and positions that wrap (#8546) are where every debug build
//! begins.

use levada::{broadcast, mpmc, mpsc};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use support::{Event, Task, hooked_waker};

/// A message that panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a message is dropped");
    }
}

/// tokio #8560: the message of a permit is dropped, since no receiver is left, and panics. The
/// permit comes back once.
#[test]
fn a_permit_whose_message_panics_comes_back_once() {
    let (tx, rx) = mpsc::channel(2);
    let (first, second) = (tx.try_reserve().unwrap(), tx.try_reserve().unwrap());
    drop(rx);
    assert!(catch_unwind(AssertUnwindSafe(|| first.send(Bomb))).is_err());
    assert_eq!(tx.capacity(), 1);
    drop(second);
    assert_eq!(tx.capacity(), 2);

    let (tx, rx) = mpmc::channel(2);
    let (first, second) = (tx.try_reserve().unwrap(), tx.try_reserve().unwrap());
    drop(rx);
    assert!(catch_unwind(AssertUnwindSafe(|| first.send(Bomb))).is_err());
    assert_eq!(tx.capacity(), 1);
    drop(second);
    assert_eq!(tx.capacity(), 2);
}

/// tokio #8542: foreign code panics while a sender gets in line, there a tracing subscriber, here
/// the clone of a waker. The sender holds nothing when it is dropped.
#[test]
fn a_sender_that_panics_on_its_way_into_the_line_holds_nothing() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let waker = hooked_waker(|event| assert_ne!(event, Event::Clone, "a waker is cloned"));
    let mut context = Context::from_waker(&waker);
    {
        let mut panics = pin!(tx.reserve());
        let polled = catch_unwind(AssertUnwindSafe(|| panics.as_mut().poll(&mut context)));
        assert!(polled.is_err());
    }
    let mut next = Task::waiting(tx.reserve());
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(next.is_woken());
    assert!(next.poll().is_ready());
    assert_eq!(tx.capacity(), 1, "the permit was dropped");
}

/// tokio #8558: the wakers of `closed` are woken outside the lock, also one that uses the channel.
#[test]
fn wakers_of_closed_may_use_a_broadcast_channel() {
    let (tx, rx) = broadcast::channel::<u32>(4);
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = {
        let (tx, woken) = (tx.clone(), Arc::clone(&woken));
        hooked_waker(move |event| {
            if event == Event::Wake {
                let rx = tx.subscribe();
                tx.send(1).unwrap();
                assert_eq!((tx.len(), tx.receiver_count()), (1, 1));
                drop(rx);
                // ORDERING: SeqCst, no pair: one thread.
                woken.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let mut uses = Box::pin(tx.closed());
    assert!(uses.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut sleeps = Task::waiting(tx.closed());
    drop(rx);
    // ORDERING: SeqCst, no pair: one thread.
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    assert!(sleeps.is_woken() && sleeps.poll().is_ready());
    let mut again = pin!(poll_fn(|cx| uses.as_mut().poll(cx)));
    assert_eq!(again.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
}
