//! Very many of everything a user can make many of, on a thread with a small stack: nothing that
//! the channel does with them may recurse (C75, C76).

use levada::mpsc;
use support::{Drops, MANY, assert_ready, many_waiting, on_a_small_stack};

#[test]
fn messages_and_senders() {
    on_a_small_stack(|| {
        // Messages and segments that are left behind with the receiver.
        let (alive, (tx, rx)) = (Drops::default(), mpsc::unbounded_channel());
        (0..MANY).for_each(|_| assert!(tx.send(alive.message()).is_ok()));
        let closed = many_waiting(|| tx.closed());
        drop(rx);
        assert_ready(closed);
        assert_eq!(alive.alive(), 0);
        // Senders that are served, one by one, by the receiver, by permits, by the end.
        let (tx, mut rx) = mpsc::channel(1);
        let handles: Vec<_> = (0..MANY).map(|_| (tx.clone(), tx.downgrade())).collect();
        assert!(tx.try_send(alive.message()).is_ok());
        let mut sends = many_waiting(|| tx.send(alive.message()));
        for send in &mut sends {
            assert!(rx.try_recv().is_ok() && send.is_woken() && send.poll().is_ready());
        }
        drop((sends, rx.try_recv()));
        let permit = tx.try_reserve().unwrap();
        let mut reserves = many_waiting(|| tx.reserve());
        drop(permit);
        for reserve in &mut reserves {
            assert!(reserve.is_woken() && reserve.poll().is_ready());
        }
        drop(reserves);
        let permit = tx.try_reserve().unwrap();
        let reserves = many_waiting(|| tx.reserve());
        rx.close();
        assert_ready(reserves);
        drop(permit);
        drop((handles, tx));
        assert_eq!((rx.try_recv().is_err(), alive.alive()), (true, 0));
    });
}

/// All of the capacity given back at once.
#[test]
fn permits() {
    on_a_small_stack(|| {
        let (tx, rx) = mpsc::channel::<u8>(MANY);
        let permits: Vec<_> = tx.try_reserve_many(MANY).unwrap().collect();
        let owned = many_waiting(|| tx.clone().reserve_owned());
        drop(permits);
        assert_ready(owned);
        let all = tx.try_reserve_many(MANY).unwrap();
        let reserves = many_waiting(|| tx.reserve());
        drop(all);
        // They hold it, untaken, and go.
        drop(reserves);
        assert_eq!((tx.capacity(), rx.len()), (MANY, 0));
    });
}
