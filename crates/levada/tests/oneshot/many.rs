//! Very many of everything a user can make many of, on a thread with a small stack: nothing that
//! the channel does with them may recurse (C75, C76).

use levada::oneshot;
use support::{MANY, Task, on_a_small_stack};

/// One has one of everything. It waits very often, each time with another waker.
#[test]
fn wakers() {
    on_a_small_stack(|| {
        let (mut tx, rx) = oneshot::channel();
        let mut receiving = Task::new(rx);
        for _ in 0..MANY {
            assert!(Task::new(tx.closed()).poll().is_pending());
            assert!(receiving.poll_elsewhere().is_pending());
        }
        tx.send(7).unwrap();
        assert!(receiving.is_woken() && receiving.poll().is_ready());
    });
}
