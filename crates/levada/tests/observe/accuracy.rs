//! Figures are what the program counts itself.

use super::{channel, try_channel};
use levada::{mpmc, mpsc, observe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Beside threads that send and receive, each reading is one that the channel had.
#[test]
fn a_reading_is_consistent() {
    const MESSAGES: u64 = if cfg!(miri) { 100 } else { 200_000 };
    let (tx, mut rx) = mpsc::builder(16).named("a_reading_is_consistent").build();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for message in 0..MESSAGES {
                tx.blocking_send(message).unwrap();
            }
        });
        scope.spawn(|| {
            for message in 0..MESSAGES {
                assert_eq!(rx.blocking_recv(), Some(message));
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let Some(reading) = try_channel("a_reading_is_consistent") else { continue };
            let depth = reading.depth.unwrap();
            let received = reading.received.unwrap();
            assert!(depth <= 16, "{depth}");
            assert!(reading.sent >= last);
            assert_eq!(reading.sent - received, depth as u64);
            assert!(reading.high_water.unwrap() <= 16);
            last = reading.sent;
        }
    });
    let reading = channel("a_reading_is_consistent");
    assert_eq!((reading.sent, reading.received), (MESSAGES, Some(MESSAGES)));
    assert_eq!(reading.depth, Some(0));
}

/// What permits hold is shown: a permit that is kept is why a channel is full without messages.
#[test]
fn reserved_capacity() {
    let (tx, _rx) = mpsc::builder::<u32>(4).named("reserved_capacity").build();
    let permits = tx.try_reserve_many(3).unwrap();
    let reading = channel("reserved_capacity");
    assert_eq!((reading.depth, reading.reserved), (Some(0), Some(3)));
    drop(permits);
    assert_eq!(channel("reserved_capacity").reserved, Some(0));
}

/// What a policy holds back until the receiver comes is sent, and is no reserved place; what was
/// evicted counts by itself.
#[test]
fn a_channel_with_a_policy() {
    let (tx, mut rx) =
        mpsc::builder(2).named("policy").overflow(mpsc::Overflow::EvictOldest).build();
    for message in 0..5 {
        tx.try_send(message).unwrap();
        let now = channel("policy");
        let there = usize::min(message + 1, 2);
        assert_eq!((now.depth, now.reserved, now.sent), (Some(there), Some(0), there as u64));
    }
    assert_eq!(tx.evicted(), 3);
    assert_eq!(rx.peek(), Some(&3));
    let permit = tx.try_reserve();
    assert!(permit.is_err(), "{permit:?}");
    // Beside the message in hand there is room for what evicts.
    tx.try_send(5).unwrap();
    let now = channel("policy");
    assert_eq!((now.capacity, now.depth, now.high_water), (Some(2), Some(2), Some(2)));
    assert_eq!(rx.drain().collect::<Vec<_>>(), [3, 4, 5]);
    let now = channel("policy");
    assert_eq!((now.depth, now.sent, now.received), (Some(0), 3, Some(3)));
}

/// Ten messages for two places, of which one is received: by every policy, and with `force_send`.
#[test]
fn what_is_evicted_is_neither_sent_nor_received() {
    use mpsc::Overflow::{self, DiscardIncoming, EvictNewest, EvictOldest, Wait};

    /// Sends ten, with `force_send` if there is no policy.
    fn send(overflow: Overflow, force_send: impl Fn(u8), try_send: impl Fn(u8)) {
        let send: &dyn Fn(u8) = if overflow == Wait { &force_send } else { &try_send };
        (0..10).for_each(send);
    }
    let of_mpsc = |overflow| {
        let (tx, mut rx) = mpsc::builder(2).named("mpsc, evicts").overflow(overflow).build();
        send(overflow, |n| assert!(tx.force_send(n).is_ok()), |n| tx.try_send(n).unwrap());
        rx.try_recv().unwrap();
        channel("mpsc, evicts")
    };
    let of_mpmc = |overflow| {
        let (tx, rx) = mpmc::builder(2).named("mpmc, evicts").overflow(overflow).build();
        send(overflow, |n| assert!(tx.force_send(n).is_ok()), |n| tx.try_send(n).unwrap());
        rx.try_recv().unwrap();
        channel("mpmc, evicts")
    };
    for overflow in [Wait, EvictOldest, EvictNewest, DiscardIncoming] {
        for now in [of_mpsc(overflow), of_mpmc(overflow)] {
            let counts = (now.sent, now.received, now.depth, now.evicted);
            assert_eq!(counts, (2, Some(1), Some(1), Some(8)), "{overflow:?}, {}", now.origin);
        }
    }
    let ended = observe::snapshot().ended;
    for name in ["mpsc, evicts", "mpmc, evicts"] {
        let ended = ended.iter().find(|ended| ended.origin.name() == Some(name)).unwrap();
        assert_eq!((ended.channels, ended.sent, ended.evicted), (4, 8, 32), "{name}");
    }
}

/// What the last receiver leaves behind is no longer queued, with a policy as without one.
#[test]
fn messages_that_the_receiver_leaves_behind() {
    let left = |overflow| {
        let (tx, rx) = mpsc::builder(4).named("left behind").overflow(overflow).build();
        (0..3).for_each(|message| tx.try_send(message).unwrap());
        drop(rx);
        let now = channel("left behind");
        (now.sent, now.received, now.depth)
    };
    let without_policy = left(mpsc::Overflow::Wait);
    assert_eq!(without_policy, (3, Some(3), Some(0)));
    assert_eq!(left(mpsc::Overflow::EvictOldest), without_policy);
}

/// One message in 64 is measured, by whichever method it is received.
#[test]
fn queue_times_are_sampled() {
    let (tx, mut rx) = mpsc::unbounded_builder().named("sampled mpsc").build();
    for message in 0..64 * 5 {
        tx.send(message).unwrap();
    }
    let samples = |name| channel(name).queue_time.unwrap().samples();
    assert_eq!(samples("sampled mpsc"), 0);
    for _ in 0..64 {
        rx.try_recv().unwrap();
    }
    assert_eq!(samples("sampled mpsc"), 0, "the first are before the samples begin");
    let mut buffer = Vec::new();
    assert_eq!(rx.blocking_recv_many(&mut buffer, 1_000), 64 * 4);
    assert_eq!(samples("sampled mpsc"), 4);
    assert_eq!(channel("sampled mpsc").high_water, Some(64 * 5));

    let (tx, rx) = mpmc::unbounded_builder().named("sampled mpmc").build();
    for message in 0..64 * 3 {
        tx.send(message).unwrap();
        rx.try_recv().unwrap();
    }
    assert_eq!(samples("sampled mpmc"), 2);
}
