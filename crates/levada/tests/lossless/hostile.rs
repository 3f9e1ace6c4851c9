//! Foreign code that does its worst: guarantees 6 and 8.

use levada::broadcast;
use levada::broadcast::lossless::Sender;
use levada::broadcast::lossless::error::TryRecvError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::{
    Armed, Bomb, Drops, Event, Ledger, Tally, Task, explode, explodes, hooked_waker, panicking,
    poll,
};

/// 8: the clone of each member but the last panics: it has received the message, and the sender
/// goes on.
#[test]
fn clones_that_panic() {
    struct Cloned {
        _alive: Drops,
    }
    impl Clone for Cloned {
        fn clone(&self) -> Self {
            explode();
        }
    }
    let _armed = Armed::new();
    let drops = Drops::default();
    let (tx, first) = broadcast::lossless(1);
    let mut members = vec![first, tx.subscribe(), tx.subscribe()];
    for _ in 0..3 {
        assert!(tx.try_send(Cloned { _alive: drops.message() }).is_ok());
        let mut send = Task::waiting(tx.send(Cloned { _alive: drops.message() }));
        for (i, rx) in members.iter_mut().enumerate() {
            assert!(!send.is_woken());
            assert_eq!(explodes(|| drop(rx.try_recv())), i < 2);
        }
        assert!(send.is_woken() && send.poll().is_ready());
        for rx in &mut members {
            explodes(|| drop(rx.try_recv()));
            assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
        }
    }
    assert_eq!(drops.alive(), 0);
}

/// 6, 8: messages that explode when they are dropped, with the member that has not received them.
#[test]
fn messages_that_explode() {
    #[derive(Debug)]
    struct Exploding {
        _bomb: Option<Bomb>,
    }
    impl Clone for Exploding {
        fn clone(&self) -> Self {
            Self { _bomb: None }
        }
    }
    let _armed = Armed::new();
    let ledger = Ledger::new(4);
    let (tx, rx) = broadcast::lossless(2);
    for _ in 0..2 {
        tx.try_send(Exploding { _bomb: Some(Bomb::new(&ledger)) }).unwrap();
    }
    let mut send = Task::waiting(tx.send(Exploding { _bomb: Some(Bomb::new(&ledger)) }));
    assert!(explodes(|| drop(rx)));
    assert_eq!(ledger.alive(), 1, "both were dropped");
    assert!(send.is_woken());
    let Poll::Ready(Err(back)) = send.poll() else { panic!("no receiver is left") };
    assert!(explodes(|| drop(back)));
    ledger.settle();
}

/// 8: of the senders that wait the waker of some panics; the receiver has its message, and the
/// others are woken.
#[test]
fn wakers_of_senders_that_panic() {
    let (tx, mut rx) = broadcast::lossless(1);
    tx.try_send(0).unwrap();
    let mut first = pin!(tx.send(1));
    assert!(poll(first.as_mut(), &panicking()).is_pending());
    let good = Tally::new();
    let mut second = pin!(tx.send(2));
    assert!(poll(second.as_mut(), &good.waker()).is_pending());
    assert_eq!(rx.try_recv(), Ok(0), "it is in hand");
    assert!(poll(first.as_mut(), Waker::noop()).is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(good.woken(), 1);
    assert!(poll(second.as_mut(), Waker::noop()).is_ready());

    // All at once, when the last receiver goes.
    let mut sends: Vec<_> = (0..40).map(|n| Box::pin(tx.send(n))).collect();
    for (i, send) in sends.iter_mut().enumerate() {
        let waker = if i % 2 == 0 { panicking() } else { good.waker() };
        assert!(poll(send.as_mut(), &waker).is_pending());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err(), "the first panic goes on");
    assert_eq!(good.woken(), 1 + 20);
    assert!(sends.iter_mut().all(|send| poll(send.as_mut(), Waker::noop()).is_ready()));
}

/// 8: wakers that use every operation of the channel they wait on.
#[test]
fn wakers_call_back() {
    let (tx, mut rx) = broadcast::lossless(1);
    let calls = Arc::new(Mutex::new(0));
    let hook = {
        let (tx, calls) = (tx.clone(), Arc::clone(&calls));
        move || {
            *calls.lock().unwrap() += 1;
            let mut member = tx.subscribe().named("hook");
            let observer = tx.subscribe_lossy();
            let _ = tx.try_send(7);
            let _ = member.try_recv();
            assert!(tx.subscribers().len() >= 2);
            tx.evict(observer.id());
            assert!(observer.is_evicted() && tx.receiver_count() >= 2);
        }
    };
    let waker = hooked_waker(move |_| hook());
    for _ in 0..3 {
        let mut recv = pin!(rx.recv());
        while poll(recv.as_mut(), &waker).is_pending() {}
    }
    while rx.try_recv().is_ok() {}
    tx.try_send(1).unwrap();
    let mut send = pin!(tx.send(2));
    assert!(poll(send.as_mut(), &waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(*calls.lock().unwrap() >= 6);
}

/// A waker that drops the last member, or evicts the receiver that wakes it.
#[test]
fn wakers_that_end_members() {
    let (tx, rx) = broadcast::lossless(1);
    let mut other = tx.subscribe();
    tx.try_send(1).unwrap();
    let victim = Mutex::new(Some(rx));
    let waker = hooked_waker(move |event| {
        if event == Event::Wake {
            drop(victim.lock().unwrap().take());
        }
    });
    assert_eq!(other.try_recv(), Ok(1));
    let mut recv = pin!(other.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    let mut send = Task::waiting(tx.send(2));
    let mut observer = tx.subscribe_lossy();
    tx.evict(observer.id());
    assert!(send.is_woken(), "the receivers were woken, and one dropped the member");
    assert!(matches!(send.poll(), Poll::Ready(Ok(_))));
    assert_eq!(observer.try_recv(), Err(TryRecvError::Evicted));
    assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Ok(2)));
}

/// While a member clones, the message is overwritten: it was evicted by the clone itself.
#[test]
fn a_clone_that_evicts_its_receiver() {
    type Hook = Cell<Option<Box<dyn FnOnce()>>>;
    struct Evicting(Rc<Hook>, Drops);
    impl Clone for Evicting {
        fn clone(&self) -> Self {
            if let Some(hook) = self.0.take() {
                hook();
            }
            Self(Rc::default(), self.1.clone())
        }
    }
    let drops = Drops::default();
    let (tx, mut rx) = broadcast::lossless(1);
    let tx: &Sender<Evicting> = support::leak(tx);
    let mut other = tx.subscribe_lossy();
    let (id, alive) = (rx.id(), drops.clone());
    let hook = move || {
        assert!(tx.evict(id));
        assert!(tx.try_send(Evicting(Rc::default(), alive.message())).is_ok());
    };
    let message = Evicting(Rc::new(Cell::new(Some(Box::new(hook)))), drops.message());
    assert!(tx.try_send(message).is_ok());
    assert!(rx.try_recv().is_ok(), "it was being received");
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Evicted)));
    assert!(matches!(other.try_recv(), Err(TryRecvError::Lagged(1))));
    assert!(other.try_recv().is_ok());
    assert_eq!(drops.alive(), 0);
}
