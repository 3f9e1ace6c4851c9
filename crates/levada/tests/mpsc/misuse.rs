//! Bad input, and messages of unusual size.

use levada::mpsc;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::mpsc as std_mpsc;
use std::thread;

/// Checks that `f` panics with a text that begins with `text`, at the place of this call.
///
/// `f` runs on a thread with a name of its own, so that no other test's panic is taken for its.
#[track_caller]
fn assert_panics(text: &str, f: fn()) {
    const NAME: &str = "panics on purpose";
    let (tell, told) = std_mpsc::channel();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or(payload.downcast_ref::<&str>().map(ToString::to_string));
        let location = info.location().expect("panics have one");
        if thread::current().name() == Some(NAME) {
            let place = (location.file().to_owned(), location.line());
            let _test_has_ended = tell.send((text.unwrap_or_default(), place));
        } else {
            before(info);
        }
    }));
    let thread = thread::Builder::new().name(NAME.to_owned()).spawn(f);
    let end = thread.expect("a thread").join();
    drop(std::panic::take_hook());
    assert!(end.is_err(), "it did not panic");
    let (panic, (file, line)) = told.try_recv().expect("the hook ran");
    assert!(panic.starts_with(text), "{panic}");
    let caller = Location::caller();
    assert_eq!(file, caller.file());
    assert!((caller.line()..caller.line() + 6).contains(&line), "line {line}");
}

/// Runs `f` where a thread may not block.
#[cfg(feature = "tokio")]
fn in_runtime(f: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async { f() });
}

/// All in one test, for there is one panic hook.
#[cfg(feature = "tokio")]
#[test]
fn panics_name_the_caller() {
    const ZERO: &str = "mpsc bounded channel requires buffer > 0";
    const TOO_MANY: &str = "a semaphore may not have more than MAX_PERMITS permits";
    const IN_RUNTIME: &str = "Cannot block the current thread from within a runtime. This happens \
        because a function attempted to block the current thread while the thread is being used to \
        drive asynchronous tasks.";
    assert_panics(ZERO, || drop(mpsc::channel::<()>(0)));
    assert_panics(ZERO, || drop(mpsc::builder::<()>(0).named("none").build()));
    assert_panics(TOO_MANY, || drop(mpsc::channel::<()>(usize::MAX)));
    assert_panics(IN_RUNTIME, || {
        in_runtime(|| _ = mpsc::channel(1).0.blocking_send(1));
    });
    assert_panics(IN_RUNTIME, || {
        in_runtime(|| _ = mpsc::channel::<()>(1).1.blocking_recv());
    });
    assert_panics(IN_RUNTIME, || {
        in_runtime(|| _ = mpsc::channel(1).1.blocking_recv_many(&mut vec![0], 1));
    });
    assert_panics(IN_RUNTIME, || {
        in_runtime(|| _ = mpsc::unbounded_channel::<()>().1.blocking_recv());
    });
    assert_panics(IN_RUNTIME, || {
        in_runtime(|| _ = mpsc::unbounded_channel().1.blocking_recv_many(&mut vec![0], 1));
    });
}

/// In the context of a runtime, but not driving it, a thread may block; and after that it still may
/// not where it does drive one.
#[cfg(feature = "tokio")]
#[test]
fn blocking_in_context_is_allowed() {
    let exchange = || {
        let (tx, mut rx) = mpsc::channel(1);
        tx.blocking_send(1).unwrap();
        rx.blocking_recv()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    {
        let _in_context = runtime.enter();
        assert_eq!(exchange(), Some(1));
        assert!(catch_unwind(|| in_runtime(|| _ = exchange())).is_err());
        assert_eq!(exchange(), Some(1));
    }
    assert_eq!(runtime.block_on(runtime.spawn_blocking(exchange)).unwrap(), Some(1));
    let in_place = async move { tokio::task::block_in_place(exchange) };
    assert_eq!(runtime.block_on(runtime.spawn(in_place)).unwrap(), Some(1));
    let task = runtime.spawn(async move { catch_unwind(exchange).is_err() });
    assert!(runtime.block_on(task).unwrap());
    let local = tokio::task::LocalSet::new();
    assert!(local.block_on(&runtime, async move { catch_unwind(exchange).is_err() }));
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
