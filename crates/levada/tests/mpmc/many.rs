//! Very many of everything a user can make many of, on a thread with a small stack: nothing that
//! the channel does with them may recurse (C75, C76).

use levada::mpmc;
use support::{Drops, MANY, assert_ready, many_waiting, on_a_small_stack};

#[test]
fn messages_and_handles() {
    on_a_small_stack(|| {
        let (alive, (tx, rx)) = (Drops::default(), mpmc::unbounded_channel());
        (0..MANY).for_each(|_| assert!(tx.send(alive.message()).is_ok()));
        drop(vec![rx.clone(); MANY]);
        drop(rx);
        assert_eq!(alive.alive(), 0);
        // Receivers that are served one by one, and senders; then the end.
        let (tx, rx) = mpmc::channel(1);
        let mut recvs = many_waiting(|| rx.recv());
        for recv in &mut recvs {
            assert!(tx.try_send(alive.message()).is_ok());
            assert!(recv.is_woken() && recv.poll().is_ready());
        }
        drop(recvs);
        assert!(tx.try_send(alive.message()).is_ok());
        let mut sends = many_waiting(|| tx.send(alive.message()));
        for send in &mut sends {
            assert!(rx.try_recv().is_ok() && send.is_woken() && send.poll().is_ready());
        }
        drop((sends, rx.try_recv()));
        // Woken, they go in turn, and each passes it on.
        let recvs = many_waiting(|| rx.recv());
        assert!(tx.try_send(alive.message()).is_ok());
        drop(recvs);
        assert!(rx.try_recv().is_ok());
        let recvs = many_waiting(|| rx.recv());
        rx.close();
        assert_ready(recvs);
        assert_eq!(alive.alive(), 0);
    });
}
