//! Foreign code that comes back, or panics, where the channel calls it (C51, C30).

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use levada::oneshot::{self, error::TryRecvError};

use super::{Drops, Task, poll, poll_with};
use support::{Event, hooked_waker};

type Hook = Box<dyn Fn() + Send + Sync>;

/// What a waker does when it is cloned, woken or dropped.
struct Hooks {
    clone: Hook,
    wake: Hook,
    drop: Hook,
}

impl Default for Hooks {
    fn default() -> Self {
        let nothing = || -> Hook { Box::new(|| ()) };
        Self { clone: nothing(), wake: nothing(), drop: nothing() }
    }
}

impl Hooks {
    /// The waker, and what all its clones share.
    fn waker(self) -> (Arc<Self>, Waker) {
        let this = Arc::new(self);
        let hooks = Arc::clone(&this);
        let waker = hooked_waker(move |event| match event {
            Event::Clone => (hooks.clone)(),
            Event::Wake => (hooks.wake)(),
            Event::Drop => (hooks.drop)(),
        });
        (this, waker)
    }
}

/// The sender, where a hook finds it.
fn shared<T>(end: T) -> Arc<Mutex<Option<T>>> {
    Arc::new(Mutex::new(Some(end)))
}

fn send_hook<T: Clone + Send + Sync + 'static>(
    tx: &Arc<Mutex<Option<oneshot::Sender<T>>>>,
    value: T,
) -> Hook {
    let tx = Arc::clone(tx);
    Box::new(move || {
        let tx = tx.lock().expect("no hook panics with it").take();
        if let Some(tx) = tx {
            assert!(tx.send(value.clone()).is_ok());
        }
    })
}

#[test]
fn sent_while_the_waker_is_cloned() {
    let (tx, mut rx) = oneshot::channel();
    let hooks = Hooks { clone: send_hook(&shared(tx), 7), ..Hooks::default() };
    let (hooks, waker) = hooks.waker();
    assert_eq!(poll_with(&mut rx, &waker), Poll::Ready(Some(7)));
    drop(waker);
    assert_eq!(Arc::strong_count(&hooks), 1);
}

#[test]
fn sent_while_the_replaced_waker_is_dropped() {
    let task = Task::new();
    let (tx, mut rx) = oneshot::channel();
    let tx = shared(tx);
    let hooks = Hooks { drop: send_hook(&tx, 7), ..Hooks::default() };
    let (hooks, waker) = hooks.waker();
    assert!(poll_with(&mut rx, &waker).is_pending());
    // Only the clone that is stored shall send.
    let waker = ManuallyDrop::new(waker);
    assert!(poll(&mut rx, &task).is_pending(), "stored, then dropped the old one");
    assert!(tx.lock().unwrap().is_none(), "the hook has sent");
    assert_eq!(task.times_woken(), 1);
    assert_eq!(poll(&mut rx, &task), Poll::Ready(Some(7)));
    drop(ManuallyDrop::into_inner(waker));
    assert_eq!(Arc::strong_count(&hooks), 1);
}

#[test]
fn a_wake_that_receives() {
    let (tx, rx) = oneshot::channel();
    let rx = shared(rx);
    let received = Arc::new(Mutex::new(None));
    let hooks = Hooks {
        wake: Box::new({
            let (rx, received) = (Arc::clone(&rx), Arc::clone(&received));
            move || {
                let mut rx = rx.lock().unwrap().take().unwrap();
                *received.lock().unwrap() = rx.try_recv().ok();
            }
        }),
        ..Hooks::default()
    };
    let (_, waker) = hooks.waker();
    assert!(poll_with(rx.lock().unwrap().as_mut().unwrap(), &waker).is_pending());
    tx.send(7).unwrap();
    assert_eq!(*received.lock().unwrap(), Some(7));
}

#[test]
fn a_panic_in_the_clone_leaves_the_old_waker() {
    let task = Task::new();
    let (tx, mut rx) = oneshot::channel();
    assert!(poll(&mut rx, &task).is_pending());
    let hooks =
        Hooks { clone: Box::new(|| panic!("this waker cannot be cloned")), ..Hooks::default() };
    let (_, waker) = hooks.waker();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_with(&mut rx, &waker))).is_err());
    tx.send(7).unwrap();
    assert_eq!(task.times_woken(), 1);
    assert_eq!(rx.try_recv(), Ok(7));
}

#[test]
fn a_panic_in_the_drop_of_the_old_waker_leaves_the_new_one() {
    let task = Task::new();
    let (tx, mut rx) = oneshot::channel();
    let armed = Arc::new(Mutex::new(false));
    let hooks = Hooks {
        drop: Box::new({
            let armed = Arc::clone(&armed);
            move || {
                let panics = std::mem::take(&mut *armed.lock().unwrap());
                assert!(!panics, "this waker cannot be dropped");
            }
        }),
        ..Hooks::default()
    };
    let (hooks, waker) = hooks.waker();
    assert!(poll_with(&mut rx, &waker).is_pending());
    *armed.lock().unwrap() = true;
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut rx, &task))).is_err());
    drop(waker);
    assert_eq!(Arc::strong_count(&hooks), 1);
    tx.send(7).unwrap();
    assert_eq!(task.times_woken(), 1);
    assert_eq!(rx.try_recv(), Ok(7));
}

#[test]
fn a_panic_in_the_wake_loses_nothing() {
    let panics = || {
        let hooks =
            Hooks { wake: Box::new(|| panic!("this waker cannot be woken")), ..Hooks::default() };
        hooks.waker()
    };

    let drops = Drops::default();
    let sending = Task::new();
    let (hooks, waker) = panics();
    let (mut tx, mut rx) = oneshot::channel();
    assert!(super::poll_closed(&mut tx, &sending).is_pending());
    assert!(poll_with(&mut rx, &waker).is_pending());
    let value = drops.payload();
    assert!(catch_unwind(AssertUnwindSafe(|| tx.send(value))).is_err());
    assert_eq!(drops.count(), 0, "it was sent");
    assert!(rx.try_recv().is_ok());
    assert_eq!(drops.count(), 1);
    assert_eq!(Arc::strong_count(&sending), 1, "the sender's waker is dropped");
    drop(waker);
    assert_eq!(Arc::strong_count(&hooks), 1);

    // Dropping the receiver, and closing it.
    for close in [false, true] {
        let (_, waker) = panics();
        let (mut tx, mut rx) = oneshot::channel();
        let mut cx = Context::from_waker(&waker);
        assert!(tx.poll_closed(&mut cx).is_pending());
        let end = || if close { rx.close() } else { drop(rx) };
        assert!(catch_unwind(AssertUnwindSafe(end)).is_err());
        assert!(tx.is_closed());
        assert_eq!(tx.send(7), Err(7));
    }

    // Dropping the sender.
    let (_, waker) = panics();
    let (tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_with(&mut rx, &waker).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(tx))).is_err());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_panic_in_the_drop_of_the_value_is_passed_on_once() {
    struct Explosive(Arc<Mutex<u32>>);
    impl Drop for Explosive {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
            panic!("this value cannot be dropped");
        }
    }
    let drops = Arc::new(Mutex::new(0));
    let (tx, rx) = oneshot::channel();
    assert!(tx.send(Explosive(Arc::clone(&drops))).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!(*drops.lock().unwrap(), 1);
    assert_eq!(Arc::strong_count(&drops), 1);
}

/// A value that is itself an end: dropping it, unreceived, tells its own other end (C21).
#[test]
fn a_value_may_hold_another_channel() {
    let (inner_tx, mut inner_rx) = oneshot::channel::<u8>();
    let (tx, rx) = oneshot::channel();
    tx.send(inner_tx).unwrap();
    drop(rx);
    assert_eq!(inner_rx.try_recv(), Err(TryRecvError::Closed));
}
