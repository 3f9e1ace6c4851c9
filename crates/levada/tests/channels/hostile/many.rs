//! Very many of everything a user can make many of, on a thread with a small stack: nothing that a
//! channel does with them may recurse (C75, C76). An overflow ends the whole test process.

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use support::{Drops, Task};

/// Far more frames than the stack has room for, at a few dozen bytes each.
const MANY: usize = if cfg!(miri) { 200 } else { 20_000 };
const STACK_BYTES: usize = 256 * 1024;

/// Runs `f` with little stack.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(f).unwrap();
    thread.join().unwrap();
}

fn tasks<F: Future>(make: impl FnMut() -> F) -> Vec<Task<F>> {
    std::iter::repeat_with(make).take(MANY).map(Task::waiting).collect()
}

#[track_caller]
fn assert_ready<F: Future>(tasks: Vec<Task<F>>) {
    for mut task in tasks {
        assert!(task.is_woken() && task.poll().is_ready());
    }
}

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
fn broadcast_receivers_leave_during_a_clone() {
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
fn broadcast_receivers_leave_during_two_clones() {
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
fn broadcast_receivers_wait_for_a_clone() {
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
fn broadcast() {
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
        let waiting = tasks(|| {
            let mut rx = tx.subscribe();
            async move { rx.recv().await.map(drop) }
        });
        assert_eq!(tx.send(alive.message()).ok(), Some(MANY));
        assert_ready(waiting);
        let rx = tx.subscribe();
        let closed = tasks(|| tx.closed());
        drop(rx);
        assert_ready(closed);
        let waiting = tasks(|| {
            let mut rx = tx.subscribe();
            async move { rx.recv().await.map(drop) }
        });
        drop((handles, tx));
        assert_ready(waiting);
    });
}

#[test]
fn mpsc() {
    on_a_small_stack(|| {
        // Messages and segments that are left behind with the receiver.
        let (alive, (tx, rx)) = (Drops::default(), mpsc::unbounded_channel());
        (0..MANY).for_each(|_| assert!(tx.send(alive.message()).is_ok()));
        let closed = tasks(|| tx.closed());
        drop(rx);
        assert_ready(closed);
        assert_eq!(alive.alive(), 0);
        // Senders that are served, one by one, by the receiver, by permits, by the end.
        let (tx, mut rx) = mpsc::channel(1);
        let handles: Vec<_> = (0..MANY).map(|_| (tx.clone(), tx.downgrade())).collect();
        assert!(tx.try_send(alive.message()).is_ok());
        let mut sends = tasks(|| tx.send(alive.message()));
        for send in &mut sends {
            assert!(rx.try_recv().is_ok() && send.is_woken() && send.poll().is_ready());
        }
        drop((sends, rx.try_recv()));
        let permit = tx.try_reserve().unwrap();
        let mut reserves = tasks(|| tx.reserve());
        drop(permit);
        for reserve in &mut reserves {
            assert!(reserve.is_woken() && reserve.poll().is_ready());
        }
        drop(reserves);
        let permit = tx.try_reserve().unwrap();
        let reserves = tasks(|| tx.reserve());
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
        let owned = tasks(|| tx.clone().reserve_owned());
        drop(permits);
        assert_ready(owned);
        let all = tx.try_reserve_many(MANY).unwrap();
        let reserves = tasks(|| tx.reserve());
        drop(all);
        // They hold it, untaken, and go.
        drop(reserves);
        assert_eq!((tx.capacity(), rx.len()), (MANY, 0));
    });
}

#[test]
fn mpmc() {
    on_a_small_stack(|| {
        let (alive, (tx, rx)) = (Drops::default(), mpmc::unbounded_channel());
        (0..MANY).for_each(|_| assert!(tx.send(alive.message()).is_ok()));
        drop(vec![rx.clone(); MANY]);
        drop(rx);
        assert_eq!(alive.alive(), 0);
        // Receivers that are served one by one, and senders; then the end.
        let (tx, rx) = mpmc::channel(1);
        let mut recvs = tasks(|| rx.recv());
        for recv in &mut recvs {
            assert!(tx.try_send(alive.message()).is_ok());
            assert!(recv.is_woken() && recv.poll().is_ready());
        }
        drop(recvs);
        assert!(tx.try_send(alive.message()).is_ok());
        let mut sends = tasks(|| tx.send(alive.message()));
        for send in &mut sends {
            assert!(rx.try_recv().is_ok() && send.is_woken() && send.poll().is_ready());
        }
        drop((sends, rx.try_recv()));
        // Woken, they go in turn, and each passes it on.
        let recvs = tasks(|| rx.recv());
        assert!(tx.try_send(alive.message()).is_ok());
        drop(recvs);
        assert!(rx.try_recv().is_ok());
        let recvs = tasks(|| rx.recv());
        rx.close();
        assert_ready(recvs);
        assert_eq!(alive.alive(), 0);
    });
}

#[test]
fn watch() {
    on_a_small_stack(|| {
        let alive = Drops::default();
        let (tx, rx) = watch::channel(alive.message());
        let waiting = tasks(|| {
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
        let closed = tasks(|| tx.closed());
        drop(vec![rx.clone(); MANY]);
        drop(rx);
        assert_ready(closed);
        let waiting = tasks(|| {
            let mut rx = tx.subscribe();
            async move { rx.changed().await.is_err() }
        });
        drop(vec![tx.clone(); MANY]);
        drop(tx);
        assert_ready(waiting);
        assert_eq!(alive.alive(), 0);
    });
}

/// One has one of everything. It waits very often, each time with another waker.
#[test]
fn oneshot() {
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
