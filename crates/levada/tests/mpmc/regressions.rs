//! Bugs of other channels that belong to no other file here: who makes a message visible, select
//! loops that are stopped, and what closed channels do.

use levada::mpmc::{self, error::TryRecvError};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::Task;

/// C16: a message and what happened before it are visible to whoever has the message; the channel
/// does not rely on wakers for it, here one that does nothing at all.
#[test]
fn a_message_is_visible_to_whom_no_waker_told() {
    for round in 1..=if cfg!(miri) { 10 } else { 200 } {
        let before = AtomicU32::new(0);
        let (tx, rx) = mpmc::channel(1);
        let receive = || {
            let mut recv = pin!(rx.recv());
            let message = loop {
                match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(message) => break message,
                    Poll::Pending => thread::yield_now(),
                }
            };
            assert_eq!(message, Some(Box::new(round)));
            // ORDERING: Relaxed on purpose: the channel orders it after the store.
            assert_eq!(before.load(Ordering::Relaxed), round);
        };
        thread::scope(|scope| {
            scope.spawn(receive);
            scope.spawn(receive);
            // ORDERING: Relaxed on purpose, as above.
            before.store(round, Ordering::Relaxed);
            for _ in 0..2 {
                assert!(tx.blocking_send(Box::new(round)).is_ok());
            }
        });
    }
}

/// C15: workers that wait for a job or for the signal to stop. What none of them took is still
/// there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_stopped() {
    const JOBS: u32 = 50;
    let (mut taken, mut left) = (0, 0);
    for round in 0..100 {
        let (tx, rx) = mpmc::channel(4);
        let (stop, stopped) = levada::watch::channel(false);
        let done = Arc::new(AtomicU32::new(0));
        let workers = [(); 3].map(|()| {
            let (rx, mut stopped, done) = (rx.clone(), stopped.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        job = rx.recv() => {
                            job.unwrap();
                            // ORDERING: Relaxed, no pair: read after the tasks were joined.
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        _ = stopped.changed() => return,
                    }
                }
            })
        });
        let mut sent = 0;
        for job in 0..JOBS {
            if job == round % JOBS {
                stop.send(true).unwrap();
            }
            sent += u32::from(tx.try_send(job).is_ok());
            tokio::task::yield_now().await;
        }
        for worker in workers {
            worker.await.unwrap();
        }
        let rest = std::iter::from_fn(|| rx.try_recv().ok()).map(|_| 1).sum::<u32>();
        // ORDERING: Relaxed, no pair: the tasks were joined.
        let done = done.load(Ordering::Relaxed);
        assert_eq!(done + rest, sent, "round {round}");
        taken += done;
        left += rest;
    }
    assert!(taken > 0 && left > 0, "{taken} taken, {left} left: one side never came");
}

/// C26: nothing that is done with permits opens a channel again.
#[test]
fn closed_stays_closed() {
    let (tx, rx) = mpmc::channel::<()>(3);
    support::forget(tx.try_reserve().unwrap());
    let permit = tx.try_reserve().unwrap();
    rx.close();
    rx.clone().close();
    drop(permit);
    assert!(tx.is_closed() && rx.is_closed());
    assert!(tx.try_reserve().is_err() && tx.try_send(()).is_err());
    assert!(matches!(Task::new(tx.reserve()).poll(), Poll::Ready(Err(_))));
    assert!(Task::new(tx.closed()).poll().is_ready());
    // The forgotten one may still come; when its sender has gone it cannot.
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

/// C27: `recv_many` on a closed channel, into a buffer that is not empty.
#[test]
fn recv_many_at_the_end() {
    for limit in [0, 1, 2, 100, usize::MAX] {
        let (tx, rx) = mpmc::channel(4);
        (0..2).for_each(|i| tx.try_send(i).unwrap());
        rx.close();
        let mut buffer = vec![9, 9, 9];
        let mut received = 0;
        loop {
            let Poll::Ready(more) = Task::new(rx.recv_many(&mut buffer, limit)).poll() else {
                panic!("a closed channel has its end")
            };
            assert!(more <= limit);
            received += more;
            if more == 0 {
                break;
            }
        }
        assert_eq!(received, limit.min(1) * 2);
        assert_eq!(buffer, [9, 9, 9, 0, 1][..3 + received]);
    }
}

/// C28: at and around the lengths at which storage changes, also when the channel is closed.
#[test]
fn len_is_exact() {
    let (tx, rx) = mpmc::unbounded_channel();
    for sent in 0..10_000 {
        assert_eq!((rx.len(), rx.is_empty()), (sent, sent == 0));
        tx.send(sent).unwrap();
    }
    rx.close();
    for left in (0..10_000).rev() {
        assert!(rx.try_recv().is_ok());
        assert_eq!((rx.len(), rx.is_empty()), (left, left == 0));
    }
}

/// C60: an upgrade succeeds as long as there is a sender, and never after.
#[test]
fn weak_senders_keep_nothing_open() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let weak = tx.downgrade();
    let recv = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
    let again = weak.upgrade().unwrap();
    drop(tx);
    assert!(!recv[0].is_woken() && !recv[1].is_woken() && weak.strong_count() == 1);
    drop(again);
    assert!(recv[0].is_woken() && recv[1].is_woken() && weak.upgrade().is_none());
    drop(recv);
    // Closed is not gone.
    let (tx, rx) = mpmc::unbounded_channel::<u32>();
    let weak = tx.downgrade();
    rx.close();
    assert!(weak.upgrade().is_some_and(|tx| tx.send(1).is_err()));
}
