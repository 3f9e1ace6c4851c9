//! What a oneshot channel costs in memory, counted by the allocator.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Waker};

use levada::oneshot::{Receiver, Sender, channel};
use support::counted;

fn idle<T>() {
    let (ends, bytes, allocations) = counted(channel::<T>);
    let name = std::any::type_name::<T>();
    assert_eq!(allocations, 1, "{name}");
    assert_eq!(bytes, 32 + size_of::<T>().cast_signed(), "{name}");
    let ((), freed, allocations) = counted(|| drop(ends));
    assert_eq!((allocations, freed), (0, -bytes), "{name}");
}

#[repr(align(64))]
struct Aligned<const N: usize>([u8; N]);

#[test]
fn an_idle_channel_is_32_bytes_and_the_value() {
    idle::<()>();
    idle::<u8>();
    idle::<[u8; 5]>();
    idle::<u64>();
    idle::<u128>();
    idle::<[u8; 100]>();
    idle::<String>();
    idle::<Aligned<0>>();
    idle::<Aligned<1>>();
    idle::<Aligned<100>>();
}

#[test]
fn a_request_allocates_once() {
    let ((), left, allocations) = counted(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let (tx, mut rx) = channel();
        assert!(Pin::new(&mut rx).poll(&mut cx).is_pending());
        tx.send(7_u64).unwrap();
        assert!(Pin::new(&mut rx).poll(&mut cx).is_ready());
    });
    assert_eq!((allocations, left), (1, 0));
}

#[test]
fn waiting_for_closed_allocates_16_bytes_once() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut tx, rx) = channel::<u64>();
    let (_, bytes, allocations) = counted(|| tx.poll_closed(&mut cx).is_pending());
    assert_eq!((allocations, bytes), (1, 16));
    let waker = Waker::from(std::sync::Arc::new(Nothing));
    let mut other = Context::from_waker(&waker);
    let (pending, bytes, allocations) = counted(|| tx.poll_closed(&mut other).is_pending());
    assert!(pending);
    assert_eq!((allocations, bytes), (0, 0));
    let ((), freed, _) = counted(|| drop((tx, rx)));
    assert_eq!(freed, -(32 + 8 + 16));
}

struct Nothing;

impl std::task::Wake for Nothing {
    fn wake(self: std::sync::Arc<Self>) {}
}

/// Whichever way the ends go, nothing is left.
#[test]
fn every_way_to_the_end_frees_everything() {
    type Ends = (Sender<Box<u8>>, Receiver<Box<u8>>);
    let ways: [fn(Ends); 10] = [
        |(tx, rx)| drop((tx, rx)),
        |(tx, rx)| drop((rx, tx)),
        |(tx, rx)| {
            tx.send(Box::new(7)).unwrap();
            drop(rx);
        },
        |(tx, rx)| {
            drop(rx);
            tx.send(Box::new(7)).unwrap_err();
        },
        |(tx, mut rx)| {
            rx.close();
            tx.send(Box::new(7)).unwrap_err();
            drop(rx);
        },
        |(tx, mut rx)| {
            rx.close();
            drop(rx);
            tx.send(Box::new(7)).unwrap_err();
        },
        |(tx, mut rx)| {
            rx.close();
            assert!(rx.try_recv().is_err());
            drop(tx);
        },
        |(tx, mut rx)| {
            drop(tx);
            assert!(rx.try_recv().is_err());
        },
        |(tx, mut rx)| {
            tx.send(Box::new(7)).unwrap();
            assert_eq!(rx.try_recv(), Ok(Box::new(7)));
        },
        |(tx, mut rx)| {
            tx.send(Box::new(7)).unwrap();
            rx.close();
            drop(rx);
        },
    ];
    for (i, way) in ways.into_iter().enumerate() {
        for (tx_waits, rx_waits) in [(false, false), (true, false), (false, true), (true, true)] {
            let ((), left, _) = counted(|| {
                let mut cx = Context::from_waker(Waker::noop());
                let (mut tx, mut rx) = channel();
                assert!(!tx_waits || tx.poll_closed(&mut cx).is_pending());
                assert!(!rx_waits || Pin::new(&mut rx).poll(&mut cx).is_pending());
                way((tx, rx));
            });
            assert_eq!(left, 0, "way {i}, {tx_waits} {rx_waits}");
        }
    }
}

#[test]
fn a_value_that_panics_in_its_drop_leaks_nothing() {
    struct Explosive;
    impl Drop for Explosive {
        fn drop(&mut self) {
            // Without a message: the panic machinery shall not be what is counted.
            std::panic::resume_unwind(Box::new(()));
        }
    }
    let (_, left, _) = counted(|| {
        let (tx, rx) = channel();
        assert!(tx.send(Explosive).is_ok());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    });
    assert_eq!(left, 0);
}
