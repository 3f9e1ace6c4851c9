//! Foreign code that panics, comes back into the channel, or is never heard of again.

use levada::watch::{self, Receiver, Sender};
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use support::{Tally, hooked_waker, poll, poll_now, within_deadline};

/// C51: tokio #5429, #5578, #3689; asyncband #125, #189, #234.
#[test]
fn wakers_may_use_the_channel() {
    within_deadline(|| {
        let (tx, mut rx) = watch::channel(0);
        let calls = Arc::new(AtomicUsize::new(0));
        let meddle = {
            let (tx, rx, calls) = (tx.clone(), rx.clone(), Arc::clone(&calls));
            move || {
                let look = rx.borrow();
                // Each value makes a waiter look again and clone its waker anew; so not for ever.
                if calls.fetch_add(1, Ordering::SeqCst) < 20 {
                    let _ = tx.send(*look);
                }
                drop(look);
                tx.send_if_modified(|_| false);
                let mut other = tx.subscribe();
                let _ = poll(pin!(other.changed()), Waker::noop());
            }
        };
        let again = meddle.clone();
        let (one, two) = (hooked_waker(move |_| again()), hooked_waker(move |_| meddle()));
        {
            let mut changed = pin!(rx.wait_for(|value| *value == 7));
            assert!(poll(changed.as_mut(), &one).is_pending());
            assert!(poll(changed.as_mut(), &two).is_pending());
            tx.send(7).unwrap();
            assert!(poll(changed.as_mut(), &one).is_ready());
        }
        let mut closed = Box::pin(tx.closed());
        assert!(poll(closed.as_mut(), &one).is_pending());
        assert!(poll(closed.as_mut(), &two).is_pending());
        tx.send_modify(|value| *value += 1);
        drop(closed);
        drop((one, two));
        assert!(calls.load(Ordering::SeqCst) > 20);
    });
}

/// Panics when it is woken.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("as it should");
    }
}

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// C51. More waiters than are woken in one go, on each way to wake them.
#[test]
fn a_panicking_waker_strands_nobody() {
    let wakes: [fn(Sender<i32>); 3] =
        [|tx| tx.send(1).unwrap(), |tx| tx.send_modify(|value| *value = 1), drop];
    for wake in wakes {
        let (tx, rx) = watch::channel(0);
        let alarm = Waker::from(Arc::new(Alarm));
        let bell = Tally::new();
        let mut receivers = vec![rx; 100];
        let mut waits: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.changed())).collect();
        for (index, changed) in waits.iter_mut().enumerate() {
            let waker = if index % 7 == 0 { alarm.clone() } else { bell.waker() };
            assert!(poll(changed.as_mut(), &waker).is_pending());
        }
        assert!(panics(|| wake(tx)));
        assert_eq!(bell.woken(), 100 - 100_usize.div_ceil(7));
        for changed in &mut waits {
            assert!(poll(changed.as_mut(), Waker::noop()).is_ready());
        }
    }
}

/// C51. A waiter for the close is woken for nothing when a value is let go of; its panic keeps
/// neither the receivers from being told nor the value from whom it belongs to.
#[test]
fn a_panicking_waker_of_another_event_strands_nobody() {
    let (tx, mut rx) = watch::channel(0);
    let bell = Tally::new();
    let other = rx.clone();
    let alarm = Waker::from(Arc::new(Alarm));
    let mut changed = pin!(rx.changed());
    assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
    let mut closed = pin!(tx.closed());
    assert!(poll(closed.as_mut(), &alarm).is_pending());
    assert!(panics(|| tx.send_modify(|value| {
        // The attempt to look leaves word that somebody wants the value.
        assert!(format!("{other:?}").contains("<locked>"));
        *value = 1;
    })));
    assert_eq!((bell.woken(), *other.borrow()), (1, 1));
    assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
}

/// A value that runs something when it is dropped.
#[derive(Default)]
struct Mine(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Mine {
    fn new(f: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(f)))
    }

    fn panicking() -> Self {
        Self::new(|| panic!("as it should"))
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// C30: tokio #7094, asyncband #232, #234.
#[test]
fn a_value_that_panics_when_dropped_loses_nothing() {
    // In `send`: it has been replaced, and the receivers have been told.
    let (tx, mut rx) = watch::channel(Mine::panicking());
    let bell = Tally::new();
    {
        let mut changed = pin!(rx.changed());
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        assert!(panics(|| tx.send(Mine::panicking())));
        assert_eq!(bell.woken(), 1);
        assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
    }
    // With its last look.
    let look = rx.borrow();
    tx.send(Mine::default()).unwrap();
    assert!(panics(|| drop(look)));
    tx.send_modify(|value| *value = Mine::panicking());
    // With the channel: everything else of it is dropped too.
    let held = Arc::new(());
    let (tx, rx) = {
        drop(tx);
        assert!(panics(|| drop(rx)));
        watch::channel((Mine::panicking(), Arc::clone(&held)))
    };
    drop(tx);
    assert!(panics(|| drop(rx)));
    assert_eq!(Arc::strong_count(&held), 1);
}

/// A value that was superseded while it was modified is dropped by the modifier.
#[test]
fn a_superseded_value_that_panics_when_dropped_strands_nobody() {
    let (tx, rx) = watch::channel(Mine::default());
    assert!(panics(|| tx.send_modify(|value| {
        tx.send(Mine::default()).unwrap();
        *value = Mine::panicking();
    })));
    assert!(rx.has_changed().unwrap() && rx.borrow().0.is_none());
    tx.send_modify(|_| ());
    drop(tx.send_replace(Mine::default()));
}

/// C51, for values.
#[test]
fn values_may_use_the_channel_when_dropped() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(Mine::default());
        let meddling = |tx: &Sender<Mine>, rx: &Receiver<Mine>| {
            let (tx, rx) = (tx.clone(), rx.clone());
            Mine::new(move || {
                let look = rx.borrow();
                let _ = tx.send(Mine::default());
                drop(look);
                tx.send_modify(|_| ());
            })
        };
        tx.send(meddling(&tx, &rx)).unwrap();
        tx.send(meddling(&tx, &rx)).unwrap();
        tx.send(meddling(&tx, &rx)).unwrap();
        let look = rx.borrow();
        tx.send(meddling(&tx, &rx)).unwrap();
        drop(look);
        drop(tx.send_replace(Mine::default()));
        assert!(rx.borrow().0.is_none());
    });
}

/// C7: async-channel #45; and what is forgotten while it looks or waits stops nobody who sends.
#[test]
fn what_is_forgotten_stops_nobody() {
    within_deadline(|| {
        let (tx, mut rx) = watch::channel(String::from("first"));
        let bell = Tally::new();
        let forgotten: &'static mut Receiver<String> = support::leak(rx.clone());
        let mut changed = Box::pin(forgotten.changed());
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        support::forget(changed);
        support::forget(rx.borrow());
        let mut changed = pin!(rx.changed());
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        tx.send(String::from("second")).unwrap();
        assert_eq!(bell.woken(), 2);
        assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
        tx.send_modify(|value| value.push_str(" and last"));
        assert_eq!(tx.send_replace(String::new()), "second and last");
    });
}

#[test]
fn values_of_any_shape_pass() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(128))]
    struct Aligned(u8);

    thread_local! {
        static DROPS: RefCell<usize> = const { RefCell::new(0) };
    }
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.with_borrow_mut(|drops| *drops += 1);
        }
    }

    let (tx, rx) = watch::channel(Aligned(1));
    let first = rx.borrow();
    tx.send(Aligned(2)).unwrap();
    for (look, value) in [(&first, 1), (&rx.borrow(), 2)] {
        assert_eq!(**look, Aligned(value));
        assert_eq!(std::ptr::from_ref(&**look).addr() % 128, 0);
    }

    let (tx, rx) = watch::channel(Nothing);
    let look = rx.borrow();
    tx.send(Nothing).unwrap();
    tx.send(Nothing).unwrap();
    assert_eq!(DROPS.with_borrow(|drops| *drops), 1);
    drop(look);
    assert_eq!(DROPS.with_borrow(|drops| *drops), 2);
    drop((tx, rx));
    assert_eq!(DROPS.with_borrow(|drops| *drops), 3);
}

/// Large values are not copied through the stack more often than a caller does himself.
#[test]
fn large_values_pass_on_a_small_stack() {
    type Large = [u8; 16 << 10];
    let (tx, rx) = watch::channel::<Large>([0; 16 << 10]);
    std::thread::Builder::new()
        .stack_size(512 << 10)
        .spawn(move || {
            let look = rx.borrow();
            tx.send([1; 16 << 10]).unwrap();
            tx.send_modify(|value| value[1] = 2);
            assert_eq!((look[0], rx.borrow()[0], rx.borrow()[1]), (0, 1, 2));
        })
        .unwrap()
        .join()
        .unwrap();
}

/// C16: the channel orders memory itself and does not rely on wakers for it.
#[test]
fn a_value_is_visible_to_whom_no_waker_told() {
    let (tx, mut rx) = watch::channel(0);
    let shared = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            shared.store(7, Ordering::Relaxed);
            tx.send(1).unwrap();
        });
        let mut changed = pin!(rx.changed());
        while changed.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            std::thread::yield_now();
        }
        assert_eq!(shared.load(Ordering::Relaxed), 7);
    });
}

/// A look at a value that is forgotten keeps that value, and stops no sender.
#[test]
fn forgotten_looks() {
    let (tx, mut rx) = watch::channel(0);
    for i in 1..100 {
        support::forget(rx.borrow());
        support::forget(tx.borrow());
        tx.send(i).unwrap();
        assert!(matches!(poll_now(rx.changed()), Poll::Ready(Ok(()))));
        assert_eq!(*rx.borrow_and_update(), i);
    }
}
