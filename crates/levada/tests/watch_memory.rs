//! What a watch channel takes from the allocator.

use levada::watch;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(allocations: usize, bytes: isize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    BYTES.set(BYTES.get() + bytes);
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations `f` makes, and how many bytes it keeps.
fn measure<R>(f: impl FnOnce() -> R) -> (R, usize, isize) {
    let (allocations, bytes) = (ALLOCATIONS.get(), BYTES.get());
    let result = f();
    (result, ALLOCATIONS.get() - allocations, BYTES.get() - bytes)
}

fn idle<T>(value: T) -> isize {
    let size = size_of::<T>();
    let (channel, allocations, bytes) = measure(|| watch::channel(value));
    assert_eq!(allocations, 1);
    assert!(bytes.unsigned_abs() <= 192 + size, "{bytes} bytes for a value of {size}");
    let ((), _, freed) = measure(|| drop(channel));
    assert_eq!(freed, -bytes);
    bytes
}

#[test]
fn an_idle_channel_is_one_small_allocation() {
    let overhead = idle(());
    println!("an idle channel takes {overhead} bytes and the value");
    idle(1_u8);
    idle(1_u64);
    idle(1_u128);
    idle([0_u8; 1000]);
    let (_, allocations, _) = measure(|| watch::Sender::new(0));
    assert_eq!(allocations, 1);
}

#[test]
fn sending_does_not_allocate() {
    let (tx, rx) = watch::channel(0_u64);
    let ((), allocations, _) = measure(|| {
        for value in 1..1000 {
            tx.send(value).unwrap();
            tx.send_modify(|value| *value += 1);
            assert_eq!(tx.send_replace(value), value + 1);
            assert_eq!(*rx.borrow(), value);
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn sending_while_somebody_looks_allocates_once() {
    let (tx, rx) = watch::channel(0_u64);
    let (kept, allocations, _) = measure(|| {
        let mut look = rx.borrow();
        for value in 1..1000 {
            tx.send(value).unwrap();
            look = rx.borrow();
            assert_eq!(*look, value);
        }
        *look
    });
    assert_eq!((kept, allocations), (999, 1));
}

#[test]
fn memory_follows_the_looks() {
    let (tx, rx) = watch::channel([0_u8; 1000]);
    let ((), allocations, kept) = measure(|| {
        let looks: Vec<_> = (1..=100)
            .map(|value| {
                tx.send([value; 1000]).unwrap();
                rx.borrow()
            })
            .collect();
        assert!(looks.iter().zip(1..).all(|(look, value)| look[0] == value));
    });
    // One for the `Vec`; the looks are at the first place, at 99 others, and one is in use.
    assert_eq!(allocations, 100);
    assert!((0..1100).contains(&kept), "one spare is kept, not {kept} bytes");
    let ((), _, freed) = measure(|| drop((tx, rx)));
    assert!(freed < -2000);
}

struct Quiet;

impl Wake for Quiet {
    fn wake(self: Arc<Self>) {}
}

/// C9: flume #182. C10: dotnet #761, asyncband #94.
#[test]
fn waiting_and_giving_up_leaves_nothing_behind() {
    const ROUNDS: usize = if cfg!(miri) { 100 } else { 100_000 };
    let (tx, mut rx) = watch::channel(0);
    let quiet = Arc::new(Quiet);
    let waker = Waker::from(Arc::clone(&quiet));
    let mut cx = Context::from_waker(&waker);
    let ((), allocations, bytes) = measure(|| {
        for _ in 0..ROUNDS {
            assert!(pin!(rx.changed()).poll(&mut cx).is_pending());
            assert!(pin!(tx.closed()).poll(&mut cx).is_pending());
        }
        let mut changed = pin!(rx.changed());
        for _ in 0..ROUNDS {
            assert!(changed.as_mut().poll(&mut cx).is_pending());
        }
    });
    assert_eq!((allocations, bytes), (0, 0));
    assert_eq!(Arc::strong_count(&quiet), 2);
}
