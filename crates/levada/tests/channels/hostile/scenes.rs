//! Crowds that wait, and what sets all of them going at once.

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::pin::Pin;
use support::Ledger;

/// More than two of the batches in which a channel wakes (16 each), and a rest.
pub(crate) const CROWD: usize = 37;

/// One who waits; ready when what it waits for has come.
pub(crate) type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// A crowd and its trigger.
pub(crate) struct Scene {
    pub(crate) waits: Vec<Wait>,
    /// Lets everybody go. Gives what must stay alive meanwhile.
    pub(crate) trigger: Box<dyn FnOnce() -> Kept>,
    /// Whether a panic of a waker comes out of the trigger: where it would take a message along,
    /// it ends there.
    pub(crate) panic_goes_on: bool,
}

/// Handles that must not be dropped before the crowd has gone.
pub(crate) type Kept = Box<dyn std::any::Any>;

fn crowd<F: Future<Output = ()> + 'static>(mut wait: impl FnMut() -> F) -> Vec<Wait> {
    (0..CROWD).map(|_| Box::pin(wait()) as Wait).collect()
}

fn scene(waits: Vec<Wait>, trigger: impl FnOnce() -> Kept + 'static) -> Scene {
    Scene { waits, trigger: Box::new(trigger), panic_goes_on: true }
}

/// Makes a scene with the messages of a ledger.
pub(crate) type Make = fn(&Ledger) -> Scene;

/// Every way to wake many at once.
pub(crate) const SCENES: &[(&str, Make)] = &[
    ("mpsc: senders, the receiver closes", |ledger| {
        let (waits, mut rx) = mpsc_senders(ledger);
        scene(waits, move || {
            rx.close();
            Box::new(rx)
        })
    }),
    ("mpsc: senders, the receiver goes", |ledger| {
        let (waits, rx) = mpsc_senders(ledger);
        scene(waits, move || {
            drop(rx);
            Box::new(())
        })
    }),
    ("mpsc: senders, a batch is received", |ledger| {
        let (tx, mut rx) = mpsc::channel(CROWD);
        (0..CROWD).for_each(|_| tx.try_send(ledger.message()).unwrap());
        let waits = crowd(|| {
            let (tx, message) = (tx.clone(), ledger.message());
            async move { tx.send(message).await.unwrap() }
        });
        let trigger = move || -> Kept {
            let mut batch = Vec::new();
            let count = support::poll_now(rx.recv_many(&mut batch, CROWD));
            assert_eq!(count, std::task::Poll::Ready(CROWD));
            Box::new((rx, tx))
        };
        Scene { panic_goes_on: false, ..scene(waits, trigger) }
    }),
    ("mpsc: who waits for the end", |_| {
        let (tx, rx) = mpsc::channel::<u8>(1);
        let waits = crowd(|| {
            let tx = tx.clone();
            async move { tx.closed().await }
        });
        scene(waits, move || {
            drop(rx);
            Box::new(tx)
        })
    }),
    ("mpmc: receivers, the last sender goes", |_| {
        let (tx, rx) = mpmc::channel::<u8>(1);
        let waits = mpmc_receivers(&rx);
        scene(waits, move || {
            drop(tx);
            Box::new(rx)
        })
    }),
    ("mpmc: receivers, one closes", |_| {
        let (tx, rx) = mpmc::channel::<u8>(1);
        let waits = mpmc_receivers(&rx);
        scene(waits, move || {
            rx.close();
            Box::new((tx, rx))
        })
    }),
    ("mpmc: senders, the last receiver goes", |ledger| {
        let (tx, rx) = mpmc::channel(1);
        tx.try_send(ledger.message()).unwrap();
        let waits = crowd(|| {
            let (tx, message) = (tx.clone(), ledger.message());
            async move { assert!(tx.send(message).await.is_err()) }
        });
        scene(waits, move || {
            drop(rx);
            Box::new(tx)
        })
    }),
    ("broadcast: receivers, a message", |_| {
        let (tx, rx) = broadcast::channel(1);
        let waits = broadcast_receivers(&tx, Ok(7));
        scene(waits, move || {
            let sent = tx.send(7);
            assert!(sent.is_ok());
            Box::new((tx, rx))
        })
    }),
    ("broadcast: receivers, the last sender goes", |_| {
        let (tx, rx) = broadcast::channel(1);
        let waits = broadcast_receivers(&tx, Err(broadcast::error::RecvError::Closed));
        scene(waits, move || {
            drop(tx);
            Box::new(rx)
        })
    }),
    ("broadcast: who waits for the end", |_| {
        let (tx, rx) = broadcast::channel::<u8>(1);
        let waits = crowd(|| {
            let tx = tx.clone();
            async move { tx.closed().await }
        });
        scene(waits, move || {
            drop(rx);
            Box::new(tx)
        })
    }),
    ("watch: receivers, a value", |_| {
        let (tx, rx) = watch::channel(0);
        let waits = crowd(|| {
            let mut rx = rx.clone();
            async move { rx.changed().await.unwrap() }
        });
        scene(waits, move || {
            tx.send(7).unwrap();
            Box::new((tx, rx))
        })
    }),
    ("watch: receivers, a condition that is met", |_| {
        let (tx, rx) = watch::channel(0);
        let waits = crowd(|| {
            let mut rx = rx.clone();
            async move { assert_eq!(*rx.wait_for(|value| *value == 7).await.unwrap(), 7) }
        });
        scene(waits, move || {
            tx.send_modify(|value| *value = 7);
            Box::new((tx, rx))
        })
    }),
    ("watch: receivers, the last sender goes", |_| {
        let (tx, rx) = watch::channel(0);
        let waits = crowd(|| {
            let mut rx = rx.clone();
            async move { assert!(rx.changed().await.is_err()) }
        });
        scene(waits, move || {
            drop(tx);
            Box::new(rx)
        })
    }),
    ("watch: who waits for the end", |_| {
        let (tx, rx) = watch::channel(0);
        let waits = crowd(|| {
            let tx = tx.clone();
            async move { tx.closed().await }
        });
        scene(waits, move || {
            drop(rx);
            Box::new(tx)
        })
    }),
    ("oneshot: one receiver each, all sent at once", |ledger| {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..CROWD).map(|_| oneshot::channel()).unzip();
        let mut rxs = rxs.into_iter();
        let waits = crowd(|| {
            let rx = rxs.next().unwrap();
            async move { drop(rx.await.unwrap()) }
        });
        let messages: Vec<_> = txs.iter().map(|_| ledger.message()).collect();
        scene(waits, move || {
            // One panic must not keep the others from being sent; it is passed on at the end.
            let mut panic = None;
            for (tx, message) in txs.into_iter().zip(messages) {
                let send = std::panic::AssertUnwindSafe(|| drop(tx.send(message)));
                match std::panic::catch_unwind(send) {
                    Err(later) if panic.is_some() => support::forget(later),
                    sent => panic = panic.or(sent.err()),
                }
            }
            if let Some(panic) = panic {
                std::panic::resume_unwind(panic);
            }
            Box::new(())
        })
    }),
];

fn mpsc_senders(ledger: &Ledger) -> (Vec<Wait>, mpsc::Receiver<support::Message>) {
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(ledger.message()).unwrap();
    let waits = crowd(|| {
        let (tx, message) = (tx.clone(), ledger.message());
        async move { assert!(tx.send(message).await.is_err()) }
    });
    (waits, rx)
}

fn mpmc_receivers(rx: &mpmc::Receiver<u8>) -> Vec<Wait> {
    crowd(|| {
        let rx = rx.clone();
        async move { assert_eq!(rx.recv().await, None) }
    })
}

fn broadcast_receivers(
    tx: &broadcast::Sender<u8>,
    expected: Result<u8, broadcast::error::RecvError>,
) -> Vec<Wait> {
    crowd(|| {
        let (mut rx, expected) = (tx.subscribe(), expected.clone());
        async move { assert_eq!(rx.recv().await, expected) }
    })
}
