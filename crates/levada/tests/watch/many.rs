//! Very many of everything a user can make many of, on a thread with a small stack: nothing that
//! the channel does with them may recurse (C75, C76).

use levada::watch;
use support::{Drops, MANY, assert_ready, many_waiting, on_a_small_stack};

#[test]
fn values_and_handles() {
    on_a_small_stack(|| {
        let alive = Drops::default();
        let (tx, rx) = watch::channel(alive.message());
        let waiting = many_waiting(|| {
            let mut rx = rx.clone();
            async move { rx.changed().await.is_ok() }
        });
        tx.send(alive.message()).unwrap();
        assert_ready(waiting);
        // Values that are looked at when they are superseded.
        let mut looks = Vec::new();
        for _ in 0..MANY {
            looks.push(rx.borrow());
            tx.send(alive.message()).unwrap();
        }
        assert_eq!(alive.alive(), MANY + 1);
        drop(looks);
        assert_eq!(alive.alive(), 1);
        let closed = many_waiting(|| tx.closed());
        drop(vec![rx.clone(); MANY]);
        drop(rx);
        assert_ready(closed);
        let waiting = many_waiting(|| {
            let mut rx = tx.subscribe();
            async move { rx.changed().await.is_err() }
        });
        drop(vec![tx.clone(); MANY]);
        drop(tx);
        assert_ready(waiting);
        assert_eq!(alive.alive(), 0);
    });
}
