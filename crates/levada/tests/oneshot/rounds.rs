//! `Reusable` and `Pool`: one allocation for request after request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use levada::oneshot::error::ReplyError;
use levada::oneshot::{Pool, Reusable, Sender};
use support::{Dice, block_on, poll_now, within_deadline};

use super::{Drops, Task, poll_closed};

fn waits<T>(reply: &mut Reusable<T>, task: &Arc<Task>) -> bool {
    let waker = std::task::Waker::from(Arc::clone(task));
    support::poll(pin!(reply.recv()), &waker).is_pending()
}

/// Drops the sender by a panic, as a worker with a bug does.
fn panic_with<T>(tx: Sender<T>) {
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _reply = tx;
        panic!("as it should");
    }));
    assert!(result.is_err());
}

/// Guarantee 1: iceoryx2 #1905, a late reply that came to a newer request.
#[test]
fn a_value_never_comes_to_another_round() {
    let drops = Drops::default();
    let mut reply = Reusable::new();
    let early = reply.sender();
    let on_time = reply.sender();
    assert!(early.is_closed() && !on_time.is_closed());
    assert!(early.send(drops.payload()).is_err());
    assert!(matches!(reply.try_recv(), Ok(None)), "the early one is not received");
    assert!(on_time.send(drops.payload()).is_ok());
    let next = reply.sender();
    assert_eq!(drops.count(), 2, "what was sent and not received goes with its round");
    assert!(matches!(reply.try_recv(), Ok(None)));
    assert!(next.send(drops.payload()).is_ok());
    drop(reply);
    assert_eq!(drops.count(), 3);
}

/// Guarantee 1, for senders that wait, and for every way that a round ends.
#[test]
fn a_stale_sender_is_woken() {
    for end in 0..3 {
        let task = Task::new();
        let mut reply = Some(Reusable::<u8>::new());
        let mut stale = reply.as_mut().unwrap().sender();
        assert!(poll_closed(&mut stale, &task).is_pending());
        match end {
            0 => drop(reply.as_mut().unwrap().sender()),
            1 => reply.as_mut().unwrap().cancel(),
            _ => drop(reply.take()),
        }
        assert_eq!(task.times_woken(), 1, "{end}");
        assert!(poll_closed(&mut stale, &task).is_ready());
        assert_eq!(stale.send(7), Err(7));
        assert_eq!(Arc::strong_count(&task), 1, "no waker is left");
    }
}

/// Guarantee 3.
#[test]
fn a_cancelled_recv_loses_nothing() {
    let task = Task::new();
    let mut reply = Reusable::new();
    let tx = reply.sender();
    assert!(waits(&mut reply, &task));
    tx.send(7).unwrap();
    assert_eq!(task.times_woken(), 1);
    assert_eq!(poll_now(reply.recv()), Poll::Ready(Ok(7)));
    assert_eq!(Arc::strong_count(&task), 1, "no waker is left");

    let tx = reply.sender();
    assert!(waits(&mut reply, &task));
    reply.cancel();
    assert_eq!(Arc::strong_count(&task), 1, "nor after the end of a round");
    drop(tx);
    assert_eq!(task.times_woken(), 1);
}

/// Guarantee 4: while the receiver waits, and before.
#[test]
fn the_error_says_why() {
    let task = Task::new();
    let mut reply = Reusable::<u8>::new();
    assert_eq!(poll_now(reply.recv()), Poll::Ready(Err(ReplyError::NoSender)));
    for waiting in [false, true] {
        let tx = reply.sender();
        assert!(!waiting || waits(&mut reply, &task));
        panic_with(tx);
        assert_eq!(reply.try_recv(), Err(ReplyError::Panicked), "{waiting}");
        assert_eq!(reply.try_recv(), Err(ReplyError::NoSender));

        let tx = reply.sender();
        assert!(!waiting || waits(&mut reply, &task));
        drop(tx);
        assert_eq!(reply.try_recv(), Err(ReplyError::Dropped), "{waiting}");
    }
    assert_eq!(task.times_woken(), 2);
    panic_with(Reusable::<u8>::new().sender());
}

/// The same for a thread, and for a task of tokio that owns the sender in its future.
#[tokio::test]
async fn a_worker_that_panics_says_so() {
    let mut reply = Reusable::<u8>::new();
    let tx = reply.sender();
    let thread = thread::spawn(move || panic_with(tx));
    assert_eq!(reply.recv().await, Err(ReplyError::Panicked));
    thread.join().unwrap();

    let tx = reply.sender();
    let task = tokio::spawn(async move {
        tokio::task::yield_now().await;
        let answer: u8 = "a bug".parse().unwrap();
        tx.send(answer)
    });
    assert_eq!(reply.recv().await, Err(ReplyError::Panicked));
    assert!(task.await.unwrap_err().is_panic());

    let tx = reply.sender();
    let task = tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(tx);
    });
    task.abort();
    assert_eq!(reply.recv().await, Err(ReplyError::Dropped), "aborted, not panicked");
}

/// A plain channel knows no such thing, and its error is tokio's.
#[test]
fn a_plain_channel_is_as_before() {
    let (tx, rx) = levada::oneshot::channel::<u8>();
    panic_with(tx);
    assert_eq!(rx.blocking_recv().unwrap_err().to_string(), "channel closed");
}

#[test]
fn a_value_that_panics_when_it_is_dropped_ends_its_round() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "as it should");
        }
    }
    let pool = Pool::new(4);
    let mut reply = pool.get();
    assert!(reply.sender().send(Bomb(true)).is_ok());
    let next = catch_unwind(AssertUnwindSafe(|| reply.sender()));
    assert!(next.is_err());
    assert!(matches!(reply.try_recv(), Err(ReplyError::NoSender)));
    assert!(reply.sender().send(Bomb(false)).is_ok());
    assert!(reply.try_recv().is_ok_and(|value| value.is_some()));
    assert!(reply.sender().send(Bomb(true)).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(reply))).is_err());
    assert_eq!(pool.idle(), 0, "the allocation went with the value");
}

/// Requests of several threads through a pool, some of them given up: each reply comes to its own
/// request.
#[test]
fn replies_come_to_their_requests() {
    within_deadline(|| {
        let pool = Arc::new(Pool::new(3));
        let (requests, mut inbox) = levada::mpsc::channel::<(u32, Sender<u32>)>(4);
        let worker = thread::spawn(move || {
            let mut refused = 0;
            while let Some((number, reply)) = inbox.blocking_recv() {
                if number % 7 == 0 {
                    panic_with(reply);
                } else if reply.send(number).is_err() {
                    refused += 1;
                }
            }
            refused
        });
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let (pool, requests) = (Arc::clone(&pool), requests.clone());
                thread::spawn(move || {
                    let (mut received, mut given_up) = (0, 0);
                    for number in client * 1000..client * 1000 + 500 {
                        let mut reply = pool.get();
                        requests.blocking_send((number, reply.sender())).unwrap();
                        if number % 5 == 0 {
                            given_up += 1;
                            continue;
                        }
                        match block_on(reply.recv()) {
                            Ok(answer) => assert_eq!(answer, number),
                            Err(error) => {
                                assert_eq!((error, number % 7), (ReplyError::Panicked, 0));
                            }
                        }
                        received += 1;
                    }
                    (received, given_up)
                })
            })
            .collect();
        drop(requests);
        for client in clients {
            assert_eq!(client.join().unwrap(), (400, 100));
        }
        assert!(worker.join().unwrap() <= 300);
        assert!(pool.idle() <= 3);
    });
}

/// What a `Reusable` is specified to do.
#[derive(Debug, PartialEq)]
enum Specified {
    NoSender,
    Waiting,
    Sent(u64),
    Ended(ReplyError),
}

impl Specified {
    fn try_recv(&mut self) -> Result<Option<u64>, ReplyError> {
        if *self == Self::Waiting {
            return Ok(None);
        }
        match std::mem::replace(self, Self::NoSender) {
            Self::Sent(value) => Ok(Some(value)),
            Self::Ended(error) => Err(error),
            Self::NoSender | Self::Waiting => Err(ReplyError::NoSender),
        }
    }
}

/// Random operations on the `Reusable`s of a pool, compared with the specification.
#[test]
fn as_specified() {
    let pool = Pool::new(2);
    let mut received = 0;
    for seed in 0..if cfg!(miri) { 3 } else { 300 } {
        let mut dice = Dice::new(seed);
        let task = Task::new();
        let mut reply = pool.get();
        let mut specified = Specified::NoSender;
        let (mut current, mut stale) = (None::<Sender<u64>>, Vec::new());
        for step in 0..60 {
            match dice.roll(9) {
                0 | 1 => {
                    stale.extend(current.replace(reply.sender()));
                    specified = Specified::Waiting;
                }
                2 => {
                    reply.cancel();
                    stale.extend(current.take());
                    specified = Specified::NoSender;
                }
                3 | 4 => {
                    let Some(tx) = current.take() else { continue };
                    assert_eq!(tx.send(step), Ok(()));
                    specified = Specified::Sent(step);
                }
                5 => {
                    let Some(tx) = current.take() else { continue };
                    let is_panic = dice.roll(2) == 0;
                    if is_panic {
                        panic_with(tx)
                    } else {
                        drop(tx)
                    }
                    let error = if is_panic { ReplyError::Panicked } else { ReplyError::Dropped };
                    specified = Specified::Ended(error);
                }
                6 => {
                    let Some(tx) = stale.pop() else { continue };
                    assert!(tx.is_closed());
                    assert_eq!(tx.send(step), Err(step));
                }
                7 => {
                    let got = reply.try_recv();
                    received += usize::from(matches!(got, Ok(Some(_))));
                    assert_eq!(got, specified.try_recv(), "seed {seed}, step {step}");
                }
                _ if specified == Specified::Waiting => assert!(waits(&mut reply, &task)),
                _ => assert!(!waits(&mut reply, &task) && specified.try_recv() != Ok(None)),
            }
        }
        drop(reply);
        assert!(stale.iter().chain(&current).all(Sender::is_closed));
        assert_eq!(Arc::strong_count(&task), 1, "seed {seed}: no waker is left");
    }
    assert!(received > 0 && pool.idle() <= 2);
}

#[cfg(target_pointer_width = "64")]
#[cfg(not(feature = "observe"))]
mod memory {
    use super::{Pool, Reusable, panic_with};
    use crate::Payload;
    use support::counted;

    /// Guarantee 2.
    #[test]
    fn a_round_allocates_only_beside_a_stale_sender() {
        let ((mut reply, tx), bytes, allocations) = counted(|| {
            let mut reply = Reusable::<u64>::new();
            let tx = reply.sender();
            (reply, tx)
        });
        assert_eq!((allocations, bytes), (1, 40));
        tx.send(1).unwrap();
        let ((), bytes, allocations) = counted(|| {
            for number in 0..1000 {
                let tx = reply.sender();
                match number % 3 {
                    0 => drop(tx),
                    _ => tx.send(number).unwrap(),
                }
                if number % 2 == 0 {
                    assert!(reply.try_recv().is_ok() == (number % 3 != 0));
                }
            }
        });
        assert_eq!((allocations, bytes), (0, 0));
        let (stale, bytes, allocations) = counted(|| {
            let stale = reply.sender();
            assert!(reply.sender().send(2).is_ok());
            stale
        });
        assert_eq!((allocations, bytes), (1, 40));
        let ((), freed, _) = counted(|| drop(stale));
        assert_eq!(freed, -40, "the stale sender frees its allocation");
        let ((), freed, _) = counted(|| drop(reply));
        assert_eq!(freed, -40);
    }

    #[test]
    fn a_small_pool_keeps_no_more_than_it_may() {
        for max_idle in [0, 1, 3] {
            let pool = Pool::<u64>::new(max_idle);
            let mut replies: Vec<_> = (0..20).map(|_| pool.get()).collect();
            replies.iter_mut().for_each(|reply| drop(reply.sender()));
            drop(replies);
            assert_eq!(pool.idle(), max_idle);
        }
    }

    /// Sixteen channels have a slot in the pool, and what is idle beside them a place in a table.
    #[test]
    fn a_pool_keeps_what_it_may_and_no_more() {
        for (max_idle, table) in [(10, 0), (16, 0), (20, 4 * 8)] {
            let pool = Pool::<u64>::new(max_idle);
            let burst = || {
                let mut replies: Vec<_> = (0..100).map(|_| pool.get()).collect();
                replies.iter_mut().for_each(|reply| drop(reply.sender()));
            };
            let ((), kept, _) = counted(burst);
            assert_eq!(pool.idle(), max_idle);
            assert_eq!(kept, (max_idle * 40 + table) as isize, "{max_idle} idle");
            let ((), more, allocations) = counted(|| {
                let mut replies: Vec<_> = (0..max_idle).map(|_| pool.get()).collect();
                for (number, reply) in (0..).zip(&mut replies) {
                    reply.sender().send(number).unwrap();
                    assert_eq!(reply.try_recv(), Ok(Some(number)));
                }
            });
            assert_eq!((more, allocations), (0, 1), "the list of the test itself");
            let ((), freed, _) = counted(|| drop(pool));
            assert_eq!(freed, -kept);
        }
    }

    /// What a sender needs to wait is kept with the allocation.
    #[test]
    fn a_sender_that_waits_allocates_once_for_all_rounds() {
        let mut reply = Reusable::<Box<u64>>::new();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut round = || {
            let mut tx = reply.sender();
            assert!(tx.poll_closed(&mut cx).is_pending());
            panic_with(tx);
        };
        round();
        let ((), bytes, allocations) = counted(|| {
            let mut tx = reply.sender();
            assert!(tx.poll_closed(&mut cx).is_pending());
        });
        assert_eq!((allocations, bytes), (0, 0));
        assert_eq!(size_of::<Reusable<Payload>>(), 16);
    }
}
