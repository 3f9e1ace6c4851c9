//! Very many of everything.

use levada::broadcast;
use support::{MANY, Task, assert_ready, many_waiting, on_a_small_stack};

#[test]
fn senders_that_wait() {
    on_a_small_stack(|| {
        let (tx, rx) = broadcast::lossless(1);
        tx.try_send(0).unwrap();
        let tasks = many_waiting(|| tx.send(1));
        drop(rx);
        assert_ready(tasks);
    });
}

#[test]
fn members() {
    on_a_small_stack(|| {
        let (tx, rx) = broadcast::lossless(1);
        let mut members: Vec<_> =
            std::iter::once(rx).chain((1..MANY).map(|_| tx.subscribe())).collect();
        for round in 0..3 {
            assert_eq!(tx.try_send(round).unwrap(), MANY);
            let mut send = Task::waiting(tx.send(9));
            for rx in &mut members {
                assert!(!send.is_woken());
                assert_eq!(rx.try_recv(), Ok(round));
            }
            assert!(send.is_woken() && send.poll().is_ready());
            members.iter_mut().for_each(|rx| assert_eq!(rx.try_recv(), Ok(9)));
        }
        drop(members);
        assert_eq!(tx.receiver_count(), 0);
    });
}
