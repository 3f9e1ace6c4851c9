//! Both sides in one thread, by turns.

use super::*;
use crate::prim::Arc;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A chain with its two sides, and how often it grew.
struct Ring<T> {
    /// Shared, as in a channel: `&mut Ring` must not be `&mut Chain` (see `Chain`).
    chain: Arc<Chain<T>>,
    producer: Producer<T>,
    consumer: Consumer<T>,
    grown: usize,
}

impl<T> Ring<T> {
    fn new(capacity: usize) -> Self {
        Self::starting_at(capacity, 0)
    }

    /// As if `position` messages had been through.
    fn starting_at(capacity: usize, position: usize) -> Self {
        let chain = Chain::new(capacity);
        // ORDERING: Relaxed, no pair: one thread.
        chain.tail.store(position, Ordering::Relaxed);
        let mut producer = Producer::new();
        (producer.tail, producer.base) = (position, position);
        let mut consumer = Consumer::new();
        (consumer.head, consumer.limit) = (position, position);
        Self { chain: Arc::new(chain), producer, consumer, grown: 0 }
    }

    fn push(&mut self, value: T) {
        if self.producer.room() == 0 {
            let head = self.consumer.head();
            // SAFETY: one channel, one thread.
            if let Err(len) = unsafe { self.producer.make_room(&self.chain, head) } {
                self.grown += 1;
                let fresh = self.chain.grow(len);
                // SAFETY: one channel, one thread.
                let unused = unsafe { self.producer.extend(&self.chain, head, fresh) };
                assert!(unused.is_none(), "there was no room without it");
            }
        }
        // SAFETY: one channel, one thread, and there is room.
        unsafe { self.producer.push(&self.chain, value) };
    }

    fn pop(&mut self) -> Option<T> {
        // SAFETY: one channel, one thread.
        unsafe { self.consumer.pop(&self.chain) }
    }

    fn len(&self) -> usize {
        self.chain.tail().wrapping_sub(self.consumer.head())
    }

    /// The producer's segment, in slots.
    fn segment_len(&self) -> usize {
        // SAFETY: the producer's own segment is alive.
        let (_, _, len) = unsafe { self.chain.locate(self.producer.segment) };
        len
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
        // SAFETY: one channel, and the last call.
        unsafe { self.consumer.free(&self.chain) };
    }
}

/// Pushes and pops in bursts of all lengths up to `longest`, beside a `VecDeque`.
fn burst<T: PartialEq + core::fmt::Debug>(
    ring: &mut Ring<T>,
    longest: usize,
    make: impl Fn(usize) -> T,
) {
    // To the second segment on the heap; the third takes a thousand messages more.
    let longest = if cfg!(miri) { longest.min(24) } else { longest };
    let mut expected = VecDeque::new();
    let mut sent = 0;
    for length in (1..=longest).chain((1..=longest).rev()) {
        for _ in 0..length {
            ring.push(make(sent));
            expected.push_back(make(sent));
            sent += 1;
        }
        assert_eq!(ring.len(), expected.len());
        for _ in 0..length - length / 4 {
            assert_eq!(ring.pop(), expected.pop_front());
        }
        if length % 7 == 0 {
            while let Some(value) = expected.pop_front() {
                assert_eq!(ring.pop(), Some(value));
            }
            assert_eq!(ring.pop(), None);
        }
    }
}

#[test]
fn first_in_first_out() {
    burst(&mut Ring::new(usize::MAX), 300, |i| i);
    burst(&mut Ring::new(usize::MAX), 300, |i| i.to_string());
    burst(&mut Ring::new(usize::MAX), 300, |i| [i; 100]);
    burst(&mut Ring::new(3), 40, |i| i);
    burst(&mut Ring::new(3), 300, |i| [i; 100]);
}

/// All lengths are powers of two, so positions may wrap within a segment, or at its end.
#[test]
fn positions_wrap() {
    for before in [0, 1, 3, 7, 8, 9, 20, 100, 1_000] {
        let start = usize::MAX - before;
        burst(&mut Ring::starting_at(usize::MAX, start), 60, |i| i);
        burst(&mut Ring::starting_at(4, start), 60, |i| [i; 40]);
    }
}

#[test]
fn little_is_kept_in_the_channel_itself() {
    let mut ring = Ring::new(usize::MAX);
    for i in 0..if cfg!(miri) { 10 } else { 1_000 } {
        for j in 0..8_u64 {
            ring.push(i + j);
        }
        for j in 0..8 {
            assert_eq!(ring.pop(), Some(i + j));
        }
    }
    assert_eq!(ring.grown, 0);
    (0..9).for_each(|i| ring.push(i));
    assert_eq!((ring.grown, ring.segment_len()), (1, 32));
}

/// With a backlog that stays, a channel allocates no more after its first rounds.
#[cfg_attr(miri, ignore = "many rounds of what the other tests do")]
#[test]
fn a_steady_backlog_allocates_nothing() {
    for backlog in [9, 31, 32, 33, 1_000, 4_095, 4_096, 4_097, 10_000, 50_000] {
        let mut ring = Ring::new(usize::MAX);
        let mut next = 0_u64;
        let mut expected = 0;
        for _ in 0..backlog {
            ring.push(next);
            next += 1;
        }
        let mut grown = usize::MAX;
        for round in 0..100_000 {
            ring.push(next);
            next += 1;
            assert_eq!(ring.pop(), Some(expected));
            expected += 1;
            if round == 60_000 {
                grown = ring.grown;
            }
        }
        assert_eq!(ring.grown, grown, "backlog {backlog}");
    }
}

#[cfg_attr(miri, ignore = "many rounds of what the other tests do")]
#[test]
fn no_segment_is_longer_than_the_capacity_or_its_bytes() {
    for (capacity, longest) in [(9, 16), (16, 16), (100, 128), (1 << 30, 4_096), (usize::MAX, 512)]
    {
        let mut ring = Ring::new(capacity);
        (0..20_000_u64).for_each(|i| ring.push(i));
        assert_eq!(ring.segment_len(), longest, "capacity {capacity}");
    }
    let mut ring = Ring::new(usize::MAX);
    (0..100).for_each(|_| ring.push([0_u8; 20_000]));
    assert_eq!(ring.segment_len(), LAST_LEN_MIN);
}

/// What is emptied is given back: at most one segment, of the last length, is kept to spare.
#[cfg_attr(miri, ignore = "many rounds of what the other tests do")]
#[test]
fn one_segment_is_kept_to_spare() {
    let mut ring = Ring::new(usize::MAX);
    (0..100_000_u64).for_each(|i| ring.push(i));
    let grown = ring.grown;
    (0..100_000).for_each(|i| assert_eq!(ring.pop(), Some(i)));
    // ORDERING: Relaxed, no pair: one thread.
    assert!(!ring.chain.spare.load(Ordering::Relaxed).is_null());
    // The producer's own and the spare one are there; the third is new.
    (0..3 * 512).for_each(|i| ring.push(i));
    assert_eq!(ring.grown, grown + 1);
}

#[test]
fn messages_without_size() {
    #[derive(Debug, PartialEq)]
    struct Nothing;
    let count = if cfg!(miri) { 100 } else { 100_000 };
    let mut ring = Ring::new(usize::MAX);
    (0..count).for_each(|_| ring.push(Nothing));
    assert_eq!(ring.len(), count);
    (0..count).for_each(|_| assert_eq!(ring.pop(), Some(Nothing)));
    assert_eq!(ring.pop(), None);
}

#[test]
fn messages_with_an_alignment_of_their_own() {
    #[derive(Debug, PartialEq)]
    #[repr(align(256))]
    struct Wide(usize);
    let mut ring = Ring::new(usize::MAX);
    for i in 0..100 {
        ring.push(Wide(i));
        // SAFETY: the producer's own segment is alive.
        let (_, slots, _) = unsafe { ring.chain.locate(ring.producer.segment) };
        assert_eq!(slots.addr() % 256, 0);
    }
    (0..100).for_each(|i| assert_eq!(ring.pop(), Some(Wide(i))));

    #[derive(Debug, PartialEq)]
    #[repr(align(16))]
    struct Fits(u8);
    let mut ring = Ring::new(usize::MAX);
    for i in 0..4 {
        ring.push(Fits(i));
        assert_eq!(ring.producer.slots.addr() % 16, 0);
    }
    assert_eq!((ring.grown, ring.pop()), (0, Some(Fits(0))), "in the channel itself");
}

/// A thread's whole stack is smaller than the segment.
#[test]
fn large_messages_never_cross_the_stack() {
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let large = thread.spawn(|| {
        let chain = Chain::<[u8; 1 << 20]>::new(8);
        drop(chain.grow(0));
        drop(chain.grow(4));
    });
    large.unwrap().join().unwrap();
}

/// Messages that are left belong to the owner that frees the chain, and are dropped once.
#[test]
fn what_is_left_is_dropped_once() {
    struct Counted(Rc<Cell<usize>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    for (sent, received) in [(0, 0), (5, 2), (8, 8), (9, 9), (100, 0), (100, 99), (5_000, 4_097)] {
        // To Miri, five thousand are as good as a hundred, and take a minute.
        if cfg!(miri) && sent > 100 {
            continue;
        }
        let dropped = Rc::default();
        let mut ring = Ring::new(usize::MAX);
        (0..sent).for_each(|_| ring.push(Counted(Rc::clone(&dropped))));
        for _ in 0..received {
            assert!(ring.pop().is_some());
        }
        assert_eq!(dropped.get(), received);
        drop(ring);
        assert_eq!(dropped.get(), sent);
    }
}
