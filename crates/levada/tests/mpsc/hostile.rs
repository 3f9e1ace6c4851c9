//! Foreign code that does its worst: wakers that re-enter the channel or panic, messages that panic
//! when they are dropped (C30, C36, C51).

use levada::mpsc::{self, Sender};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use support::{Drops, Event, Task, hooked_waker, on_wake, panicking, poll};

/// A waker that uses the channel in all it does.
fn reentrant(tx: &Sender<u32>) -> Waker {
    let tx = tx.clone();
    hooked_waker(move |_| {
        let _full_or_not = tx.try_send(7);
        let _room = tx.capacity();
        drop(tx.clone());
        drop(tx.try_reserve());
    })
}

/// C51: a lock held around any of these calls is a deadlock here.
#[test]
fn wakers_may_use_the_channel() {
    let (tx, mut rx) = mpsc::channel(2);
    let weak = tx.downgrade();
    // The receiver sleeps, is woken, and its waker is replaced.
    for _ in 0..3 {
        let waker = reentrant(&tx);
        let mut recv = Box::pin(rx.recv());
        for _ in 0..2 {
            let _message = poll(recv.as_mut(), &waker);
        }
        let _message = poll(recv.as_mut(), &reentrant(&tx));
        drop(recv);
        while rx.try_recv().is_ok() {}
        let _full_or_not = tx.try_send(1);
    }
    while rx.try_recv().is_ok() {}
    // So does a sender; it is cancelled, granted, or told of the end.
    for round in 0..4 {
        while tx.try_send(0).is_ok() {}
        let mut send = Box::pin(tx.send(1));
        assert!(poll(send.as_mut(), &reentrant(&tx)).is_pending());
        let waker = reentrant(&tx);
        assert!(poll(send.as_mut(), &waker).is_pending());
        match round {
            0 => drop(send),
            1 => assert!(rx.try_recv().is_ok()),
            2 => {
                assert!(rx.try_recv().is_ok());
                let _sent_or_not = poll(send.as_mut(), &reentrant(&tx));
            }
            _ => rx.close(),
        }
    }
    // And one that waits for the end.
    let mut closed = Box::pin(tx.closed());
    assert!(poll(closed.as_mut(), &reentrant(&tx)).is_ready());
    drop(closed);
    drop(rx);
    drop(tx);
    assert!(weak.upgrade().is_none(), "a waker was kept");
}

/// The sender's waker makes room while it is cloned: the send goes through in that same poll, and
/// the clone is dropped without ever having been parked. Not under the lock.
#[test]
fn a_clone_that_is_not_needed_is_dropped_outside_the_lock() {
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let rx = Arc::new(Mutex::new(rx));
    let receive = Arc::clone(&rx);
    let capacity = tx.clone();
    let waker = hooked_waker(move |event| match event {
        Event::Clone => drop(receive.lock().unwrap().try_recv()),
        // Takes the lock.
        Event::Drop => drop(capacity.try_reserve()),
        Event::Wake => {}
    });
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut(), &waker).is_ready());
    assert_eq!(rx.lock().unwrap().try_recv(), Ok(1));
}

/// C51: one waker panics when the receiver goes; everybody else is served.
#[test]
fn a_panicking_sender_does_not_keep_the_receiver_from_going() {
    let drops = Drops::default();
    let (tx, rx) = mpsc::channel(2);
    for _ in 0..2 {
        tx.try_send(drops.message()).unwrap();
    }
    let mut first = Box::pin(tx.send(drops.message()));
    assert!(poll(first.as_mut(), &panicking()).is_pending());
    let mut second = Task::waiting(tx.send(drops.message()));
    let mut closed = Task::waiting(tx.closed());
    let panic = catch_unwind(AssertUnwindSafe(|| drop(rx)));
    assert!(panic.is_err(), "the waker's panic goes on");
    assert!(second.is_woken() && matches!(second.poll(), Poll::Ready(Err(_))));
    assert!(closed.is_woken() && closed.poll().is_ready());
    drop((first, second));
    assert_eq!(drops.alive(), 0, "messages were kept");
}

#[test]
fn a_panicking_sender_does_not_keep_the_channel_from_closing() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.send(1));
    assert!(poll(first.as_mut(), &panicking()).is_pending());
    let mut closed = Task::waiting(tx.closed());
    assert!(catch_unwind(AssertUnwindSafe(|| rx.close())).is_err());
    assert!(closed.is_woken() && closed.poll().is_ready());
    drop(first);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(matches!(rx.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
}

/// A waker that panics while a message is being received does not take the message with it; the
/// panic ends there.
#[test]
fn a_panicking_sender_does_not_cost_a_message() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut send = Box::pin(tx.send(1));
    assert!(poll(send.as_mut(), &panicking()).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(poll(send.as_mut(), Waker::noop()).is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
}

/// The message is in the channel, and the panic is the sender's.
#[test]
fn a_panicking_receiver_does_not_cost_a_message() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &panicking()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| tx.try_send(1))).is_err());
    assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Some(1)));
}

/// A send that is polled after it was ready is an error of its task's, not of the others'.
#[test]
fn polling_a_send_again_harms_nobody() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut done = Task::new(tx.send(0));
    assert!(done.poll().is_ready());
    let mut next = Task::waiting(tx.send(1));
    assert!(catch_unwind(AssertUnwindSafe(|| done.poll())).is_err());
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(next.is_woken() && next.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(catch_unwind(AssertUnwindSafe(|| done.poll())).is_err());
    assert_eq!(tx.capacity(), 1);
}

thread_local! {
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// Every third one panics on drop.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
        assert!(self.0 % 3 != 1, "this message panics");
    }
}

/// C30: each message is dropped once, the senders are woken, and one panic goes on.
#[test]
fn messages_that_panic_on_drop() {
    DROPPED.set(0);
    let (tx, rx) = mpsc::channel(100);
    for i in 0..100 {
        assert!(tx.try_send(Bomb(i)).is_ok());
    }
    let mut send = Task::waiting(tx.send(Bomb(0)));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!(DROPPED.get(), 100);
    assert!(send.is_woken() && matches!(send.poll(), Poll::Ready(Err(_))));
    drop(send);
    drop(tx);
    assert_eq!(DROPPED.get(), 101);
}

/// C36: being woken, a task lets go of the other end of the channel.
#[test]
fn a_waker_that_drops_another_end() {
    let (tx, rx) = mpsc::channel::<u32>(1);
    tx.try_send(0).unwrap();
    let other = Mutex::new(Some(tx.clone()));
    let waker = on_wake(move || drop(other.lock().unwrap().take()));
    let mut send = Box::pin(tx.send(1));
    assert!(poll(send.as_mut(), &waker).is_pending());
    drop(waker);
    assert_eq!(tx.strong_count(), 2);
    drop(rx);
    assert_eq!(tx.strong_count(), 1, "woken, and let go");

    let (tx, mut rx) = mpsc::channel::<u32>(1);
    let last = Mutex::new(Some(tx.clone()));
    let waker = on_wake(move || drop(last.lock().unwrap().take()));
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Some(1)));
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(None));
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
