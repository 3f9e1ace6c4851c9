//! A waker that calls back.

use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What happens to a waker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// It is cloned.
    Clone,
    /// It is woken, by value or by reference.
    Wake,
    /// It is dropped without having been woken by value.
    Drop,
}

type Hook = Box<dyn Fn(Event) + Send + Sync>;

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker that runs `hook` at each event, before what the event does. The hook may panic.
pub fn hooked_waker(hook: impl Fn(Event) + Send + Sync + 'static) -> Waker {
    let hook: Arc<Hook> = Arc::new(Box::new(hook));
    // SAFETY: the table's functions treat the pointer as the `Arc` it comes from, which is `Send`
    // and `Sync`, and each waker owns one count of it.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(hook).cast(), &VTABLE)) }
}

/// A waker that runs `f` whenever it is woken.
pub fn on_wake(f: impl Fn() + Send + Sync + 'static) -> Waker {
    hooked_waker(move |event| {
        if event == Event::Wake {
            f();
        }
    })
}

/// A waker that panics when it is woken.
///
/// # Panics
/// Not this function: its waker.
#[must_use]
pub fn panicking() -> Waker {
    hooked_waker(|event| assert_ne!(event, Event::Wake, "this waker panics"))
}

fn clone(data: *const ()) -> RawWaker {
    call(data, Event::Clone);
    // SAFETY: the waker that is cloned owns a count, so it is alive; the new one belongs to the
    // clone.
    unsafe { Arc::increment_strong_count(data.cast::<Hook>()) };
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    consume(data, Event::Wake);
}

fn wake_by_ref(data: *const ()) {
    call(data, Event::Wake);
}

fn drop_waker(data: *const ()) {
    consume(data, Event::Drop);
}

fn call(data: *const (), event: Event) {
    // SAFETY: `data` is the `Arc` of a waker that is alive during the call.
    let hook = unsafe { &*data.cast::<Hook>() };
    hook(event);
}

fn consume(data: *const (), event: Event) {
    // SAFETY: the waker is consumed, and its count with it, also if the hook panics.
    let hook = unsafe { Arc::from_raw(data.cast::<Hook>()) };
    hook(event);
}
