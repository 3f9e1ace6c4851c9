//! Foreign code that does its worst: guarantee 6.

use levada::mpsc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::{
    Armed, Bomb, Event, Ledger, Tally, Task, explodes, hooked_waker, on_wake, panicking, poll,
};

/// 6: the waker of the sender panics: the receiver has the message, and the sender learns of it.
#[test]
fn wakers_of_senders_that_panic() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut(), &panicking()).is_pending());
    assert_eq!(rx.try_recv(), Ok(1), "it is in hand");
    assert!(poll(send.as_mut(), Waker::noop()).is_ready());

    let good = Tally::new();
    let mut sends: Vec<_> = (0..40).map(|n| Box::pin(tx.send(n))).collect();
    for (i, send) in sends.iter_mut().enumerate() {
        let waker = if i % 2 == 0 { panicking() } else { good.waker() };
        assert!(poll(send.as_mut(), &waker).is_pending());
    }
    let mut closed = Task::waiting(tx.closed());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err(), "the first panic goes on");
    assert_eq!(good.woken(), 20);
    assert!(closed.is_woken() && closed.poll().is_ready());
    assert!(sends.iter_mut().all(|send| poll(send.as_mut(), Waker::noop()).is_ready()));
}

/// 6: the waker of the receiver panics: the message is offered, and can be taken or withdrawn.
#[test]
fn wakers_of_the_receiver_that_panic() {
    let (tx, mut rx) = mpsc::rendezvous();
    for gives_up in [false, true] {
        let mut recv = Box::pin(rx.recv());
        assert!(poll(recv.as_mut(), &panicking()).is_pending());
        let mut send = Box::pin(tx.send(1));
        let polled = catch_unwind(AssertUnwindSafe(|| poll(send.as_mut(), Waker::noop())));
        assert!(polled.is_err());
        if gives_up {
            drop(send);
            assert!(poll(recv.as_mut(), Waker::noop()).is_pending());
        } else {
            assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Some(1)));
            assert!(poll(send.as_mut(), Waker::noop()).is_ready());
        }
    }
}

/// 6: messages that explode when they are dropped.
#[test]
fn messages_that_explode() {
    let _armed = Armed::new();
    let ledger = Ledger::new(3);
    let (tx, rx) = mpsc::rendezvous();
    let cancelled = Task::waiting(tx.send(Bomb::new(&ledger)));
    let mut waits = Task::waiting(tx.send(Bomb::new(&ledger)));
    let unpolled = Task::new(tx.send(Bomb::new(&ledger)));
    assert!(explodes(|| drop(cancelled)));
    assert!(explodes(|| drop(unpolled)));
    drop(rx);
    let Poll::Ready(Err(back)) = waits.poll() else { panic!("it is closed") };
    assert!(explodes(|| drop(back)));
    ledger.settle();
}

/// 6: wakers that use the channel they wait on.
#[test]
fn wakers_call_back() {
    let (tx, mut rx) = mpsc::rendezvous();
    let calls = Arc::new(Mutex::new(0));
    let (hooked, counted) = (tx.clone(), Arc::clone(&calls));
    let waker = on_wake(move || {
        *counted.lock().unwrap() += 1;
        drop(Task::waiting(hooked.send(7)));
        assert!(!hooked.is_closed());
    });
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut(), &waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(poll(send.as_mut(), &waker).is_ready());
    let mut recv = pin!(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    let mut send = Task::waiting(tx.send(2));
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Some(2)));
    assert!(send.poll().is_ready());
    assert_eq!(*calls.lock().unwrap(), 2);
}

/// 6: wakers that panic when they are cloned or dropped.
#[test]
fn wakers_that_panic_at_every_event() {
    for event in [Event::Clone, Event::Drop] {
        let (tx, mut rx) = mpsc::rendezvous();
        let waker = hooked_waker(move |it| assert_ne!(it, event, "this waker panics"));
        let waker = std::mem::ManuallyDrop::new(waker);
        let mut send = Box::pin(tx.send(1));
        let polled = catch_unwind(AssertUnwindSafe(|| poll(send.as_mut(), &waker)));
        assert_eq!(polled.is_err(), event == Event::Clone);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(send)));
        assert_eq!(dropped.is_err(), event == Event::Drop);
        assert!(rx.is_empty());
        let mut send = Task::waiting(tx.send(2));
        assert_eq!(rx.try_recv(), Ok(2));
        assert!(send.poll().is_ready());
    }
}
