//! Bad input, and messages of unusual size.

use levada::mpsc;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::mpsc as std_mpsc;
use std::thread;

/// The text and line of the panic of `f`, which happens on a thread of its own, so that no other
/// test's panic is taken for it.
fn panic_of(f: impl FnOnce() + Send + 'static) -> (String, u32, String) {
    let (tx, rx) = std_mpsc::channel();
    let before = std::panic::take_hook();
    let tx = std::sync::Mutex::new(tx);
    let name = "panics on purpose";
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().name() == Some(name) {
            let location = info.location().unwrap();
            let told = (
                info.payload_as_str().unwrap_or_default().to_owned(),
                location.line(),
                location.file().to_owned(),
            );
            tx.lock().unwrap().send(told).unwrap();
        } else {
            before(info);
        }
    }));
    let thread = thread::Builder::new().name(name.to_owned()).spawn(f);
    assert!(thread.unwrap().join().is_err(), "it did not panic");
    drop(std::panic::take_hook());
    rx.try_recv().unwrap()
}

#[track_caller]
fn here() -> (u32, String) {
    let location = Location::caller();
    (location.line(), location.file().to_owned())
}

const IN_RUNTIME: &str = "Cannot block the current thread from within a runtime. This happens \
    because a function attempted to block the current thread while the thread is being used to \
    drive asynchronous tasks.";

/// All in one test, for there is one panic hook.
#[test]
fn panics_name_the_caller() {
    let in_runtime = |f: fn()| {
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async { f() });
        }
    };
    let (text, line, file) = panic_of(|| drop(mpsc::channel::<()>(0)));
    assert_eq!((line + 1, file), here());
    assert_eq!(text, "mpsc bounded channel requires buffer > 0");
    let (text, line, file) = panic_of(|| drop(mpsc::channel::<()>(usize::MAX)));
    assert_eq!((line + 1, file), here());
    assert!(
        text.starts_with("a semaphore may not have more than MAX_PERMITS permits"),
        "{text}"
    );
    let (text, line, file) = panic_of(in_runtime(|| {
        let _refused = mpsc::channel(1).0.blocking_send(1);
    }));
    assert_eq!((line + 1, file), here());
    assert_eq!(text, IN_RUNTIME);
    let recv = || _ = mpsc::channel::<()>(1).1.blocking_recv();
    let line_of_recv = here().0 - 1;
    assert_eq!(panic_of(in_runtime(recv)).1, line_of_recv);
    let many = || _ = mpsc::channel::<()>(1).1.blocking_recv_many(&mut vec![], 1);
    let line_of_many = here().0 - 1;
    assert_eq!(panic_of(in_runtime(many)).1, line_of_many);
    let unbounded = || _ = mpsc::unbounded_channel::<()>().1.blocking_recv();
    let line_of_unbounded = here().0 - 1;
    assert_eq!(panic_of(in_runtime(unbounded)).1, line_of_unbounded);
}

#[test]
fn the_largest_capacity() {
    let largest = usize::MAX >> 3;
    let (tx, mut rx) = mpsc::channel(largest);
    tx.try_send(1).unwrap();
    assert_eq!((tx.capacity(), rx.try_recv()), (largest - 1, Ok(1)));
    assert!(catch_unwind(|| mpsc::channel::<()>(largest + 1)).is_err());
    assert!(tx.try_reserve_many(largest + 1).is_err());
    drop(tx.try_reserve_many(largest).unwrap());
    assert_eq!(tx.capacity(), largest);
}

/// C46: there is room on the stack for a message, moved a few times, but not for a segment as well.
#[test]
fn large_messages_on_a_small_stack() {
    let small = thread::Builder::new().stack_size(1 << 20);
    let thread = small.spawn(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        for i in 0..20_u8 {
            tx.send([i; 16 << 10]).unwrap();
        }
        for i in 0..10 {
            assert_eq!(rx.try_recv().unwrap()[4_095], i);
        }
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn messages_without_size() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    for _ in 0..100_000 {
        tx.send(()).unwrap();
    }
    assert_eq!(rx.len(), 100_000);
    let mut batch = Vec::new();
    assert_eq!(rx.blocking_recv_many(&mut batch, usize::MAX), 100_000);
}

/// A future that panics while it is polled elsewhere leaves the channel whole.
#[test]
fn channels_are_unwind_safe() {
    let (tx, mut rx) = mpsc::channel(2);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _permit = tx.try_reserve().unwrap();
        panic!("with a permit in hand");
    }));
    assert!(panic.is_err());
    assert_eq!(tx.capacity(), 2);
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
}
