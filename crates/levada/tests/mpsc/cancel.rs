//! Futures that are dropped, moved to another waker or forgotten lose nothing and strand nobody.

use levada::mpsc::{self, error::TryRecvError};
use std::task::Poll;
use support::{Drops, Task};

/// C1: the message that woke a receiver's future stays when the future goes.
#[test]
fn a_cancelled_recv_loses_nothing() {
    let (tx, mut rx) = mpsc::channel(4);
    for i in 0..200 {
        let recv = Task::waiting(rx.recv());
        tx.try_send(i).unwrap();
        assert!(recv.is_woken());
        drop(recv);
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(i)));
        let mut batch = Vec::new();
        let recv = Task::waiting(rx.recv_many(&mut batch, 10));
        tx.try_send(i).unwrap();
        assert!(recv.is_woken());
        drop(recv);
        assert!(batch.is_empty());
        assert_eq!(rx.try_recv(), Ok(i));
    }
}

/// C2, C3: a sender that was woken and goes wakes the next; so with the last of the line.
#[test]
fn a_cancelled_send_hands_on_its_turn() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut line: Vec<_> = (1..5).map(|i| Task::waiting(tx.send(i))).collect();
    assert_eq!(rx.try_recv(), Ok(0));
    while line.len() > 1 {
        assert!(line[0].is_woken() && !line[1].is_woken());
        drop(line.remove(0));
    }
    assert!(matches!(line[0].poll(), Poll::Ready(Ok(()))));
    assert_eq!(rx.try_recv(), Ok(4));
    assert_eq!(tx.capacity(), 1);
}

/// C4: a waker of a cancelled send is not left in line, to use up a wake-up.
#[test]
fn a_send_that_got_through_otherwise_leaves_the_line() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let first = Task::waiting(tx.send(1));
    let second = Task::waiting(tx.send(2));
    drop(first);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(second.is_woken());
    drop(second);
    assert!(tx.try_send(3).is_ok(), "nobody is in line");
}

/// C6: the latest waker is woken, and no other is kept.
#[test]
fn wakers_are_replaced() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut recv = Task::waiting(rx.recv());
    assert!(recv.poll().is_pending() && recv.poll_elsewhere().is_pending());
    assert_eq!(recv.wakers_kept(), 1);
    tx.try_send(0).unwrap();
    assert!(recv.is_woken());
    assert_eq!(recv.wakers_kept(), 0);
    drop(recv);

    let mut send = Task::waiting(tx.send(1));
    assert!(send.poll().is_pending() && send.poll_elsewhere().is_pending());
    assert_eq!(send.wakers_kept(), 1);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(send.is_woken());
    assert_eq!(send.wakers_kept(), 0);
    assert!(send.poll().is_ready());

    let mut closed = Task::waiting(tx.closed());
    assert!(closed.poll().is_pending() && closed.poll_elsewhere().is_pending());
    assert_eq!(closed.wakers_kept(), 1);
    drop(rx);
    assert!(closed.is_woken() && closed.wakers_kept() == 0);
}

/// C12: a future that was never polled owns its message and nothing else.
#[test]
fn a_send_that_was_never_polled() {
    let drops = Drops::default();
    let (tx, rx) = mpsc::channel(1);
    drop(tx.send(drops.message()));
    assert_eq!((drops.alive(), tx.capacity()), (0, 1));
    drop(tx.clone().reserve_owned());
    drop(tx.reserve_many(1));
    #[cfg(feature = "tokio")]
    drop(tx.send_timeout(drops.message(), std::time::Duration::MAX));
    drop(tx.closed());
    assert_eq!((drops.alive(), tx.capacity(), rx.sender_strong_count()), (0, 1, 1));
}

/// A message is the sender's until the poll that is ready, and the channel's from then on.
#[test]
fn a_cancelled_send_drops_its_message_once() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::channel(1);
    assert!(matches!(Task::new(tx.send(drops.message())).poll(), Poll::Ready(Ok(()))));
    let granted = Task::waiting(tx.send(drops.message()));
    assert_eq!(drops.alive(), 2);
    assert!(rx.try_recv().is_ok());
    drop(granted);
    assert_eq!(drops.alive(), 0);
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
}

/// C44: a forgotten future lies in memory that is never used again, so the channel may go on, close
/// and lose all its handles beside it.
#[test]
fn forgotten_futures_outlive_the_channel() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(drops.message()).unwrap();
    Task::waiting(tx.clone().reserve_owned()).forget();
    Task::waiting(tx.clone().reserve_owned()).forget();
    assert!(rx.try_recv().is_ok());
    drop(tx);
    assert_eq!(rx.sender_strong_count(), 2, "the forgotten ones'");
    rx.close();
    drop(rx);
    assert_eq!(drops.alive(), 0);
}

/// C47: there is no overflow in waiting for ever.
#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn the_longest_timeout() {
    use std::time::Duration;
    let (tx, mut rx) = mpsc::channel(1);
    tx.send_timeout(0, Duration::MAX).await.unwrap();
    let sent = tx.send_timeout(1, Duration::MAX);
    let (sent, received) = tokio::join!(sent, rx.recv());
    assert_eq!((sent, received), (Ok(()), Some(0)));
    let late = tx.send_timeout(2, Duration::ZERO).await;
    assert_eq!(late, Err(mpsc::error::SendTimeoutError::Timeout(2)));
    assert_eq!(rx.recv().await, Some(1));
    assert_eq!(tx.capacity(), 1, "who timed out has left the line");
}
