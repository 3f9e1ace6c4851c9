//! What a broadcast channel costs in memory. One test, because it counts every allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use levada::broadcast;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// Sends in the course of the next allocation: as another thread might, but at a known moment.
static MEANWHILE: Mutex<Option<broadcast::Sender<usize>>> = Mutex::new(None);

struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // ORDERING: Relaxed, no pair: one thread.
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // ORDERING: Relaxed, no pair: one thread.
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let meanwhile = MEANWHILE.try_lock().ok().and_then(|mut sender| sender.take());
        if let Some(sender) = meanwhile {
            sender.send(0).expect("there is a receiver");
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // ORDERING: Relaxed, no pair: one thread.
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes in use and allocations made so far.
fn heap() -> (usize, usize) {
    // ORDERING: Relaxed, no pair: one thread.
    (BYTES.load(Ordering::Relaxed), ALLOCATIONS.load(Ordering::Relaxed))
}

/// Bytes and allocations that `f` adds.
fn cost<R>(f: impl FnOnce() -> R) -> (usize, usize, R) {
    let before = heap();
    let result = f();
    let after = heap();
    (after.0.saturating_sub(before.0), after.1 - before.1, result)
}

#[test]
fn memory_follows_use() {
    // Idle channels: no slots at all.
    let (bytes, allocations, idle) = cost(|| broadcast::channel::<usize>(128));
    println!("idle channel(128) of usize: {bytes} bytes in {allocations} allocations");
    assert!(bytes <= 640 && allocations <= 2);
    drop(idle);
    let (bytes, _, idle) = cost(|| broadcast::channel::<[u8; 1024]>(1 << 20));
    println!("idle channel(1 << 20) of 1 KiB: {bytes} bytes");
    assert!(bytes <= 1024);
    drop(idle);

    // Many messages, few at a time: what the first ones needed is enough for all.
    let (tx, mut rx) = broadcast::channel::<usize>(1 << 20);
    let mut few = |times: usize| {
        for n in 0..times {
            (0..7).for_each(|_| drop(tx.send(n)));
            while rx.try_recv() == Ok(n) {}
        }
    };
    few(10);
    let (bytes, allocations, ()) = cost(|| few(100_000));
    assert_eq!((bytes, allocations), (0, 0), "nothing per message");

    // A backlog needs its own size rounded up, once.
    let backlog = |n: usize| (0..n).for_each(|n| assert!(tx.send(n).is_ok()));
    let (bytes, ..) = cost(|| backlog(10_000));
    println!("a backlog of 10,000 usize: {bytes} bytes");
    assert!(bytes <= 2 * 10_000 * 48);
    while rx.try_recv().is_ok() {}
    let (bytes, allocations, ()) = cost(|| backlog(10_000));
    assert_eq!((bytes, allocations), (0, 0), "used again");
    drop((tx, rx));

    // C9: polling again and again, or giving up again and again, adds nothing.
    let (tx, mut rx) = broadcast::channel::<usize>(16);
    let cx = &mut Context::from_waker(Waker::noop());
    let (bytes, allocations, ()) = cost(|| {
        for _ in 0..100_000 {
            let mut recv = pin!(rx.recv());
            assert!(recv.as_mut().poll(cx).is_pending());
            assert!(recv.as_mut().poll(cx).is_pending());
            assert!(pin!(tx.closed()).poll(cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    drop((tx, rx));

    // Everything goes with the last handle.
    let before = heap().0;
    for capacity in [1, 16, 17, 1000] {
        let (tx, rx) = broadcast::channel(capacity);
        (0..2 * capacity).for_each(|n| drop(tx.send(vec![n; 10])));
        let weak = tx.downgrade();
        drop((tx, rx, weak));
    }
    assert_eq!(heap().0, before);
    // Two senders add the same slots: those of the slower one are freed.
    let (tx, mut rx) = broadcast::channel(16);
    *MEANWHILE.lock().unwrap() = Some(tx.clone());
    tx.send(1).unwrap();
    assert!(MEANWHILE.lock().unwrap().is_none(), "it allocated");
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
    drop((tx, rx));
    assert_eq!(heap().0, before);
}
