//! Threads that wait for one another.

use crate::support::Message;
use levada::{broadcast, mpmc, mpsc, oneshot};
use std::thread;

/// So many messages that the channels relax, and fill up.
const MESSAGES: u16 = 5_000;

pub(crate) fn check<T: Message>() {
    thread::scope(|scope| {
        let (tx, mut rx) = mpsc::channel(16);
        let (results, result) = oneshot::channel();
        scope.spawn(move || (0..MESSAGES).for_each(|n| tx.blocking_send(T::new(n as u8)).unwrap()));
        scope.spawn(move || {
            (0..MESSAGES).for_each(|n| assert_eq!(rx.blocking_recv(), Some(T::new(n as u8))));
            results.send(T::new(1)).unwrap();
        });
        assert_eq!(result.blocking_recv(), Ok(T::new(1)));
    });
    thread::scope(|scope| {
        let (tx, rx) = mpmc::channel(16);
        for _ in 0..2 {
            let tx = tx.clone();
            scope.spawn(move || (0..MESSAGES).for_each(|_| tx.blocking_send(T::new(1)).unwrap()));
        }
        drop(tx);
        let count = |rx: mpmc::Receiver<T>| std::iter::from_fn(|| rx.blocking_recv()).count();
        let other = rx.clone();
        let theirs = scope.spawn(move || count(other));
        assert_eq!(count(rx) + theirs.join().unwrap(), usize::from(MESSAGES) * 2);
    });
    thread::scope(|scope| {
        let (tx, _) = broadcast::channel(usize::from(MESSAGES));
        for _ in 0..2 {
            let mut rx = tx.subscribe();
            scope.spawn(move || {
                (0..MESSAGES).for_each(|n| assert_eq!(rx.blocking_recv(), Ok(T::new(n as u8))));
            });
        }
        (0..MESSAGES).for_each(|n| assert!(tx.send(T::new(n as u8)).is_ok()));
    });
}
