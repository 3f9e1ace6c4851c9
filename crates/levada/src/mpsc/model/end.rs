//! Every interleaving of the ends: closing, the last sender, the receiver, permits that are out.

use super::*;
use crate::mpsc::error::{SendError, TryRecvError, TrySendError};
use crate::prim::atomic::{AtomicUsize, Ordering};
use crate::wait::permits::expiry::GRACE;
use core::task::Poll;

/// What was sent with `Ok` is received after the close, and nothing else.
#[test]
fn close_beside_a_waiting_send() {
    model(|| {
        let (tx, mut rx) = full();
        let sender = thread::spawn(move || block_on(tx.send(1)));
        let first = rx.try_recv();
        assert_eq!(first, Ok(0));
        rx.close();
        let rest = received(&mut rx);
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(rest, [1]),
            Err(SendError(message)) => assert_eq!((message, rest), (1, vec![])),
        }
    });
}

#[test]
fn close_beside_try_send() {
    model(|| {
        let (tx, mut rx) = channel(2);
        let sender = thread::spawn(move || [1, 2].map(|message| tx.try_send(message).is_ok()));
        rx.close();
        let rest = received(&mut rx);
        let sent = sender.join().unwrap();
        assert_eq!(rest.len(), sent.iter().filter(|ok| **ok).count());
        assert!(sent != [false, true], "closed, and open again");
    });
}

/// A sender that was refused looks at the positions before it takes the lock: what it answers is
/// true of the time of its call, and it does not miss room that it knows of, or the close.
#[test]
fn a_second_refusal_meets_a_receive_and_the_close() {
    model(|| {
        let (tx, mut rx) = full();
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        let step = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&step);
        let sender = thread::spawn(move || {
            // ORDERING: Acquire pairs with the Release stores below.
            let before = seen.load(Ordering::Acquire);
            let sent = tx.try_send(2);
            match before {
                0 => {}
                1 => assert!(!matches!(sent, Err(TrySendError::Full(_))), "there is room"),
                _ => assert_eq!(sent, Err(TrySendError::Closed(2))),
            }
            sent.is_ok()
        });
        assert_eq!(rx.try_recv(), Ok(0));
        // ORDERING: Release pairs with the Acquire load of the sender.
        step.store(1, Ordering::Release);
        rx.close();
        // ORDERING: Release, as above.
        step.store(2, Ordering::Release);
        let rest = received(&mut rx);
        assert_eq!(sender.join().unwrap(), !rest.is_empty());
    });
}

/// Senders that wait begin and end beside one that only tries.
#[test]
fn a_refused_try_beside_a_sender_that_waits() {
    model(|| {
        let (tx, mut rx) = full();
        assert!(tx.try_send(1).is_err());
        let waiting = tx.clone();
        let sender = thread::spawn(move || block_on(waiting.send(2)));
        let tried = tx.try_send(3);
        assert!(tried.is_err(), "nothing was received");
        assert_eq!(block_on(rx.recv()), Some(0));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert!(sender.join().unwrap().is_ok());
        assert_eq!(tx.try_send(4), Ok(()), "the refusal is forgotten");
        assert_eq!(rx.try_recv(), Ok(4));
    });
}

/// C24: the last permit goes while the receiver waits for the end.
#[test]
fn the_last_permit_lets_the_end_come() {
    model(|| {
        let (tx, mut rx) = channel::<usize>(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        rx.close();
        let sender = thread::spawn(move || drop(permit));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
        drop(tx);
    });
}

/// C25: a permit that is out may still bring a message.
#[test]
fn the_last_permit_brings_a_message() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        rx.close();
        let sender = thread::spawn(move || drop(permit.send(1)));
        assert_eq!(received(&mut rx), [1]);
        sender.join().unwrap();
        drop(tx);
    });
}

/// The receiver closes the channel when a grant has expired and the next sender in line has not
/// been woken yet, and sleeps while a permit is out. Neither sender is polled again: the receiver
/// must still be woken and reach the end.
#[test]
fn who_does_not_come_after_close_lets_the_end_come() {
    model(|| {
        let (tx, mut rx) = channel(2);
        tx.try_send(0).unwrap();
        let permit = tx.clone().try_reserve_owned().unwrap();
        let forgotten = [tx.clone(), tx.clone()].map(|tx| {
            let mut reserve = Box::pin(tx.reserve_owned());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(reserve.as_mut().poll(&mut cx).is_pending());
            reserve
        });
        // This makes room for the first of them.
        assert_eq!(rx.try_recv(), Ok(0));
        for _ in 1..GRACE {
            assert!(tx.try_send(1).is_err());
        }
        let sender = thread::spawn(move || {
            assert!(tx.try_send(1).is_err(), "it is the second one's turn, or closed");
            drop(permit);
        });
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
        drop(forgotten);
    });
}

/// C18: the receiver sees the last sender go, or is woken by it.
#[test]
fn the_last_sender_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = channel::<usize>(1);
        let other = tx.clone();
        let senders = [tx, other].map(|tx| thread::spawn(move || drop(tx)));
        assert_eq!(block_on(rx.recv()), None);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// C17: `Disconnected` comes after everything that was sent.
#[test]
fn disconnected_is_said_last() {
    model(|| {
        let (tx, mut rx) = unbounded_channel();
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        let mut received = 0;
        loop {
            match rx.try_recv() {
                Ok(_) => received += 1,
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        assert_eq!(received, 2);
        sender.join().unwrap();
    });
}

/// C19, C32: a message is refused, or it is dropped when the receiver is, although the sender lives
/// on.
#[test]
fn no_message_outlives_the_receiver() {
    model(|| {
        let (tx, rx) = channel(2);
        let (message, count) = counted();
        let other = tx.clone();
        let sender = thread::spawn(move || {
            if let Err(refused) = other.try_send(message) {
                drop(refused);
            }
            other
        });
        let (message, other_count) = counted();
        let sent = tx.try_send(message);
        drop(rx);
        drop(sent);
        let other = sender.join().unwrap();
        assert_eq!((alive(&count), alive(&other_count)), (0, 0));
        drop((tx, other));
    });
}

/// C20: the same with a permit.
#[test]
fn no_message_of_a_permit_outlives_the_receiver() {
    model(|| {
        let (tx, rx) = channel(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let (message, count) = counted();
        let sender = thread::spawn(move || permit.send(message));
        drop(rx);
        let other = sender.join().unwrap();
        assert_eq!(alive(&count), 0);
        drop((tx, other));
    });
}

/// The drop of the receiver wakes a waiting sender, which gets its message back, and a task that
/// waits in `closed`.
#[test]
fn the_receiver_s_end_wakes_senders() {
    model(|| {
        let (tx, rx) = full();
        let tx = Arc::new(tx);
        let other = Arc::clone(&tx);
        let sender = thread::spawn(move || block_on(other.send(1)));
        let watcher = thread::spawn(move || block_on(tx.closed()));
        drop(rx);
        assert_eq!(sender.join().unwrap(), Err(SendError(1)));
        watcher.join().unwrap();
    });
}

/// C60: the upgrade comes before the end, and what it sends too; or it does not come.
#[test]
fn upgrading_beside_the_last_sender_s_end() {
    model(|| {
        let (tx, mut rx) = unbounded_channel();
        let weak = tx.downgrade();
        let upgrading = thread::spawn(move || match weak.upgrade() {
            Some(tx) => tx.send(1).map(|()| 1).unwrap(),
            None => 0,
        });
        drop(tx);
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(upgrading.join().unwrap(), received);
    });
}

/// A sender that sees the channel closed also sees what the receiver did before the close.
#[test]
fn the_close_brings_what_came_before() {
    model(|| {
        let (tx, mut rx) = channel::<()>(1);
        let done = Arc::new(AtomicUsize::new(0));
        let before = Arc::clone(&done);
        let sender = thread::spawn(move || {
            if tx.is_closed() {
                // ORDERING: Relaxed, no pair: the close has to make it visible.
                assert_eq!(before.load(Ordering::Relaxed), 1);
            }
        });
        // ORDERING: Relaxed, no pair: as above.
        done.store(1, Ordering::Relaxed);
        rx.close();
        sender.join().unwrap();
    });
}

/// The receiver's drop ends sending in one step: once a send is refused because of it, so is every
/// later one.
#[test]
fn a_refusal_for_good_is_for_good() {
    model(|| {
        let (tx, rx) = channel(1);
        let receiver = thread::spawn(move || drop(rx));
        if tx.try_send(0).is_err() {
            assert!(tx.is_closed(), "it is not full, so it is closed");
            assert!(tx.try_reserve().is_err());
        }
        receiver.join().unwrap();
    });
}

/// In an empty channel, a receiver that sees the last sender gone receives the end.
#[test]
fn an_end_that_was_seen_has_come() {
    model(|| {
        let (tx, mut rx) = channel::<usize>(1);
        let sender = thread::spawn(move || drop(tx));
        if rx.is_closed() {
            let received = rx.poll_recv(&mut Context::from_waker(Waker::noop()));
            assert_eq!(received, Poll::Ready(None));
        }
        sender.join().unwrap();
    });
}
