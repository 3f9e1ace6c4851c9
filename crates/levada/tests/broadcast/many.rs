//! Very many of everything a user can make many of, on a thread with a small stack: nothing that
//! the channel does with them may recurse (C75, C76).

use levada::broadcast;
use std::sync::{Arc, Mutex, PoisonError};
use support::{Drops, MANY, Task, assert_ready, many_waiting, on_a_small_stack};

type Hook = Box<dyn FnOnce() + Send>;

/// A message whose first clone runs a hook.
struct Hooked {
    hook: Arc<Mutex<Option<Hook>>>,
    _alive: Drops,
}

impl Hooked {
    fn new(alive: &Drops, hook: impl FnOnce() + Send + 'static) -> Self {
        Self { hook: Arc::new(Mutex::new(Some(Box::new(hook)))), _alive: alive.message() }
    }
}

impl Clone for Hooked {
    fn clone(&self) -> Self {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hook) = hook {
            hook();
        }
        Self { hook: Arc::clone(&self.hook), _alive: self._alive.message() }
    }
}

#[test]
fn receivers_leave_during_a_clone() {
    on_a_small_stack(|| {
        let alive = Drops::default();
        let (tx, mut rx) = broadcast::channel(2);
        let leaving: Vec<_> = (0..MANY).map(|_| tx.subscribe()).collect();
        assert!(tx.send(Hooked::new(&alive, move || drop(leaving))).is_ok());
        let received = rx.try_recv();
        assert!(received.is_ok());
        assert_eq!((tx.receiver_count(), tx.len(), alive.alive()), (1, 0, 1));
    });
}

/// Each of them leaves two messages that are being cloned.
#[test]
fn receivers_leave_during_two_clones() {
    on_a_small_stack(|| {
        let alive = Drops::default();
        let (tx, mut first) = broadcast::channel(2);
        let leaving: Vec<_> = (0..MANY).map(|_| tx.subscribe()).collect();
        let second = Arc::new(Mutex::new(None::<broadcast::Receiver<Hooked>>));
        let reads_second = {
            let second = Arc::clone(&second);
            move || {
                let received = second.lock().unwrap().as_mut().unwrap().try_recv();
                assert!(received.is_ok());
            }
        };
        assert!(tx.send(Hooked::new(&alive, reads_second)).is_ok());
        *second.lock().unwrap() = Some(tx.subscribe());
        assert!(tx.send(Hooked::new(&alive, move || drop(leaving))).is_ok());
        assert!(first.try_recv().is_ok());
        assert_eq!((tx.receiver_count(), tx.len(), first.len(), alive.alive()), (2, 1, 1, 1));
    });
}

/// They want the message that is being cloned; they are all told when it is back.
#[test]
fn receivers_wait_for_a_clone() {
    on_a_small_stack(|| {
        let alive = Drops::default();
        let (tx, mut rx) = broadcast::channel(2);
        let receivers: Vec<_> = (0..MANY).map(|_| tx.subscribe()).collect();
        let waiting = Arc::new(Mutex::new(Vec::new()));
        let wait = {
            let waiting = Arc::clone(&waiting);
            move || {
                let wait = |mut rx: broadcast::Receiver<Hooked>| {
                    Task::waiting(async move { rx.recv().await.map(drop) })
                };
                waiting.lock().unwrap().extend(receivers.into_iter().map(wait));
            }
        };
        assert!(tx.send(Hooked::new(&alive, wait)).is_ok());
        assert!(rx.try_recv().is_ok());
        let waiting = std::mem::take(&mut *waiting.lock().unwrap());
        assert_eq!(waiting.len(), MANY);
        assert_ready(waiting);
        assert_eq!((tx.len(), alive.alive()), (0, 0));
    });
}

#[test]
fn messages_and_handles() {
    on_a_small_stack(|| {
        // Messages that are left behind with the receiver, and with those that share them.
        let (alive, (tx, rx)) = (Drops::default(), broadcast::channel(MANY));
        let receivers = [rx.resubscribe(), rx.resubscribe(), rx];
        (0..MANY).for_each(|_| assert!(tx.send(alive.message()).is_ok()));
        assert_eq!((alive.alive(), tx.len()), (MANY, MANY));
        drop(receivers);
        assert_eq!(alive.alive(), 0);
        // Handles that wait.
        let handles: Vec<_> = (0..MANY).map(|_| (tx.clone(), tx.downgrade())).collect();
        let waiting = many_waiting(|| {
            let mut rx = tx.subscribe();
            async move { rx.recv().await.map(drop) }
        });
        assert_eq!(tx.send(alive.message()).ok(), Some(MANY));
        assert_ready(waiting);
        let rx = tx.subscribe();
        let closed = many_waiting(|| tx.closed());
        drop(rx);
        assert_ready(closed);
        let waiting = many_waiting(|| {
            let mut rx = tx.subscribe();
            async move { rx.recv().await.map(drop) }
        });
        drop((handles, tx));
        assert_ready(waiting);
    });
}
