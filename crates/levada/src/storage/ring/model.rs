//! One producer beside one consumer: nothing is lost, doubled or out of order while the chain grows
//! and segments are handed back.

use super::*;
use crate::prim::{Arc, model, thread};

struct Shared {
    chain: Chain<Box<usize>>,
    head: AtomicUsize,
}

/// Pushes `values`, growing whenever there is no room.
fn produce(shared: &Shared, producer: &mut Producer<Box<usize>>, values: core::ops::Range<usize>) {
    for value in values {
        while producer.room() == 0 {
            // ORDERING: Acquire pairs with the Release store in `consume`.
            let head = shared.head.load(Ordering::Acquire);
            // SAFETY: one channel; `head` was loaded with Acquire.
            if let Err(len) = unsafe { producer.make_room(&shared.chain, head) } {
                let fresh = shared.chain.grow(len);
                // SAFETY: one channel; `head` was loaded with Acquire.
                drop(unsafe { producer.extend(&shared.chain, head, fresh) });
            }
        }
        // SAFETY: one channel, and there is room.
        unsafe { producer.push(&shared.chain, Box::new(value)) };
    }
}

/// Pops until `values` are exhausted, checking each.
fn consume(shared: &Shared, consumer: &mut Consumer<Box<usize>>, values: core::ops::Range<usize>) {
    for expected in values {
        let value = loop {
            // SAFETY: one channel.
            if let Some(value) = unsafe { consumer.pop(&shared.chain) } {
                break value;
            }
            thread::yield_now();
        };
        assert_eq!(*value, expected);
        // ORDERING: Release pairs with the Acquire load in `produce`.
        shared.head.store(consumer.head(), Ordering::Release);
    }
}

/// Segments of `len` slots; `before` messages are queued when both sides begin, and `left` at the
/// end.
fn run(len: usize, before: usize, sent: usize, left: usize) {
    model(move || {
        let shared = Arc::new(Shared { chain: Chain::new(len), head: AtomicUsize::new(START) });
        let (mut producer, mut consumer) = (Producer::new(), Consumer::new());
        produce(&shared, &mut producer, 0..before);
        let theirs = Arc::clone(&shared);
        let pushing = thread::spawn(move || {
            produce(&theirs, &mut producer, before..before + sent);
            producer
        });
        consume(&shared, &mut consumer, 0..before + sent - left);
        let producer = pushing.join().unwrap();
        assert_eq!(producer.tail().wrapping_sub(START), before + sent);
        assert_eq!(shared.chain.tail().wrapping_sub(consumer.head()), left);
        consume(&shared, &mut consumer, before + sent - left..before + sent);
        // SAFETY: one channel, and the last call.
        unsafe { consumer.free(&shared.chain) };
    });
}

#[test]
fn in_circles() {
    run(2, 0, 3, 0);
}

#[test]
fn growing_beside_the_consumer() {
    run(1, 1, 2, 1);
}

#[test]
fn spare_segments_go_back_and_forth() {
    run(1, 2, 2, 0);
}
