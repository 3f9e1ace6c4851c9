//! What a watch channel takes from the allocator.

use levada::watch;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use support::counted;

fn idle<T>(value: T) -> isize {
    let size = size_of::<T>();
    let (channel, bytes, allocations) = counted(|| watch::channel(value));
    assert_eq!(allocations, 1);
    assert!(bytes.unsigned_abs() <= 200 + size, "{bytes} bytes for a value of {size}");
    let ((), freed, _) = counted(|| drop(channel));
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
    let (_, _, allocations) = counted(|| watch::Sender::new(0));
    assert_eq!(allocations, 1);
}

#[test]
fn sending_does_not_allocate() {
    let (tx, rx) = watch::channel(0_u64);
    let ((), _, allocations) = counted(|| tx.send(0).unwrap());
    assert_eq!(allocations, 1, "room for a second value");
    let ((), _, allocations) = counted(|| {
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
    let (kept, _, allocations) = counted(|| {
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
    let ((), kept, allocations) = counted(|| {
        let looks: Vec<_> = (1..=100)
            .map(|value| {
                tx.send([value; 1000]).unwrap();
                rx.borrow()
            })
            .collect();
        assert!(looks.iter().zip(1..).all(|(look, value)| look[0] == value));
    });
    // One for the `Vec`, and 99 values beside the two that have room from the beginning or the
    // first `send` on.
    assert_eq!(allocations, 100);
    assert!((0..2200).contains(&kept), "the second and the current value, not {kept} bytes");
    let ((), freed, _) = counted(|| drop((tx, rx)));
    assert!(freed < -3000);
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
    let ((), bytes, allocations) = counted(|| {
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
