//! How a channel ends: closing, the last of either side going, and permits that are out meanwhile.

use levada::mpsc::{self, error::TryRecvError};
use levada::oneshot;
use std::task::Poll;
use support::{Drops, Task};

/// C20: a message sent with a permit after the receiver went is dropped at once.
#[test]
fn a_permit_after_the_receiver_keeps_no_message() {
    let drops = Drops::default();
    let (tx, rx) = mpsc::channel(4);
    let permit = tx.try_reserve().unwrap();
    let owned = tx.clone().try_reserve_owned().unwrap();
    let mut many = tx.try_reserve_many(2).unwrap();
    drop(rx);
    permit.send(drops.message());
    assert_eq!(drops.alive(), 0);
    let tx = owned.send(drops.message());
    many.next().unwrap().send(drops.message());
    assert_eq!(drops.alive(), 0);
    drop(tx);
}

/// C20: a `send_timeout` whose receiver goes when its turn has just come gets the message back. The
/// waker is cloned for a place in line, which makes room, and dropped unused, which drops the
/// receiver.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_send_with_a_timeout_gets_its_message_back() {
    use std::sync::Mutex;
    use std::task::Context;
    use std::time::Duration;
    use support::{Event, hooked_waker};
    let (tx, rx) = mpsc::channel(1);
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
    let closed = mpsc::error::SendTimeoutError::Closed(1);
    assert_eq!(sent.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Err(closed)));
    assert!(tx.is_closed());
}

/// C21: a reply that is awaited through a queued message fails when the receiver goes.
#[test]
fn queued_messages_go_with_the_receiver() {
    let (tx, rx) = mpsc::channel(1);
    let (reply, answer) = oneshot::channel::<()>();
    assert!(tx.try_send(reply).is_ok());
    let mut answer = Task::waiting(answer);
    drop(rx);
    assert!(answer.is_woken());
    assert!(matches!(answer.poll(), Poll::Ready(Err(_))));
    drop(tx);
}

/// C22: a cancelled `reserve_many` that held some of its permits does not hold back the end.
#[test]
fn a_partial_reserve_that_is_cancelled() {
    for polled in [false, true] {
        let (tx, mut rx) = mpsc::channel::<()>(2);
        let permit = tx.try_reserve().unwrap();
        let mut partial = Task::waiting(tx.reserve_many(2));
        rx.close();
        drop(permit);
        if polled {
            assert!(partial.is_woken() && matches!(partial.poll(), Poll::Ready(Err(_))));
        }
        drop(partial);
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(None));
    }
}

/// C23, C24: the last permit, in whatever form, wakes the receiver that waits for the end.
#[test]
fn the_last_permit_wakes_the_receiver() {
    type End = fn(&mpsc::Sender<()>, &mut mpsc::Receiver<()>);
    let ends: [(&str, End); 5] = [
        ("drop of a permit", |tx, rx| ends_with(rx, tx.try_reserve().unwrap(), drop)),
        ("drop of an owned one", |tx, rx| {
            ends_with(rx, tx.clone().try_reserve_owned().unwrap(), drop);
        }),
        ("its release", |tx, rx| {
            let permit = tx.clone().try_reserve_owned().unwrap();
            ends_with(rx, permit, |permit| drop(permit.release()));
        }),
        ("drop of many", |tx, rx| ends_with(rx, tx.try_reserve_many(3).unwrap(), drop)),
        ("drop of one of many after the rest", |tx, rx| {
            let mut many = tx.try_reserve_many(3).unwrap();
            let one = many.next();
            drop(many);
            ends_with(rx, one, drop);
        }),
    ];
    for (name, end) in ends {
        let (tx, mut rx) = mpsc::channel(3);
        end(&tx, &mut rx);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected), "{name}");
    }
}

fn ends_with<P>(rx: &mut mpsc::Receiver<()>, permit: P, end: impl FnOnce(P)) {
    rx.close();
    let mut recv = Task::waiting(rx.recv());
    assert!(!recv.is_woken());
    end(permit);
    assert!(recv.is_woken(), "the end came and the receiver sleeps");
    assert_eq!(recv.poll(), Poll::Ready(None));
}

/// C25: while a permit is out the channel has not ended.
#[test]
fn a_permit_holds_back_the_end() {
    let (tx, mut rx) = mpsc::channel(2);
    let (one, two) = (tx.try_reserve().unwrap(), tx.try_reserve().unwrap());
    rx.close();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    one.send(1);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(two);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    drop(tx);
}

/// C26: nothing that is done with permits opens a channel again.
#[test]
fn closed_stays_closed() {
    let (tx, mut rx) = mpsc::channel::<()>(3);
    support::forget(tx.try_reserve().unwrap());
    let permit = tx.try_reserve().unwrap();
    rx.close();
    rx.close();
    drop(permit);
    assert!(tx.is_closed() && tx.try_reserve().is_err() && tx.try_send(()).is_err());
    assert!(matches!(Task::new(tx.reserve()).poll(), Poll::Ready(Err(_))));
    assert!(matches!(Task::new(tx.send(())).poll(), Poll::Ready(Err(_))));
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
        let (tx, mut rx) = mpsc::channel(4);
        for i in 0..2 {
            tx.try_send(i).unwrap();
        }
        rx.close();
        let mut buffer = vec![9, 9, 9];
        let first = limit.min(2);
        assert_eq!(Task::new(rx.recv_many(&mut buffer, limit)).poll(), Poll::Ready(first));
        assert_eq!(buffer.len(), 3 + first);
        while limit > 0 && Task::new(rx.recv_many(&mut buffer, limit)).poll() != Poll::Ready(0) {}
        let all: &[_] = if limit == 0 { &[9, 9, 9] } else { &[9, 9, 9, 0, 1] };
        assert_eq!(buffer, all);
        drop(tx);
    }
}

/// C28: at and around the lengths at which storage changes.
#[test]
fn len_is_exact() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    for sent in 0..10_000 {
        let edge = [8_usize, 32, 40, 104, 4_096, 8_192].iter().any(|at| at.abs_diff(sent) < 3);
        if edge || sent % 97 == 0 {
            assert_eq!((rx.len(), rx.is_empty()), (sent, sent == 0));
        }
        tx.send(sent).unwrap();
    }
    rx.close();
    assert_eq!(rx.len(), 10_000);
    for left in (0..10_000).rev() {
        assert!(rx.try_recv().is_ok());
        assert_eq!((rx.len(), rx.is_empty()), (left, left == 0));
    }
    assert!(rx.try_recv().is_err() && rx.is_empty());
}

/// C29: no waker outlives its endpoint.
#[test]
fn wakers_go_with_their_endpoint() {
    let (tx, mut rx) = mpsc::channel::<u32>(1);
    let mut recv = Box::pin(async move { rx.recv().await });
    let task = Task::waiting(std::future::poll_fn(|cx| recv.as_mut().poll(cx)));
    assert_eq!(task.wakers_kept(), 1);
    // The receiver goes with the future that owns it.
    let tally = task.wakers();
    drop(task);
    drop(recv);
    assert_eq!(std::sync::Arc::strong_count(&tally), 1, "kept by the sender's side");

    let (tx2, rx) = mpsc::channel::<u32>(1);
    let closed = Task::waiting(tx2.closed());
    let tally = closed.wakers();
    drop(closed);
    assert_eq!(std::sync::Arc::strong_count(&tally), 1, "kept by the receiver's side");
    drop((tx, rx));
}

/// C31: all that wait get their message back.
#[test]
fn the_receiver_s_end_wakes_everybody() {
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut line: Vec<_> = (1..100).map(|i| Task::waiting(tx.send(i))).collect();
    let mut many = Task::waiting(tx.reserve_many(1));
    let mut closed: Vec<_> = (0..100).map(|_| Task::waiting(tx.closed())).collect();
    drop(rx);
    for (i, send) in (1..).zip(&mut line) {
        assert!(send.is_woken());
        assert_eq!(send.poll(), Poll::Ready(Err(mpsc::error::SendError(i))));
    }
    assert!(many.is_woken() && matches!(many.poll(), Poll::Ready(Err(_))));
    assert!(closed.iter_mut().all(|closed| closed.is_woken() && closed.poll().is_ready()));
}

/// C33: the last message is received after its sender has gone.
#[test]
fn the_last_message_outlives_its_sender() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    drop(tx);
    assert!(rx.is_closed() && !rx.is_empty());
    assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(1)));
    assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(None));
}

/// C60: an upgrade succeeds as long as there is a sender, and never after.
#[test]
fn weak_senders_keep_nothing_open() {
    let (tx, mut rx) = mpsc::channel::<u32>(1);
    let weak = tx.downgrade();
    let recv = Task::waiting(rx.recv());
    let again = weak.upgrade().unwrap();
    drop(tx);
    assert!(!recv.is_woken() && weak.strong_count() == 1);
    drop(again);
    assert!(recv.is_woken() && weak.upgrade().is_none());
    drop(recv);
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 1));
    // Closed is not gone.
    let (tx, mut rx) = mpsc::unbounded_channel::<u32>();
    let weak = tx.downgrade();
    rx.close();
    assert!(weak.upgrade().is_some_and(|tx| tx.send(1).is_err()));
}
