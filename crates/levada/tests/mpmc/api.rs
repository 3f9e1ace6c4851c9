//! What the handles answer: counts, limits, texts, panics (C28, C47).

use levada::mpmc::error::{SendError, TryRecvError, TrySendError};
use levada::mpmc::{self, Receiver, Sender};
use std::panic::{Location, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use support::Task;

#[test]
fn counts_follow_the_handles() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let counts = |tx: &Sender<u32>, rx: &Receiver<u32>| {
        assert_eq!(tx.strong_count(), rx.sender_strong_count());
        assert_eq!(tx.weak_count(), rx.sender_weak_count());
        (tx.strong_count(), tx.weak_count(), rx.receiver_count())
    };
    assert_eq!(counts(&tx, &rx), (1, 0, 1));
    let (tx2, rx2, weak) = (tx.clone(), rx.clone(), tx.downgrade());
    assert_eq!(counts(&tx, &rx), (2, 1, 2));
    let (weak2, up) = (weak.clone(), weak.upgrade().unwrap());
    assert_eq!(counts(&tx, &rx), (3, 2, 2));
    assert_eq!((weak.strong_count(), weak.weak_count()), (3, 2));
    let permit = up.try_reserve_owned().unwrap();
    assert_eq!(counts(&tx, &rx), (3, 2, 2));
    drop((tx2, rx2, weak, weak2, permit));
    assert_eq!(counts(&tx, &rx), (1, 0, 1));

    let (tx, rx) = mpmc::unbounded_channel::<u32>();
    let (tx2, rx2, weak) = (tx.clone(), rx.clone(), tx.downgrade());
    assert_eq!((tx.strong_count(), tx.weak_count()), (2, 1));
    assert_eq!((weak.strong_count(), weak.weak_count()), (2, 1));
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (2, 1));
    assert_eq!(rx.receiver_count(), 2);
    drop((tx2, rx2, weak));
    assert_eq!((tx.strong_count(), tx.weak_count(), rx.receiver_count()), (1, 0, 1));
}

#[test]
fn same_channel_tells_channels_apart() {
    let (tx, rx) = mpmc::channel::<u32>(2);
    let (other_tx, other_rx) = mpmc::channel::<u32>(2);
    assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other_tx));
    assert!(rx.same_channel(&rx.clone()) && !rx.same_channel(&other_rx));
    let a = tx.clone().try_reserve_owned().unwrap();
    let b = tx.clone().try_reserve_owned().unwrap();
    let other = other_tx.clone().try_reserve_owned().unwrap();
    assert!(a.same_channel(&b) && !a.same_channel(&other));
    assert!(a.same_channel_as_sender(&tx) && !a.same_channel_as_sender(&other_tx));
    let (tx, rx) = mpmc::unbounded_channel::<u32>();
    let (other_tx, other_rx) = mpmc::unbounded_channel::<u32>();
    assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other_tx));
    assert!(rx.same_channel(&rx.clone()) && !rx.same_channel(&other_rx));
}

#[test]
fn capacity_and_len_follow_the_messages() {
    let (tx, rx) = mpmc::channel(4);
    let state = || (tx.capacity(), rx.capacity(), rx.len(), rx.is_empty());
    assert_eq!(state(), (4, 4, 0, true));
    tx.try_send(1).unwrap();
    assert_eq!(state(), (3, 3, 1, false));
    let permits = tx.try_reserve_many(2).unwrap();
    assert_eq!(permits.len(), 2);
    assert_eq!(state(), (1, 1, 1, false));
    for permit in permits {
        permit.send(2);
    }
    assert_eq!(state(), (1, 1, 3, false));
    assert_eq!((tx.max_capacity(), rx.max_capacity()), (4, 4));
    rx.close();
    for _ in 0..3 {
        assert!(rx.try_recv().is_ok());
    }
    assert!(rx.is_empty() && rx.try_recv() == Err(TryRecvError::Disconnected));
}

/// C28: never more than the capacity, and never less than none, whatever goes on meanwhile.
#[test]
fn len_stays_within_the_capacity() {
    let (tx, rx) = mpmc::channel::<usize>(3);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..2 {
            workers.push(scope.spawn(|| {
                for i in 0..20_000 {
                    tx.blocking_send(i).unwrap();
                }
            }));
            workers.push(scope.spawn(|| {
                for _ in 0..20_000 {
                    rx.blocking_recv().unwrap();
                }
            }));
        }
        let watcher = scope.spawn(|| {
            // ORDERING: Relaxed, no pair: only when to stop.
            while !done.load(Ordering::Relaxed) {
                assert!(rx.len() <= 3 && tx.capacity() <= 3);
                thread::yield_now();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        // ORDERING: Relaxed, no pair: as above.
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
    });
    assert!(rx.is_empty());
    assert_eq!(tx.capacity(), 3);
}

#[test]
fn reserve_many_knows_its_limits() {
    let (tx, rx) = mpmc::channel::<u32>(2);
    assert!(matches!(Task::new(tx.reserve_many(3)).poll(), Poll::Ready(Err(_))));
    assert!(matches!(tx.try_reserve_many(3), Err(TrySendError::Full(()))));
    assert!(matches!(tx.try_reserve_many(usize::MAX), Err(TrySendError::Full(()))));
    assert_eq!(tx.try_reserve_many(0).unwrap().len(), 0);
    let mut all = Task::new(tx.reserve_many(2));
    let Poll::Ready(Ok(mut permits)) = all.poll() else {
        panic!("there is room");
    };
    permits.next().unwrap().send(1);
    assert_eq!((permits.len(), tx.capacity()), (1, 0));
    drop(permits);
    assert_eq!((tx.capacity(), rx.len()), (1, 1));
    // In line behind a large request, a small one waits its turn.
    let mut large = Task::waiting(tx.reserve_many(2));
    let mut small = Task::waiting(tx.reserve());
    assert!(matches!(tx.try_send(9), Err(TrySendError::Full(9))));
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(large.is_woken() && !small.is_woken());
    drop(large.poll());
    assert!(small.is_woken() && small.poll().is_ready());
}

#[test]
fn the_errors_say_what_happened() {
    let texts: [(String, &str); 7] = [
        (SendError(1).to_string(), "channel closed"),
        (format!("{:?}", SendError(1)), "SendError { .. }"),
        (TrySendError::Full(1).to_string(), "no available capacity"),
        (TrySendError::Closed(1).to_string(), "channel closed"),
        (format!("{:?}", TrySendError::Full(1)), "\"Full(..)\""),
        (TryRecvError::Empty.to_string(), "receiving on an empty channel"),
        (TryRecvError::Disconnected.to_string(), "receiving on a closed channel"),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Closed(1));
    assert_eq!(TrySendError::Full(1).into_inner(), 1);
}

#[cfg(feature = "tokio")]
#[test]
fn the_timeout_errors_say_what_happened() {
    use levada::mpmc::error::SendTimeoutError::{Closed, Timeout};
    assert_eq!(Timeout(1).to_string(), "timed out waiting on send operation");
    assert_eq!(Closed(1).to_string(), "channel closed");
    assert_eq!(format!("{:?} {:?}", Timeout(1), Closed(1)), "\"Timeout(..)\" \"Closed(..)\"");
    assert_eq!((Timeout(1).into_inner(), Closed(2).into_inner()), (1, 2));
}

#[test]
fn handles_can_be_printed() {
    let (tx, rx) = mpmc::channel::<NotDebug>(1);
    assert!(format!("{tx:?}").starts_with("Sender { chan: "));
    assert!(format!("{rx:?}").starts_with("Receiver { chan: "));
    assert_eq!(format!("{:?}", tx.downgrade()), "WeakSender");
    assert!(format!("{:?}", tx.try_reserve().unwrap()).starts_with("Permit { chan: "));
    assert_eq!(format!("{:?}", rx.recv()), "Recv { .. }");
    let (tx, rx) = mpmc::unbounded_channel::<NotDebug>();
    assert!(format!("{tx:?}").starts_with("UnboundedSender { chan: "));
    assert!(format!("{rx:?}").starts_with("UnboundedReceiver { chan: "));
}

struct NotDebug;

/// The message of a panic in `f`, and where it says it happened.
fn panic_of(f: impl FnOnce() + Send + 'static) -> (String, String, u32) {
    use std::sync::{Arc, Mutex};
    let seen = Arc::new(Mutex::new(None));
    let hook = Arc::clone(&seen);
    // One hook at a time: the tests of a program share it.
    static HOOK: Mutex<()> = Mutex::new(());
    let _own = HOOK.lock().unwrap();
    let before = std::panic::take_hook();
    let this = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == this {
            let place = info.location().unwrap();
            let message = info.to_string();
            *hook.lock().unwrap() = Some((message, place.file().to_owned(), place.line()));
        }
    }));
    let result = catch_unwind(std::panic::AssertUnwindSafe(f));
    std::panic::set_hook(before);
    assert!(result.is_err(), "did not panic");
    let seen = seen.lock().unwrap().take();
    seen.expect("the hook ran")
}

#[track_caller]
fn assert_panics_here(f: impl FnOnce() + Send + 'static, message: &str) {
    let here = Location::caller();
    let (said, file, line) = panic_of(f);
    assert!(said.contains(message), "{said}");
    assert_eq!(file, here.file());
    assert!(line.abs_diff(here.line()) <= 2, "line {line}, called on {}", here.line());
}

#[test]
fn a_capacity_that_cannot_be_is_the_callers_mistake() {
    assert_panics_here(|| drop(mpmc::channel::<u8>(0)), "mpmc bounded channel requires buffer > 0");
    assert_panics_here(|| drop(mpmc::channel::<u8>(usize::MAX)), "MAX_PERMITS");
    assert_panics_here(|| drop(mpmc::channel::<u8>((usize::MAX >> 3) + 1)), "MAX_PERMITS");
    let built = || drop(mpmc::builder::<u8>(0).named("none").build());
    assert_panics_here(built, "mpmc bounded channel requires buffer > 0");
    let (tx, rx) = mpmc::channel(usize::MAX >> 3);
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
}

#[cfg(feature = "tokio")]
#[test]
fn blocking_in_a_runtime_is_the_callers_mistake() {
    let message = "Cannot block the current thread from within a runtime";
    for multi in [false, true] {
        let runtime = move || {
            let mut builder = if multi {
                tokio::runtime::Builder::new_multi_thread()
            } else {
                tokio::runtime::Builder::new_current_thread()
            };
            builder.enable_all().build().unwrap()
        };
        let inside = move |f: fn(Sender<u8>, Receiver<u8>)| {
            let (tx, rx) = mpmc::channel(1);
            runtime().block_on(async move { f(tx, rx) });
        };
        assert_panics_here(move || inside(|tx, _rx| drop(Box::new(tx.blocking_send(1)))), message);
        assert_panics_here(move || inside(|_tx, rx| drop(Box::new(rx.blocking_recv()))), message);
        assert_panics_here(
            move || inside(|_tx, rx| drop(Box::new(rx.blocking_recv_many(&mut vec![], 1)))),
            message,
        );
    }
}
