//! Receivers that wait are served in order: a message is promised to the one that has waited
//! longest, and newcomers stand behind it. How often a live receiver is overtaken is bounded (C3,
//! C7).

use levada::mpmc::{self, Receiver, Sender, error::TryRecvError};
use std::task::Poll;
use std::thread;
use support::{PATIENCE, Task};

/// How many refusals a promise outlives whose receiver has let so many lapse, as in
/// `levada::queue::many::line`.
fn patience(lapses: usize) -> usize {
    PATIENCE << (4 * lapses.min(2))
}

/// A pool of one connection: this task gives it back and wants it again.
fn take_turns(tx: &Sender<u32>, rx: &Receiver<u32>) {
    assert!(tx.try_send(1).is_ok());
    let mut again = Task::new(rx.recv());
    assert!(again.poll().is_pending(), "the connection is promised to the one that waits");
    assert!(again.is_woken(), "it sees to it that the promise lapses if it is not taken");
}

/// The receiver that gives a message back and asks again stands behind the one that waits.
#[test]
fn a_taker_in_a_loop_stands_behind() {
    let (tx, rx) = mpmc::channel(1);
    for _ in 0..100 {
        let mut waits = Task::waiting(rx.recv());
        take_turns(&tx, &rx);
        assert!(waits.is_woken());
        assert_eq!(waits.poll(), Poll::Ready(Some(1)));
    }
}

/// Two tasks have one connection in turns.
#[test]
fn two_takers_alternate() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
    tx.try_send(0).unwrap();
    for turn in 0..100 {
        assert_eq!(line[turn % 2].poll(), Poll::Ready(Some(0)), "turn {turn}");
        tx.try_send(0).unwrap();
        line[turn % 2] = Task::waiting(rx.recv());
    }
}

#[test]
fn try_recv_stands_behind() {
    let (tx, rx) = mpmc::channel(2);
    let mut waits = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!((rx.len(), rx.is_empty(), rx.capacity()), (1, false, 1), "it is in the channel");
    tx.try_send(2).unwrap();
    // What nobody waits for is for whoever asks; the oldest message is taken first.
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(waits.poll(), Poll::Ready(Some(2)));
}

/// A batch takes what is promised to it and what is promised to none, and leaves the rest.
#[test]
fn a_batch_takes_its_own_and_what_is_unpromised() {
    for limit in 1..=5 {
        let (tx, rx) = mpmc::channel(8);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut batch = Task::waiting(rx.recv_many(&mut first, limit));
        let mut one = Task::waiting(rx.recv());
        (0..4).for_each(|i| tx.try_send(i).unwrap());
        assert!(batch.is_woken() && one.is_woken());
        // Two of the four are promised.
        let mut newcomer = Task::new(rx.recv_many(&mut second, 1));
        assert_eq!(newcomer.poll(), Poll::Ready(1));
        assert_eq!(batch.poll(), Poll::Ready(limit.min(2)));
        assert_eq!(rx.len(), 3 - limit.min(2));
        assert!(one.poll().is_ready());
        drop((newcomer, batch));
        assert_eq!(second, [0]);
        assert_eq!(first, (1..=limit.min(2)).map(|i| i as u32).collect::<Vec<_>>());
    }
}

/// A newcomer that wants a batch stands behind, too.
#[test]
fn a_batch_of_a_newcomer_leaves_what_is_promised() {
    let (tx, rx) = mpmc::channel(8);
    let mut line = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    let mut buffer = Vec::new();
    let mut batch = Task::new(rx.recv_many(&mut buffer, 8));
    assert!(batch.poll().is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(batch.poll(), Poll::Ready(1));
    for recv in &mut line {
        assert!(recv.poll().is_ready());
    }
}

/// With more messages than receivers that wait, newcomers are not refused.
#[test]
fn plenty_is_for_all() {
    let (tx, rx) = mpmc::channel(100);
    let mut waits = Task::waiting(rx.recv());
    (0..100).for_each(|i| tx.try_send(i).unwrap());
    for i in 0..99 {
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(i)));
    }
    assert!(Task::new(rx.recv()).poll().is_pending());
    assert_eq!(waits.poll(), Poll::Ready(Some(99)));
}

/// A granted receiver that is cancelled passes its promise on to the next one, or gives it up.
#[test]
fn a_cancelled_receiver_passes_its_promise_on() {
    let (tx, rx) = mpmc::channel(1);
    let first = Task::waiting(rx.recv());
    let second = Task::waiting(rx.recv());
    let mut third = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    drop(second);
    assert!(first.is_woken() && !third.is_woken());
    drop(first);
    assert!(third.is_woken());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(third.poll(), Poll::Ready(Some(1)));
    let last = Task::waiting(rx.recv());
    tx.try_send(2).unwrap();
    drop(last);
    assert_eq!(rx.try_recv(), Ok(2));
}

/// A receiver that comes before its promise was refused [`PATIENCE`] times is not overtaken,
/// however many others ask, and how often each of them was refused before.
#[test]
fn a_receiver_that_comes_in_time_is_not_overtaken() {
    let (tx, rx) = mpmc::channel(4);
    let mut line: Vec<_> = (0..4).map(|_| Task::waiting(rx.recv())).collect();
    let mut others: Vec<_> = (0..20).map(|_| Task::new(rx.recv())).collect();
    (0..4).for_each(|i| tx.try_send(i).unwrap());
    for (i, recv) in (0..).zip(&mut line) {
        for other in &mut others {
            // One less: the receiver that takes a message and leaves one behind counts, too.
            for _ in 2..PATIENCE {
                assert!(other.poll().is_pending());
            }
        }
        assert_eq!(recv.poll(), Poll::Ready(Some(i)));
    }
}

/// A receiver that always comes late is overtaken a bounded number of times: the patience with it
/// grows each time.
#[test]
fn a_slow_receiver_gets_through() {
    for delay in [1, PATIENCE, 100, 2_000, 16_000] {
        let (tx, rx) = mpmc::channel(1);
        let mut slow = Task::waiting(rx.recv());
        let (mut overtaken, mut lapses) = (0, 0);
        loop {
            tx.try_send(0).unwrap();
            assert!(slow.is_woken());
            let mut taker = Task::new(rx.recv());
            let polls = (1..=delay).find(|_| taker.poll().is_ready());
            if let Some(polls) = polls {
                assert_eq!(polls, patience(lapses));
                overtaken += 1;
                lapses += 1;
                assert!(slow.poll().is_pending());
            } else {
                assert_eq!(slow.poll(), Poll::Ready(Some(0)));
                break;
            }
        }
        let expected = (0..).find(|&lapses| patience(lapses) > delay);
        assert_eq!(Some(overtaken), expected, "{delay} polls late");
        assert!(overtaken <= 2);
    }
}

/// Each new receive starts with the first patience.
#[test]
fn patience_does_not_outlast_a_receive() {
    let (tx, rx) = mpmc::channel(1);
    let mut slow = Task::waiting(rx.recv());
    for _ in 0..2 {
        for lapses in 0..2 {
            tx.try_send(0).unwrap();
            assert_eq!(
                Task::waiting(rx.recv()).run(),
                (patience(lapses) - 1, Poll::Ready(Some(0)))
            );
            assert!(slow.poll().is_pending());
        }
        tx.try_send(0).unwrap();
        assert_eq!(slow.poll(), Poll::Ready(Some(0)));
        slow = Task::waiting(rx.recv());
    }
}

/// A full channel, senders in line for room and receivers with promises: all go on.
#[test]
fn senders_and_receivers_in_line() {
    let (tx, rx) = mpmc::channel(2);
    let mut receivers: Vec<_> = (0..4).map(|_| Task::waiting(rx.recv())).collect();
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    let mut senders: Vec<_> = (2..6).map(|i| Task::waiting(tx.send(i))).collect();
    let mut received = Vec::new();
    for _ in 0..20 {
        for send in &mut senders {
            if send.is_woken() {
                let _sent = send.poll();
            }
        }
        receivers.retain_mut(|recv| match recv.is_woken().then(|| recv.poll()) {
            Some(Poll::Ready(message)) => {
                received.extend(message);
                false
            }
            _ => true,
        });
        senders.retain_mut(|send| !send.is_woken() || send.poll().is_pending());
    }
    assert_eq!(received, [0, 1, 2, 3]);
    assert!(receivers.is_empty() && rx.len() == 2);
}

/// Threads that block, and one connection: each of them gets it, again and again.
#[test]
fn threads_share_one_message() {
    const EACH: u32 = if cfg!(miri) { 5 } else { 100 };
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(7).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    assert_eq!(rx.blocking_recv(), Some(7));
                    tx.try_send(7).unwrap();
                }
            });
        }
    });
    assert_eq!(rx.try_recv(), Ok(7));
}

/// One connection on a runtime: a task that takes it in a loop, and one that waits, which has it
/// after the other one has given it back once.
#[tokio::test]
async fn a_pool_of_one_on_tokio() {
    // This task is the runtime's main one, which is polled once for many polls of the other.
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0_u32).unwrap();
    let (tx2, rx2) = (tx.clone(), rx.clone());
    let greedy = tokio::spawn(async move {
        loop {
            let taken = rx2.recv().await.unwrap();
            tokio::task::yield_now().await;
            tx2.try_send(taken + 1).unwrap();
        }
    });
    tokio::task::yield_now().await;
    let mut before = 0;
    for turn in 0..100 {
        let taken = rx.recv().await.unwrap();
        assert!(turn == 0 || taken - before <= 2, "overtaken: {before}, then {taken}");
        before = taken;
        tx.try_send(taken + 1).unwrap();
    }
    greedy.abort();
}

/// A stream stands in line as a receive does.
#[cfg(feature = "stream")]
#[test]
fn a_stream_stands_in_line() {
    use futures_core::Stream;
    use std::future::poll_fn;

    let (tx, rx) = mpmc::channel(1);
    let mut stream = Box::pin(rx.clone().into_stream());
    for i in 0..20 {
        let mut next = Task::waiting(poll_fn(|cx| stream.as_mut().poll_next(cx)));
        tx.try_send(i).unwrap();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(next.is_woken());
        assert_eq!(next.poll(), Poll::Ready(Some(i)));
    }
}
