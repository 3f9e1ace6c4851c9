//! The end, from either side: what is still received, who is told, and where messages go that
//! nobody will have (C17-C25, C29, C31).

use levada::mpmc::error::{TryRecvError, TrySendError};
use levada::{mpmc, oneshot};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use support::{Drops, PATIENCE, Tally, Task};

const EMPTY: Result<u32, TryRecvError> = Err(TryRecvError::Empty);
const DISCONNECTED: Result<u32, TryRecvError> = Err(TryRecvError::Disconnected);

/// C17: all that was sent is received before the end is seen, by each of several receivers.
#[test]
fn the_end_comes_after_the_messages() {
    for _ in 0..200 {
        let (tx, rx) = mpmc::channel(4);
        let other = rx.clone();
        let sender = thread::spawn(move || {
            for i in 0..3 {
                tx.try_send(i).unwrap();
            }
        });
        let drain = |rx: mpmc::Receiver<u32>| {
            let mut received = 0;
            loop {
                match rx.try_recv() {
                    Ok(_) => received += 1,
                    Err(TryRecvError::Empty) => thread::yield_now(),
                    Err(TryRecvError::Disconnected) => return received,
                }
            }
        };
        let other = thread::spawn(move || drain(other));
        assert_eq!(drain(rx) + other.join().unwrap(), 3);
        sender.join().unwrap();
    }
}

/// C18: the last sender of any kind of handle wakes all that sleep; a weak one keeps nothing open.
#[test]
fn the_last_sender_ends_all_that_sleep() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let weak = tx.downgrade();
    let permit = tx.clone().try_reserve_owned().unwrap();
    let mut line: Vec<_> = (0..100).map(|_| Task::waiting(rx.recv())).collect();
    let mut buffer = Vec::new();
    let mut batch = Task::waiting(rx.recv_many(&mut buffer, 9));
    drop(tx);
    assert!(line.iter().all(|recv| !recv.is_woken()), "the permit holds a sender");
    drop(permit);
    for recv in &mut line {
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(None));
    }
    assert_eq!(batch.poll(), Poll::Ready(0));
    assert!(weak.upgrade().is_none());
    assert_eq!(rx.try_recv(), DISCONNECTED);
    assert!(rx.is_closed());
}

#[test]
fn one_receiver_closes_for_all() {
    let (tx, rx) = mpmc::channel(2);
    let other = rx.clone();
    tx.try_send(1).unwrap();
    let mut waits = Task::waiting(tx.reserve_many(2));
    let mut closed = Task::waiting(tx.closed());
    assert!(!tx.is_closed() && !rx.is_closed());
    other.close();
    other.close();
    assert!(tx.is_closed() && rx.is_closed());
    assert!(waits.is_woken() && matches!(waits.poll(), Poll::Ready(Err(_))));
    assert!(closed.is_woken() && closed.poll().is_ready());
    assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
    assert!(matches!(tx.try_reserve(), Err(TrySendError::Closed(()))));
    assert!(matches!(Task::new(tx.send(3)).poll(), Poll::Ready(Err(error)) if error.0 == 3));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(None));
    assert_eq!(other.try_recv(), DISCONNECTED);
}

/// C31: every sender that waits has its message back when the last receiver goes.
#[test]
fn the_last_receiver_sends_all_senders_home() {
    let (tx, rx) = mpmc::channel(1);
    let other = rx.clone();
    tx.try_send(0).unwrap();
    let mut line: Vec<_> = (1..=100).map(|i| Task::waiting(tx.send(i))).collect();
    drop(rx);
    assert!(line.iter().all(|send| !send.is_woken()));
    drop(other);
    for (i, send) in (1..).zip(&mut line) {
        assert!(send.is_woken());
        assert!(matches!(send.poll(), Poll::Ready(Err(error)) if error.0 == i));
    }
}

/// C19: what is queued is dropped with the last receiver, while senders live on.
#[test]
fn queued_messages_go_with_the_last_receiver() {
    let drops = Drops::default();
    let (tx, rx) = mpmc::channel(1_000);
    for _ in 0..1_000 {
        tx.try_send(drops.message()).unwrap();
    }
    let other = rx.clone();
    drop(rx);
    assert_eq!(drops.alive(), 1_000);
    drop(other);
    assert_eq!(drops.alive(), 0);
    assert!(tx.try_send(drops.message()).is_err());
    assert_eq!(drops.alive(), 0);
}

/// C20: so is what is sent with a permit afterwards, at once.
#[test]
fn a_permit_without_receivers_drops_its_message() {
    let drops = Drops::default();
    let (tx, rx) = mpmc::channel(3);
    let permit = tx.try_reserve().unwrap();
    let owned = tx.clone().try_reserve_owned().unwrap();
    drop(rx);
    permit.send(drops.message());
    assert_eq!(drops.alive(), 0);
    let tx = owned.send(drops.message());
    assert_eq!(drops.alive(), 0);
    assert!(tx.is_closed());
}

/// C20: a `send_timeout` whose receiver goes when its turn has just come gets the message back. The
/// waker is cloned for a place in line, which makes room, and dropped unused, which drops the
/// receiver.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_send_with_a_timeout_gets_its_message_back() {
    use std::sync::Mutex;
    use std::time::Duration;
    use support::{Event, hooked_waker};
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let rx = Mutex::new(Some(rx));
    let waker = hooked_waker(move |event| {
        let mut rx = rx.lock().unwrap();
        match event {
            Event::Clone => assert_eq!(rx.as_mut().unwrap().try_recv(), Ok(0)),
            Event::Drop => *rx = None,
            Event::Wake => {}
        }
    });
    let mut sent = Box::pin(tx.send_timeout(1, Duration::MAX));
    let closed = mpmc::error::SendTimeoutError::Closed(1);
    assert_eq!(sent.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Err(closed)));
    assert!(tx.is_closed());
}

/// C21: whoever waits for the answer to a request in the queue is told when nobody will give it.
#[test]
fn requests_in_the_queue_are_answered_by_the_end() {
    let (tx, rx) = mpmc::unbounded_channel();
    let other = rx.clone();
    let (reply, mut answer) = oneshot::channel::<u32>();
    tx.send(reply).unwrap();
    drop((rx, other));
    assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

/// C22: a reserve that got part of what it needs is cancelled after the close; both receivers end.
#[test]
fn a_cancelled_reserve_many_ends_all() {
    let (tx, rx) = mpmc::channel::<u32>(2);
    let permit = tx.try_reserve().unwrap();
    let partly = Task::waiting(tx.reserve_many(2));
    let mut line = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
    rx.close();
    for recv in &mut line {
        assert!(recv.poll().is_pending(), "a permit is out");
    }
    drop(partly);
    drop(permit);
    for recv in &mut line {
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(None));
    }
}

/// C23, C24: however the last permit comes back after the close, all receivers see the end.
#[test]
fn a_permit_that_comes_back_ends_all() {
    for way in 0..4 {
        let (tx, rx) = mpmc::channel::<u32>(1);
        let mut line = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
        let permit = tx.clone().try_reserve_owned().unwrap();
        rx.close();
        for recv in &mut line {
            assert!(recv.is_woken() && recv.poll().is_pending());
        }
        assert_eq!(rx.try_recv(), EMPTY);
        match way {
            0 => drop(permit.release()),
            1 => drop(permit),
            2 => drop(permit.send(7)),
            _ => {
                support::forget(permit);
                assert!(line.iter().all(|recv| !recv.is_woken()), "it may still come");
                continue;
            }
        }
        let ended = line.iter_mut().map(|recv| match recv.poll() {
            Poll::Ready(message) => message,
            Poll::Pending => panic!("way {way}: still waits"),
        });
        let sent = (way == 2).then_some(7);
        assert_eq!(ended.collect::<Vec<_>>(), [sent, None]);
    }
}

/// C25: closed with a permit out is not the end.
#[test]
fn try_recv_waits_for_the_permits() {
    let (tx, rx) = mpmc::channel(2);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    assert_eq!(rx.try_recv(), EMPTY);
    permit.send(7);
    assert_eq!(rx.try_recv(), Ok(7));
    assert_eq!(rx.try_recv(), DISCONNECTED);
}

/// The last message is promised to the first receiver. When it takes the message the second one,
/// which was asleep, sees the end, whatever the first one waited with.
#[test]
fn taking_the_last_message_ends_the_others() {
    for batch in [false, true] {
        let (tx, rx) = mpmc::channel(1);
        let permit = tx.try_reserve().unwrap();
        rx.close();
        let mut buffer = Vec::new();
        let mut one = Task::new(rx.recv());
        let mut many = Task::new(rx.recv_many(&mut buffer, 5));
        let waits = if batch { many.poll().is_pending() } else { one.poll().is_pending() };
        let mut asleep = Task::waiting(rx.recv());
        permit.send(7);
        assert!(waits && !asleep.is_woken());
        assert_eq!(rx.try_recv(), EMPTY, "it is promised, and not the end");
        if batch {
            assert!(many.is_woken() && many.poll() == Poll::Ready(1));
        } else {
            assert!(one.is_woken() && one.poll() == Poll::Ready(Some(7)));
        }
        assert!(asleep.is_woken());
        assert_eq!(asleep.poll(), Poll::Ready(None));
    }
}

/// The receiver that the last message is promised to never comes. The others find neither the
/// message nor the end until that promise lapses; one of them has the message then, and all have
/// the end.
#[test]
fn the_end_comes_behind_a_promise_that_lapses() {
    for way in 0..3 {
        let (tx, rx) = mpmc::channel(1);
        let stalled = Task::waiting(rx.recv());
        let mut asleep = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
        tx.try_send(7).unwrap();
        assert!(stalled.is_woken());
        stalled.forget();
        match way {
            0 => drop(tx),
            1 => rx.close(),
            _ => {
                let other = rx.clone();
                drop(tx);
                other.close();
            }
        }
        assert!(asleep[0].is_woken() && asleep[1].is_woken(), "way {way}");
        assert!(asleep[0].poll().is_pending());
        let polls = (1..=PATIENCE).find(|_| asleep[1].poll().is_ready() || !asleep[1].is_woken());
        assert_eq!(polls, None, "it watches over the promise");
        assert_eq!(asleep[0].poll(), Poll::Ready(Some(7)), "the first of them is next");
        assert_eq!(asleep[1].run().1, Poll::Ready(None));
        assert_eq!(rx.try_recv(), DISCONNECTED);
    }
}

/// A promise of the last message that is given back does not lose it to the end.
#[test]
fn the_end_comes_behind_a_promise_that_is_given_back() {
    let (tx, rx) = mpmc::channel(1);
    let cancelled = Task::waiting(rx.recv());
    let mut next = Task::waiting(rx.recv());
    tx.try_send(7).unwrap();
    drop(tx);
    assert!(next.poll().is_pending(), "the message is the other one's, and not the end");
    drop(cancelled);
    assert_eq!(next.run().1, Poll::Ready(Some(7)));
    assert_eq!(rx.try_recv(), DISCONNECTED);
}

/// A sender that waits and is cancelled after the close ends the channel, like a permit.
#[test]
fn a_granted_sender_that_is_cancelled_after_the_close() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let granted = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(0));
    rx.close();
    let mut line = [Task::waiting(rx.recv()), Task::waiting(rx.recv())];
    drop(granted);
    for recv in &mut line {
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(None));
    }
}

/// C29: what the ends' tasks left is given back: by cancelling, by the end, by a last receiver.
#[test]
fn no_waker_is_kept() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let recv = Task::waiting(rx.recv());
    assert_eq!(recv.wakers_kept(), 1);
    drop(tx);
    assert_eq!(recv.wakers_kept(), 0, "woken by value");

    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let send = Task::waiting(tx.send(1));
    let closed = Task::waiting(tx.closed());
    drop(rx);
    assert_eq!((send.wakers_kept(), closed.wakers_kept()), (0, 0));
}

#[test]
fn a_cancelled_receive_gives_its_waker_back() {
    let tally = Arc::new(Tally::default());
    let waker = Waker::from(Arc::clone(&tally));
    let (tx, rx) = mpmc::channel::<u32>(1);
    for _ in 0..100 {
        let recv = pin!(rx.recv());
        assert!(recv.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&tally), 2);
    drop((tx, rx));
}

/// C29, with futures that were forgotten after the close: their wakers go with the last receiver.
#[test]
fn forgotten_receives_leave_no_waker() {
    let (tx, rx) = mpmc::channel::<u32>(1);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    let forgotten = [(); 3].map(|()| {
        let recv = Task::waiting(rx.recv());
        let tally = recv.wakers();
        recv.forget();
        tally
    });
    let counts = || forgotten.each_ref().map(Arc::strong_count);
    assert_eq!(counts(), [3; 3], "this one's, the forgotten task's and its waker's");
    drop(rx);
    assert_eq!(counts(), [2; 3]);
    drop(permit);
}
