//! Foreign code that does its worst: wakers that re-enter the channel or panic, messages that panic
//! when they are dropped (C30, C36, C51).

use levada::mpmc;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::task::{Poll, Waker};
use support::{PATIENCE, Task, hooked_waker, on_wake, panicking, poll};

/// A waker that uses the channel in all it does.
fn reentrant(tx: &mpmc::Sender<u32>, rx: &mpmc::Receiver<u32>) -> Waker {
    let (tx, rx) = (tx.downgrade(), rx.clone());
    hooked_waker(move |_| {
        let _message = rx.try_recv();
        let _len = rx.len();
        if let Some(tx) = tx.upgrade() {
            let _full_or_not = tx.try_send(7);
            drop(tx.try_reserve());
        }
        let _message = Task::new(rx.recv()).poll();
    })
}

/// C51: a lock held around any of these calls is a deadlock here.
#[test]
fn wakers_may_use_the_channel() {
    for round in 0..5 {
        let (tx, rx) = mpmc::channel(2);
        // A receiver sleeps, and its waker is replaced, woken, or given back.
        let mut recv = Box::pin(rx.recv());
        let mut other = Box::pin(rx.recv());
        for _ in 0..3 {
            while rx.try_recv().is_ok() {}
            let _message = poll(recv.as_mut(), &reentrant(&tx, &rx));
            let _message = poll(other.as_mut(), &reentrant(&tx, &rx));
        }
        // So does a sender.
        while tx.try_send(0).is_ok() {}
        let mut send = Box::pin(tx.send(1));
        for _ in 0..3 {
            if poll(send.as_mut(), &reentrant(&tx, &rx)).is_ready() {
                send = Box::pin(tx.send(1));
            }
        }
        let mut closed = Box::pin(tx.closed());
        let _not_yet = poll(closed.as_mut(), &reentrant(&tx, &rx));
        match round {
            0 => drop((recv, other, send)),
            1 => drop((send, other, recv)),
            2 => rx.close(),
            3 => drop(rx.try_recv()),
            _ => drop(tx.clone()),
        }
    }
}

/// C36: being woken by the close, a task lets go of the last sender.
#[test]
fn a_waker_that_drops_the_last_sender() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let permit = tx.try_reserve_owned().unwrap();
    let last = Mutex::new(Some(permit));
    let waker = on_wake(move || drop(last.lock().unwrap().take()));
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    drop(waker);
    let mut other = Task::waiting(rx.recv());
    rx.close();
    assert_eq!(rx.sender_strong_count(), 0);
    assert!(other.is_woken());
    assert_eq!(other.poll(), Poll::Ready(None));
    assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(None));
}

#[test]
fn a_waker_that_drops_another_receiver() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let spare = Mutex::new(Some(rx.clone()));
    let waker = on_wake(move || drop(spare.lock().unwrap().take()));
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    assert_eq!(rx.receiver_count(), 2);
    tx.try_send(1).unwrap();
    assert_eq!(rx.receiver_count(), 1);
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Some(1)));
}

/// C51: one waker panics at the end; everybody else sees it.
#[test]
fn a_panicking_receiver_does_not_keep_the_others_from_the_end() {
    for way in 0..3 {
        let (tx, rx) = mpmc::channel::<u32>(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let mut first = Box::pin(rx.recv());
        assert!(poll(first.as_mut(), &panicking()).is_pending());
        let mut others: Vec<_> = (0..50).map(|_| Task::waiting(rx.recv())).collect();
        let end = AssertUnwindSafe(|| match way {
            0 => drop((tx, permit)),
            1 => rx.close(),
            _ => {
                rx.close();
                drop(permit);
            }
        });
        assert!(catch_unwind(end).is_err(), "the panic goes on");
        for recv in &mut others {
            assert!(recv.is_woken(), "way {way}");
            let _end = recv.poll();
        }
    }
}

/// The message is in the channel, and the panic is the sender's. The receiver was not woken, so it
/// lets its promise lapse, and takes part again when it is polled.
#[test]
fn a_panicking_receiver_does_not_cost_a_message() {
    let (tx, rx) = mpmc::channel(1);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &panicking()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| tx.try_send(1))).is_err());
    assert_eq!((1..=PATIENCE).find_map(|_| rx.try_recv().ok()), Some(1));
    assert!(poll(recv.as_mut(), Waker::noop()).is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Some(2)));
}

/// The promise of a receiver lapses while another receives, or tries to; the waker of the next in
/// line panics then. That costs no message.
#[test]
fn a_lapse_that_wakes_a_panicking_receiver() {
    for way in 0..3 {
        let (tx, rx) = mpmc::channel(2);
        let stalled = Task::waiting(rx.recv());
        let mut next = Box::pin(rx.recv());
        assert!(poll(next.as_mut(), &panicking()).is_pending());
        tx.try_send(1).unwrap();
        assert!(stalled.is_woken());
        let mut newcomer = Task::new(rx.recv());
        let panics = (1..=PATIENCE).filter(|_| {
            let refused = AssertUnwindSafe(|| match way {
                0 => assert!(rx.try_recv().is_err()),
                1 => assert!(newcomer.poll().is_pending()),
                _ => assert!(Task::new(rx.recv()).poll().is_pending()),
            });
            catch_unwind(refused).is_err()
        });
        assert_eq!(panics.count(), 1, "way {way}");
        assert_eq!(poll(next.as_mut(), Waker::noop()), Poll::Ready(Some(1)));
    }
}

/// Nor does a sender's, woken while a message is being received.
#[test]
fn a_panicking_sender_does_not_cost_a_message() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(1).unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(send.as_mut(), &panicking()).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(poll(send.as_mut(), Waker::noop()).is_ready());
    assert_eq!(rx.try_recv(), Ok(2));
}

/// A receiver that is cancelled passes its promise on to one whose waker panics: the message stays.
#[test]
fn passing_a_wake_on_to_a_panicking_receiver() {
    let (tx, rx) = mpmc::channel(1);
    let first = Task::waiting(rx.recv());
    let mut second = Box::pin(rx.recv());
    assert!(poll(second.as_mut(), &panicking()).is_pending());
    tx.try_send(1).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(first))).is_err());
    assert_eq!(poll(second.as_mut(), Waker::noop()), Poll::Ready(Some(1)));
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
    let (tx, rx) = mpmc::channel(100);
    for i in 0..100 {
        assert!(tx.try_send(Bomb(i)).is_ok());
    }
    let other = rx.clone();
    let mut send = Task::waiting(tx.send(Bomb(0)));
    drop(rx);
    assert_eq!(DROPPED.get(), 0);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(other))).is_err());
    assert_eq!(DROPPED.get(), 100);
    assert!(send.is_woken() && matches!(send.poll(), Poll::Ready(Err(_))));
    drop(send);
    assert_eq!(DROPPED.get(), 101);
}

/// C30: a message that uses the channel when it is dropped with it.
#[test]
fn a_message_whose_drop_uses_the_channel() {
    struct Returning(mpmc::Sender<Returning>);
    impl Drop for Returning {
        fn drop(&mut self) {
            // Takes the lock.
            assert!(self.0.is_closed() && self.0.try_reserve().is_err());
        }
    }
    let (tx, rx) = mpmc::channel(1);
    assert!(tx.try_send(Returning(tx.clone())).is_ok());
    drop(rx);
    assert_eq!(tx.strong_count(), 1);
}
