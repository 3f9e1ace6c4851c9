//! What a full channel does with one more message: which one goes, and where to.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::queue::{self, Builder, Offered, Overflow, error::SendError, error::TrySendError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use support::{Armed, Bomb, Ledger, Task, now};

/// What a hook has got.
type Got<T> = Arc<Mutex<Vec<T>>>;

/// The policies that evict, or discard.
const ALL: [Overflow; 3] =
    [Overflow::EvictOldest, Overflow::EvictNewest, Overflow::DiscardIncoming];

fn noted<T: Send + 'static>(capacity: usize, overflow: Overflow) -> (Builder<T>, Got<T>) {
    let got = Got::default();
    let notes = Arc::clone(&got);
    let builder = queue::builder(capacity).overflow(overflow);
    (builder.on_evicted(move |message| notes.lock().unwrap().push(message)), got)
}

fn take<T>(got: &Got<T>) -> Vec<T> {
    std::mem::take(&mut *got.lock().unwrap())
}

/// Each way to send, under each policy: which message goes, and that the hook gets it.
#[test]
fn the_name_says_which_message_goes() {
    let expected = [
        (Overflow::EvictOldest, [3, 4], vec![1, 2]),
        (Overflow::EvictNewest, [1, 4], vec![2, 3]),
        (Overflow::DiscardIncoming, [1, 2], vec![3, 4]),
    ];
    for (overflow, left, gone) in expected {
        for way in 0..5 {
            let (builder, got) = noted(2, overflow);
            let (tx, mut rx) = builder.build();
            let mut batch = VecDeque::from([1, 2, 3, 4]);
            match way {
                0 => assert!(batch.drain(..).all(|i| now(tx.send(i)).is_ok())),
                1 => assert!(batch.drain(..).all(|i| tx.try_send(i).is_ok())),
                2 => assert!(batch.drain(..).all(|i| now(tx.send_ref(&mut Some(i))).is_ok())),
                3 => assert_eq!(now(tx.send_many(&mut batch)), Ok(())),
                _ => {
                    assert_eq!(tx.try_send_many(&mut batch), Ok(2));
                    assert_eq!(tx.try_send_many(&mut batch), Ok(2));
                }
            }
            assert!(batch.is_empty());
            assert_eq!((rx.len(), tx.len(), tx.is_full()), (2, 2, true), "{overflow:?} {way}");
            assert_eq!(tx.evicted(), 2);
            assert!(rx.drain().eq(left), "{overflow:?} {way}");
            assert_eq!(take(&got), gone, "{overflow:?} {way}");
            assert_eq!((tx.len(), tx.capacity()), (0, 2));
        }
    }
}

/// A caller that gets the message is the only one: the hook does not.
#[test]
fn what_comes_back_is_not_given_to_the_hook() {
    for overflow in ALL {
        let (builder, got) = noted(1, overflow);
        let (tx, mut rx) = builder.build();
        assert_eq!(tx.offer(1), Ok(Offered::Queued { free: 0 }));
        let (offered, left) = match overflow {
            Overflow::DiscardIncoming => (Offered::Discarded(2), 1),
            _ => (Offered::Evicted(1), 2),
        };
        assert_eq!(tx.offer(2), Ok(offered), "{overflow:?}");
        assert_eq!(tx.force_send(3), Ok(Some(left)), "{overflow:?}");
        assert_eq!(rx.try_recv(), Ok(3));
        assert_eq!(take(&got), []);
        assert_eq!(tx.evicted(), 2);
        rx.close();
        assert_eq!(tx.offer(4), Err(SendError(4)));
        assert_eq!(tx.force_send(4), Err(SendError(4)));
        assert_eq!(tx.try_send(4), Err(TrySendError::Closed(4)));
        assert_eq!(now(tx.send(4)), Err(SendError(4)));
        assert_eq!(take(&got), []);
    }
}

/// The policy `Wait` is what a channel does without a policy.
#[test]
fn wait_waits() {
    let (builder, got) = noted(1, Overflow::Wait);
    let (tx, mut rx) = builder.build();
    assert_eq!(tx.offer(1), Ok(Offered::Queued { free: 0 }));
    assert_eq!(tx.offer(2), Ok(Offered::Discarded(2)));
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    let mut send = Task::waiting(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(send.is_woken());
    assert_eq!(send.poll(), Poll::Ready(Ok(())));
    assert_eq!(tx.force_send(3), Ok(Some(2)));
    assert_eq!(rx.try_recv(), Ok(3));
    assert_eq!((take(&got), tx.evicted()), (vec![], 1));
}

/// A permit keeps its place whatever is sent meanwhile, and its message is sent.
#[test]
fn a_reserved_place_is_never_evicted() {
    for overflow in ALL {
        let (builder, got) = noted(2, overflow);
        let (tx, mut rx) = builder.build();
        let first = tx.try_reserve().unwrap();
        tx.try_send(1).unwrap();
        let (stays, goes) = if overflow == Overflow::DiscardIncoming { (1, 2) } else { (2, 1) };
        tx.try_send(2).unwrap();
        assert_eq!(take(&got), [goes], "{overflow:?}");
        assert_eq!(rx.len(), 1);
        assert_eq!(rx.try_recv(), Ok(stays));

        // All places are reserved: only the incoming message can go.
        let second = tx.try_reserve().unwrap();
        tx.try_send(3).unwrap();
        assert_eq!(tx.force_send(4), Ok(Some(4)));
        assert_eq!(take(&got), [3]);
        first.send(5);
        second.send(6);
        assert!(rx.drain().eq([5, 6]));
        assert_eq!(take(&got), []);
    }
}

/// What reserves a place waits, as in every channel, and senders do not overtake it.
#[test]
fn a_reserve_waits_under_each_policy() {
    for overflow in ALL {
        let (builder, _) = noted(1, overflow);
        let (tx, mut rx) = builder.build();
        tx.try_send(1).unwrap();
        let mut reserve = Task::waiting(tx.reserve());
        rx.try_recv().unwrap();
        assert!(reserve.is_woken());
        assert_eq!(tx.force_send(2), Ok(Some(2)), "the place is granted");
        let Poll::Ready(Ok(permit)) = reserve.poll() else { panic!("it was granted") };
        permit.send(3);
        assert_eq!(rx.try_recv(), Ok(3));
    }
}

/// Each message is received, in the hook, or dropped with the channel: once.
#[test]
fn each_message_has_one_fate() {
    for overflow in ALL {
        let ledger = Ledger::new(40);
        let (builder, got) = noted(3, overflow);
        let (tx, mut rx) = builder.build();
        let mut received = 0;
        for i in 0..40 {
            tx.try_send(ledger.message()).unwrap();
            if i % 5 == 0 {
                received += rx.try_recv().into_iter().count();
            }
        }
        let evicted = take(&got).len();
        assert_eq!(tx.evicted(), evicted as u64);
        assert_eq!(received + evicted + rx.len(), 40);
        assert_eq!(ledger.alive(), 3);
        drop(rx);
        assert_eq!(ledger.alive(), 0, "with the receiver");
        ledger.settle();
    }
}

/// Messages that were sent before the last sender went are received before the end.
#[test]
fn the_end_comes_after_the_messages() {
    for overflow in ALL {
        let (tx, mut rx) = queue::builder(2).overflow(overflow).build();
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        drop(tx);
        assert_eq!(now(rx.recv()), Some(1));
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(rx.try_recv(), Err(queue::error::TryRecvError::Disconnected));
        assert_eq!(now(rx.recv()), None);

        let (tx, mut rx) = queue::builder(2).overflow(overflow).build();
        tx.try_send(1).unwrap();
        rx.close();
        let mut buffer = Vec::new();
        assert_eq!(now(rx.recv_many(&mut buffer, 5)), 1);
        assert_eq!(now(rx.recv_many(&mut buffer, 5)), 0);
        drop(tx);
    }
}

/// A receiver that sleeps is woken, however it receives.
#[test]
fn a_sleeping_receiver_is_woken() {
    for overflow in ALL {
        let (tx, mut rx) = queue::builder(4).overflow(overflow).build();
        let mut recv = Task::waiting(rx.recv());
        tx.try_send(1).unwrap();
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(Some(1)));
        drop(recv);

        let mut buffer = Vec::new();
        let mut recv = Task::waiting(rx.recv_many(&mut buffer, 2));
        assert_eq!(tx.try_send_many(&mut (2..5).collect()), Ok(3));
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(2));
        drop(recv);
        assert_eq!(buffer, [2, 3]);
        assert_eq!((rx.len(), tx.capacity()), (1, 3));
        assert_eq!(rx.blocking_recv(), Some(4));
    }
}

/// Waiting receivers and evictions: no message is promised that is not there.
#[test]
fn an_eviction_leaves_promises_whole() {
    let (tx, mut rx) = queue::builder(1).overflow(Overflow::EvictOldest).build();
    let mut recv = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert!(recv.is_woken());
    tx.try_send(2).unwrap();
    tx.try_send(3).unwrap();
    assert_eq!(recv.poll(), Poll::Ready(Some(3)));
    drop(recv);
    assert_eq!(tx.evicted(), 2);
    let recv = Task::waiting(rx.recv());
    tx.try_send(4).unwrap();
    drop(recv);
    assert_eq!(rx.try_recv(), Ok(4));
}

/// A hook that panics has got its message, and the one that was sent is in the channel.
#[test]
fn a_hook_that_panics_strands_nothing() {
    for overflow in ALL {
        let ledger = Ledger::new(3);
        let (tx, mut rx) =
            queue::builder(1).overflow(overflow).on_evicted(|_| panic!("in a hook")).build();
        tx.try_send(ledger.message()).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| tx.try_send(ledger.message())));
        assert!(panic.is_err());
        assert_eq!((tx.evicted(), tx.len(), ledger.alive()), (1, 1, 1));
        let panic = catch_unwind(AssertUnwindSafe(|| now(tx.send(ledger.message()))));
        assert!(panic.is_err());
        drop(rx.try_recv().unwrap());
        assert_eq!(tx.capacity(), 1);
        ledger.settle();
    }
}

/// The hook runs outside the lock: it may send and receive.
#[test]
fn a_hook_may_use_its_channel() {
    let (dead, letters) = queue::unbounded_channel();
    let back: Arc<Mutex<Option<queue::Sender<u32>>>> = Arc::default();
    let own = Arc::clone(&back);
    let (tx, mut rx) = queue::builder(1)
        .overflow(Overflow::EvictOldest)
        .on_evicted(move |message| {
            let tx = own.lock().unwrap().take();
            dead.send((message, tx.map(|tx| tx.offer(9).unwrap()))).unwrap();
        })
        .build();
    *back.lock().unwrap() = Some(tx.clone());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let mut letters = letters;
    assert_eq!(letters.try_recv(), Ok((1, Some(Offered::Evicted(2)))));
    assert_eq!(rx.try_recv(), Ok(9));
}

/// Without a hook, evicted messages are dropped; a panic in a drop is the sender's.
#[test]
fn an_evicted_message_whose_drop_panics() {
    let _armed = Armed::new();
    let ledger = Ledger::new(3);
    let (tx, mut rx) = queue::builder(1).overflow(Overflow::EvictOldest).build();
    tx.try_send(Some(Bomb::new(&ledger))).unwrap();
    assert!(support::explodes(|| drop(tx.try_send(None))));
    assert!(rx.try_recv().unwrap().is_none());
    assert_eq!(tx.evicted(), 1);
}

/// Past every seam of the storage.
#[test]
fn the_newest_stay_in_order() {
    for capacity in [1, 2, 3, 7, 8, 9, 100] {
        let (tx, mut rx) = queue::builder(capacity).overflow(Overflow::EvictOldest).build();
        for i in 0..1000 {
            tx.try_send(i).unwrap();
            if i % 13 == 0 {
                let oldest = (i + 1_usize).saturating_sub(capacity);
                assert!(rx.try_recv().is_ok_and(|message| message >= oldest));
            }
        }
        let left: Vec<_> = rx.drain().collect();
        assert!(left.len() <= capacity && left.ends_with(&[999]) && left.is_sorted());

        let (tx, mut rx) = queue::builder(capacity).overflow(Overflow::EvictNewest).build();
        assert!((0..1000).all(|i| tx.try_send(i).is_ok()));
        assert!(rx.drain().eq((0..capacity - 1).chain([999])));
    }
}

/// Evicting in two steps (take one, try again) takes another one whenever a faster sender has got
/// the place: more went than were too many.
#[test]
fn as_many_go_as_are_too_many() {
    const SENDERS: usize = 4;
    const EACH: usize = if cfg!(miri) { 20 } else { 2_000 };
    for overflow in [Overflow::EvictOldest, Overflow::EvictNewest] {
        for capacity in [1, 3] {
            let (builder, got) = noted(capacity, overflow);
            let (tx, mut rx) = builder.build();
            std::thread::scope(|scope| {
                for sender in 0..SENDERS {
                    let tx = tx.clone();
                    scope.spawn(move || {
                        (0..EACH).for_each(|n| assert!(tx.try_send((sender, n)).is_ok()));
                    });
                }
            });
            let left: Vec<_> = rx.drain().collect();
            assert_eq!(left.len(), capacity, "{overflow:?}");
            assert_eq!(tx.evicted() as usize, SENDERS * EACH - capacity, "{overflow:?}");
            let mut all = take(&got);
            all.extend(left);
            all.sort_unstable();
            assert_eq!(all.len(), SENDERS * EACH);
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "each once");
        }
    }
}

/// The end took the place of the last value, as if it were one more message.
#[test]
fn the_newest_comes_before_the_end() {
    for (capacity, closes) in [(1, false), (1, true), (2, false), (2, true)] {
        let (builder, got) = noted(capacity, Overflow::EvictOldest);
        let (tx, mut rx) = builder.build();
        (1..=4).for_each(|n| assert!(tx.try_send(n).is_ok()));
        if closes {
            rx.close();
        }
        drop(tx);
        let received: Vec<_> = std::iter::from_fn(|| now(rx.recv())).collect();
        assert_eq!(received, Vec::from_iter(5 - capacity as i32..=4));
        assert_eq!(take(&got).len(), 4 - capacity);
    }
}

/// A sliding queue answered that an element was not taken although it was, or the other way round.
#[test]
fn an_offer_says_what_became_of_the_message() {
    for overflow in ALL {
        let (tx, mut rx) = queue::builder(2).overflow(overflow).build();
        let mut recv = Task::waiting(rx.recv());
        let mut kept = VecDeque::new();
        for n in 0..6 {
            match tx.offer(n).unwrap() {
                Offered::Queued { free } => assert_eq!((n, free), (n, 1 - kept.len())),
                Offered::Evicted(gone) => {
                    let oldest = overflow == Overflow::EvictOldest;
                    let expected = if oldest { kept.pop_front() } else { kept.pop_back() };
                    assert_eq!(Some(gone), expected, "{overflow:?}");
                }
                Offered::Discarded(back) => {
                    assert_eq!((overflow, back), (Overflow::DiscardIncoming, n));
                    continue;
                }
            }
            kept.push_back(n);
        }
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(kept.pop_front()));
        drop(recv);
        assert!(rx.drain().eq(kept), "{overflow:?}");
    }
}
