//! Receivers that wait: which one is woken, in which order, and what becomes of a message whose
//! receiver is cancelled, overtaken, forgotten or never polled (C1-C3, C5-C7, C12, C14). How
//! messages are promised to receivers that wait is in `fairness`.

use levada::mpmc::{self, Receiver};
use std::task::Poll;
use support::{Drops, PATIENCE, Task};

fn waiting(rx: &Receiver<u32>, n: usize) -> Vec<Task<mpmc::future::Recv<'_, u32>>> {
    (0..n).map(|_| Task::waiting(rx.recv())).collect()
}

/// Takes the message that is promised to a receiver that does not come, as soon as that promise
/// lapses.
fn take_lapsed(rx: &Receiver<u32>) -> Option<u32> {
    (1..=PATIENCE).find_map(|_| rx.try_recv().ok())
}

fn woken<F: Future>(tasks: &[Task<F>]) -> Vec<usize> {
    let woken = |(i, task): (usize, &Task<F>)| task.is_woken().then_some(i);
    tasks.iter().enumerate().filter_map(woken).collect()
}

#[test]
fn the_one_that_waited_longest_is_woken() {
    let (tx, rx) = mpmc::channel(8);
    let mut line = waiting(&rx, 4);
    for next in 0..4 {
        tx.try_send(u32::try_from(next).unwrap()).unwrap();
        assert_eq!(woken(&line[next..]), [0], "one, the first");
        assert_eq!(line[next].poll(), Poll::Ready(Some(next as u32)));
    }
}

/// A message wakes one, however many there are to wake; the second wakes the second.
#[test]
fn each_message_wakes_one() {
    let (tx, rx) = mpmc::channel(8);
    let line = waiting(&rx, 4);
    for sent in 1..=6_usize {
        tx.try_send(0).unwrap();
        assert_eq!(woken(&line), (0..sent.min(4)).collect::<Vec<_>>());
    }
}

/// C1: a message that arrived for a receiver that is dropped is the next one's.
#[test]
fn a_cancelled_receive_takes_nothing() {
    let (tx, rx) = mpmc::channel(1);
    for i in 0..200 {
        let recv = Task::waiting(rx.recv());
        tx.try_send(i).unwrap();
        assert!(recv.is_woken());
        drop(recv);
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(i)));
    }
}

/// C2: woken, then cancelled: the next in line is woken in its place, and so on.
#[test]
fn a_cancelled_receiver_passes_its_wake_on() {
    let (tx, rx) = mpmc::channel(1);
    let other = rx.clone();
    let mut line = waiting(&rx, 3);
    line.push(Task::waiting(other.recv()));
    tx.try_send(7).unwrap();
    for left in (1..=3).rev() {
        assert_eq!(woken(&line), [0]);
        line.remove(0);
        assert_eq!(line.len(), left);
    }
    assert_eq!(woken(&line), [0]);
    assert_eq!(line[0].poll(), Poll::Ready(Some(7)));
}

/// C2: also by a batch that is cancelled, and by a receiver that is dropped with its receive.
#[test]
fn a_cancelled_batch_passes_its_wake_on() {
    let (tx, rx) = mpmc::channel(1);
    let mut buffer = Vec::new();
    let batch = Task::waiting(rx.recv_many(&mut buffer, 10));
    let mut next = Task::waiting(rx.recv());
    tx.try_send(7).unwrap();
    assert!(batch.is_woken() && !next.is_woken());
    drop(batch);
    assert!(next.is_woken());
    assert_eq!(next.poll(), Poll::Ready(Some(7)));
    assert!(buffer.is_empty());
}

/// Whoever is cancelled before its turn leaves the line as it was.
#[test]
fn a_cancelled_receiver_that_was_not_woken_wakes_nobody() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = waiting(&rx, 4);
    for at in [0, 1] {
        line.remove(at);
        assert_eq!(woken(&line), []);
    }
    tx.try_send(7).unwrap();
    assert_eq!(woken(&line), [0]);
    line.remove(1);
    assert_eq!(line[0].poll(), Poll::Ready(Some(7)));
}

/// C3: a receiver whose promise lapsed, and whose message another one took, wakes no other when it
/// goes.
#[test]
fn nothing_is_passed_on_when_the_message_is_gone() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = waiting(&rx, 1);
    tx.try_send(7).unwrap();
    assert_eq!(take_lapsed(&rx), Some(7));
    line.push(Task::waiting(rx.recv()));
    assert_eq!(woken(&line), [0]);
    line.remove(0);
    assert_eq!(woken(&line), []);
    tx.try_send(8).unwrap();
    assert_eq!(woken(&line), [0]);
    assert_eq!(line[0].poll(), Poll::Ready(Some(8)));
}

/// C3: a receiver whose promise lapsed waits on in front of all that came later.
#[test]
fn a_receiver_woken_for_nothing_keeps_its_place() {
    let (tx, rx) = mpmc::channel(1);
    let mut late = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert_eq!(take_lapsed(&rx), Some(1));
    let mut line = waiting(&rx, 2);
    assert!(late.is_woken() && late.poll().is_pending());
    tx.try_send(2).unwrap();
    assert!(late.is_woken());
    assert_eq!(woken(&line), []);
    assert_eq!(late.poll(), Poll::Ready(Some(2)));
    tx.try_send(3).unwrap();
    assert_eq!(line[0].poll(), Poll::Ready(Some(3)));
}

/// The same for several of them, in whatever order they come back.
#[test]
fn receivers_woken_for_nothing_keep_their_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (tx, rx) = mpmc::channel(8);
        let mut line = waiting(&rx, 3);
        for i in 0..3 {
            tx.try_send(i).unwrap();
        }
        for i in 0..3 {
            assert_eq!(take_lapsed(&rx), Some(i));
        }
        line.extend(waiting(&rx, 2));
        for i in order {
            assert!(line[i].poll().is_pending());
        }
        for next in 0..5 {
            tx.try_send(0).unwrap();
            assert_eq!(woken(&line), [next], "back in order {order:?}");
            assert!(line[next].poll().is_ready());
        }
    }
}

/// As after a close with a permit out: all were woken, and there is still something to wait for.
#[test]
fn receivers_woken_by_close_keep_their_order() {
    let (tx, rx) = mpmc::channel(2);
    let mut permits = tx.try_reserve_many(2).unwrap();
    let mut line = waiting(&rx, 100);
    rx.close();
    assert_eq!(woken(&line).len(), 100);
    for i in (0..100).rev() {
        assert!(line[i].poll().is_pending());
    }
    for next in 0..2 {
        permits.next().unwrap().send(0);
        assert_eq!(woken(&line), [next]);
        assert!(line[next].poll().is_ready());
        if next == 0 {
            assert_eq!(woken(&line), []);
        }
    }
    assert_eq!(woken(&line).len(), 98, "the end is for all");
    for recv in &mut line[2..] {
        assert_eq!(recv.poll(), Poll::Ready(None));
    }
}

/// C7, as documented: a receiver that is forgotten in line costs the others a bounded number of
/// polls, once.
#[test]
fn a_forgotten_receiver_holds_nothing() {
    let (tx, rx) = mpmc::channel(4);
    Task::waiting(rx.recv()).forget();
    let mut behind = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert!(!behind.is_woken(), "the forgotten one was woken");
    tx.try_send(2).unwrap();
    assert!(behind.is_woken());
    assert_eq!(behind.poll(), Poll::Ready(Some(1)));
    assert_eq!(Task::waiting(rx.recv()).run(), (PATIENCE - 1, Poll::Ready(Some(2))));
    tx.try_send(3).unwrap();
    assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(3)), "its promise has lapsed");
}

/// C7: a receiver that was woken and is not polled lets one promise lapse, and holds nothing after
/// that.
#[test]
fn a_receiver_that_is_not_polled_holds_nothing() {
    let (tx, rx) = mpmc::channel(4);
    let mut stalled = Task::waiting(rx.recv());
    for i in 0..100 {
        tx.try_send(i).unwrap();
        let mut new = Task::new(rx.recv());
        if i == 0 {
            assert!(new.poll().is_pending());
            assert_eq!(new.run(), (PATIENCE - 1, Poll::Ready(Some(i))));
        } else {
            assert_eq!(new.poll(), Poll::Ready(Some(i)));
        }
    }
    assert!(stalled.poll().is_pending());
    tx.try_send(100).unwrap();
    assert_eq!(stalled.poll(), Poll::Ready(Some(100)));
}

/// C5, C6: the waker of the last poll is the one that is woken, and the only one kept.
#[test]
fn a_receiver_that_moves_between_tasks() {
    let (tx, rx) = mpmc::channel(1);
    let mut recv = Task::waiting(rx.recv());
    for _ in 0..10 {
        assert!(recv.poll_elsewhere().is_pending());
        assert_eq!(recv.wakers_kept(), 1);
    }
    tx.try_send(7).unwrap();
    assert!(recv.is_woken());
    assert_eq!(recv.wakers_kept(), 0);
    assert_eq!(recv.poll_elsewhere(), Poll::Ready(Some(7)));
    assert_eq!(recv.wakers_kept(), 0);
}

/// C5: polled again with the same waker, it keeps that one, and its place.
#[test]
fn polls_without_a_wake_change_nothing() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = waiting(&rx, 2);
    for _ in 0..100 {
        assert!(line[0].poll().is_pending());
        assert_eq!(line[0].wakers_kept(), 1);
    }
    tx.try_send(7).unwrap();
    assert_eq!(woken(&line), [0]);
}

/// A receiver that waits and is polled by chance does not take the message that woke another one.
#[test]
fn a_sleeper_that_is_polled_by_chance_does_not_overtake() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = waiting(&rx, 3);
    tx.try_send(7).unwrap();
    assert!(line[2].poll().is_pending());
    assert_eq!(line[0].poll(), Poll::Ready(Some(7)));
    tx.try_send(8).unwrap();
    assert_eq!(woken(&line[1..]), [0, 1], "the third one wakes itself");
    assert!(line[2].poll().is_pending());
    assert_eq!(line[1].poll(), Poll::Ready(Some(8)));
}

/// C12: a send that is never polled drops its message with itself; so does one that waits.
#[test]
fn a_send_that_is_dropped_drops_its_message() {
    let drops = Drops::default();
    let (tx, rx) = mpmc::channel(1);
    drop(tx.send(drops.message()));
    assert_eq!(drops.alive(), 0);
    tx.try_send(drops.message()).unwrap();
    drop(Task::waiting(tx.send(drops.message())));
    assert_eq!(drops.alive(), 1);
    drop(rx.try_recv());
    assert_eq!(drops.alive(), 0);
    assert_eq!(tx.capacity(), 1);
}

/// C14: with several receivers, the messages are taken in the order of sending.
#[test]
fn first_in_first_out() {
    let (tx, rx) = mpmc::unbounded_channel();
    let receivers: Vec<_> = (0..3).map(|_| rx.clone()).collect();
    for i in 0..1_000 {
        tx.send(i).unwrap();
    }
    for i in 0..1_000_usize {
        assert_eq!(receivers[i % 3].try_recv(), Ok(i));
    }
}

#[test]
fn a_batch_takes_what_is_there_up_to_its_limit() {
    let (tx, rx) = mpmc::channel(100);
    let mut batch = vec![99];
    let mut take = |limit| {
        let Poll::Ready(n) = Task::new(rx.recv_many(&mut batch, limit)).poll() else {
            panic!("waits");
        };
        n
    };
    assert_eq!(take(0), 0, "a limit of 0 does not wait");
    for i in 0..60 {
        tx.try_send(i).unwrap();
    }
    assert_eq!(take(0), 0);
    assert_eq!(take(10), 10);
    assert_eq!(take(1), 1);
    let mut taken = 11;
    while taken < 60 {
        let n = take(usize::MAX);
        assert!(n > 0);
        taken += n;
    }
    assert_eq!(batch[0], 99, "what was in the buffer stays");
    assert_eq!(batch[1..], (0..60).collect::<Vec<_>>());
    drop(tx);
    assert_eq!(Task::new(rx.recv_many(&mut batch, 10)).poll(), Poll::Ready(0));
    assert_eq!(batch.len(), 61);
}

/// All that is there comes at once, although the buffer was too small.
#[test]
fn a_batch_grows_its_buffer() {
    let (tx, rx) = mpmc::unbounded_channel();
    for i in 0..1_000 {
        tx.send(i).unwrap();
    }
    let mut batch = Vec::new();
    let polled = Task::new(rx.recv_many(&mut batch, 600)).poll();
    assert_eq!(polled, Poll::Ready(600));
    assert!(batch.capacity() < 1_000, "no more than it needs");
    let polled = Task::new(rx.recv_many(&mut batch, usize::MAX)).poll();
    assert_eq!(polled, Poll::Ready(400));
}

/// A batch makes room for as many senders as it took messages.
#[test]
fn a_batch_serves_the_senders() {
    let (tx, rx) = mpmc::channel(3);
    for i in 0..3 {
        tx.try_send(i).unwrap();
    }
    let mut line: Vec<_> = (3..8).map(|i| Task::waiting(tx.send(i))).collect();
    let mut batch = Vec::new();
    assert_eq!(Task::new(rx.recv_many(&mut batch, 2)).poll(), Poll::Ready(2));
    assert_eq!(woken(&line), [0, 1]);
    for send in &mut line[..2] {
        assert_eq!(send.poll(), Poll::Ready(Ok(())));
    }
    assert_eq!(rx.len(), 3);
}

/// A future that has given its message can be dropped without effect.
#[test]
fn a_completed_receive_leaves_nothing_behind() {
    let (tx, rx) = mpmc::channel(2);
    let mut done = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert_eq!(done.poll(), Poll::Ready(Some(1)));
    let next = Task::waiting(rx.recv());
    drop(done);
    assert!(!next.is_woken());
    tx.try_send(2).unwrap();
    assert!(next.is_woken());
}

/// A receiver that took a message while it stood in line is in line no more, though its future
/// lives: the next message wakes the receiver behind it.
#[test]
fn a_receiver_that_has_its_message_leaves_the_line() {
    let (tx, rx) = mpmc::channel(8);
    let mut line = waiting(&rx, 3);
    tx.try_send(1).unwrap();
    assert_eq!(woken(&line), [0]);
    // The first one does not come. It is the turn of the second one, and then the first one goes.
    let lapses = (1..=PATIENCE).find(|_| rx.try_recv().is_err() && line[1].is_woken());
    assert_eq!(lapses, Some(PATIENCE));
    assert_eq!(line[1].poll(), Poll::Ready(Some(1)));
    line.remove(0);
    tx.try_send(2).unwrap();
    assert_eq!(woken(&line), [1]);
    assert_eq!(line[1].poll(), Poll::Ready(Some(2)));
}
