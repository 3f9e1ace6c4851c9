//! Panics whose payload panics again when it is dropped.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::{Event, Ledger, Message, forget, hooked_waker};

thread_local! {
    static IS_ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Until this is dropped, payloads explode. After a test has failed, nothing may.
#[derive(Debug)]
pub struct Armed(());

impl Armed {
    /// From now on, on this thread.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it changes the thread")]
    pub fn new() -> Self {
        IS_ARMED.set(true);
        Self(())
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        IS_ARMED.set(false);
    }
}

/// What the panics carry. Its drop panics with another one, for ever; the test that catches one
/// forgets it.
#[derive(Debug)]
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        if IS_ARMED.get() {
            panic_any(Self);
        }
    }
}

/// Panics with an explosive payload.
///
/// # Panics
/// Always.
pub fn explode() -> ! {
    assert!(IS_ARMED.get(), "a test that lets something explode is armed");
    panic_any(Payload)
}

/// Whether `f` explodes.
///
/// # Panics
/// If `f` panics with anything else.
pub fn explodes(f: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { return false };
    forget(payload.downcast::<Payload>().expect("the panic of the foreign code"));
    true
}

/// A waker that explodes at `event`, also while the thread is unwinding.
#[must_use]
pub fn explosive_waker(event: Event) -> Waker {
    hooked_waker(move |happened| {
        if happened == event {
            explode();
        }
    })
}

/// A waker that runs `hook` when it is cloned, and whose clones explode when they are dropped.
pub fn hooked_and_explosive(hook: impl Fn() + Send + Sync + 'static) -> Waker {
    hooked_waker(move |event| match event {
        Event::Clone => hook(),
        Event::Wake => {}
        Event::Drop => explode(),
    })
}

/// Polls with a waker whose clone explodes when the channel drops it; the one that is lent does
/// not. Nothing if that reached the caller.
pub fn poll_explosive<F: Future>(future: &mut Pin<Box<F>>) -> Option<Poll<F::Output>> {
    let lent = explosive_waker(Event::Drop);
    let mut polled = None;
    explodes(|| polled = Some(future.as_mut().poll(&mut Context::from_waker(&lent))));
    forget(lent);
    polled
}

/// Polls with a waker that is never dropped.
pub fn poll_with<F: Future>(future: &mut Pin<Box<F>>, waker: Waker) -> Poll<F::Output> {
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    forget(waker);
    polled
}

/// Explodes when it is dropped; its message is counted all the same.
#[derive(Debug)]
pub struct Bomb {
    _message: Message,
}

impl Bomb {
    /// One with the next message.
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self { _message: ledger.message() }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        explode();
    }
}
