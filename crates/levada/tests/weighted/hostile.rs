//! Foreign code that does its worst: guarantee 8.

use super::numbers;
use levada::mpsc;
use levada::mpsc::weighted::error::SendError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::{
    Armed, Bomb, Event, Ledger, Tally, Task, explodes, hooked_waker, now, on_wake, panicking, poll,
};

/// 8: of the senders that wait the waker of some panics; the receiver has its message, and the
/// others are woken.
#[test]
fn wakers_of_senders_that_panic() {
    let (tx, mut rx) = numbers(2);
    tx.try_send(2).unwrap();
    let mut first = pin!(tx.send(1));
    assert!(poll(first.as_mut(), &panicking()).is_pending());
    let good = Tally::new();
    let mut second = pin!(tx.send(1));
    assert!(poll(second.as_mut(), &good.waker()).is_pending());
    assert_eq!(rx.try_recv(), Ok(2), "it is in hand");
    assert_eq!(good.woken(), 1);
    assert!(poll(first.as_mut(), Waker::noop()).is_ready());
    assert!(poll(second.as_mut(), Waker::noop()).is_ready());

    // All at once, when the receiver closes.
    let mut sends: Vec<_> = (0..40).map(|_| Box::pin(tx.send(1))).collect();
    for (i, send) in sends.iter_mut().enumerate() {
        let waker = if i % 2 == 0 { panicking() } else { good.waker() };
        assert!(poll(send.as_mut(), &waker).is_pending());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| rx.close())).is_err(), "the first panic goes on");
    assert_eq!(good.woken(), 1 + 20);
    assert!(sends.iter_mut().all(|send| poll(send.as_mut(), Waker::noop()).is_ready()));
}

/// 8: messages that explode when they are dropped, wakers that do so meanwhile.
#[test]
fn everything_explodes_when_the_receiver_goes() {
    let _armed = Armed::new();
    let ledger = Ledger::new(4);
    let (tx, rx) = mpsc::weighted(2, |_: &Bomb| 1);
    for _ in 0..2 {
        assert!(tx.try_send(Bomb::new(&ledger)).is_ok());
    }
    let mut panics = pin!(tx.send(Bomb::new(&ledger)));
    assert!(poll(panics.as_mut(), &panicking()).is_pending());
    let mut waits = Task::waiting(tx.send(Bomb::new(&ledger)));
    assert!(explodes(|| drop(rx)));
    assert_eq!(ledger.alive(), 2, "both that were in the channel were dropped");
    assert!(waits.is_woken());
    for polled in [poll(panics.as_mut(), Waker::noop()), waits.poll()] {
        let Poll::Ready(Err(SendError::Closed(back))) = polled else { panic!("it is closed") };
        assert!(explodes(|| drop(back)));
    }
    ledger.settle();
}

/// 8: the waker of the receiver panics: the message is in the channel, and the account is right.
#[test]
fn wakers_of_the_receiver_that_panic() {
    let (tx, mut rx) = numbers(10);
    for with_permit in [false, true] {
        let mut recv = Box::pin(rx.recv());
        assert!(poll(recv.as_mut(), &panicking()).is_pending());
        let sent = catch_unwind(AssertUnwindSafe(|| {
            if with_permit {
                assert!(tx.try_reserve_weight(9).unwrap().send(4).is_ok());
            } else {
                assert!(tx.try_send(4).is_ok());
            }
        }));
        assert!(sent.is_err());
        assert_eq!(tx.weight(), 4);
        assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Some(4)));
        assert_eq!(tx.weight(), 0);
    }
}

/// 8: wakers and the function that weighs use every operation of the channel.
#[test]
fn foreign_code_calls_back() {
    let slot = Arc::new(Mutex::new(None::<mpsc::weighted::Sender<usize>>));
    let own = Arc::clone(&slot);
    let (tx, mut rx) = mpsc::weighted(4, move |n: &usize| {
        let sender = own.lock().unwrap().take();
        if let Some(tx) = sender {
            drop(tx.try_reserve_weight(1));
            let _ = tx.try_send(1);
            tx.set_max_weight(4);
            *own.lock().unwrap() = Some(tx);
        }
        *n
    });
    *slot.lock().unwrap() = Some(tx.clone());
    let calls = Arc::new(Mutex::new(0));
    let (hooked, counted) = (tx.clone(), Arc::clone(&calls));
    let waker = on_wake(move || {
        *counted.lock().unwrap() += 1;
        let _ = hooked.try_send(1);
        drop(hooked.try_reserve_weight(2));
        assert!(hooked.weight() <= 4 && !hooked.is_closed());
    });
    for _ in 0..3 {
        let mut recv = pin!(rx.recv());
        if poll(recv.as_mut(), &waker).is_pending() {
            tx.try_send(2).unwrap();
            assert!(poll(recv.as_mut(), &waker).is_ready());
        }
        let mut send = pin!(tx.send(4));
        while poll(send.as_mut(), &waker).is_pending() {
            assert!(now(rx.recv()).is_some());
        }
        while rx.try_recv().is_ok() {}
    }
    assert!(*calls.lock().unwrap() >= 3);
    slot.lock().unwrap().take();
}

/// 8: wakers that panic when they are cloned or dropped leave the channel whole.
#[test]
fn wakers_that_panic_at_every_event() {
    for event in [Event::Clone, Event::Drop] {
        let (tx, mut rx) = numbers(1);
        tx.try_send(1).unwrap();
        let waker = hooked_waker(move |it| assert_ne!(it, event, "this waker panics"));
        let waker = std::mem::ManuallyDrop::new(waker);
        {
            let mut send = Box::pin(tx.send(1));
            let polled = catch_unwind(AssertUnwindSafe(|| poll(send.as_mut(), &waker)));
            assert_eq!(polled.is_err(), event == Event::Clone);
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(send)));
            assert_eq!(dropped.is_err(), event == Event::Drop);
        }
        assert_eq!(rx.try_recv(), Ok(1));
        tx.try_send(1).unwrap();
        assert_eq!((rx.try_recv(), tx.weight()), (Ok(1), 0));
    }
}
