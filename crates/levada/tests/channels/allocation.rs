//! What happens beside a sender or receiver that is held up in the allocator. The allocator's hook
//! uses the channel: if the channel allocated or freed under its lock, that would be a deadlock.

use levada::{broadcast, mpmc, mpsc, watch};
use std::cell::{Cell, RefCell};
use std::task::Poll;
use support::{Ledger, counted, during_allocations, poll_now, within_deadline};

thread_local! {
    static SENT: Cell<u64> = const { Cell::new(0) };
    static TOOK: Cell<u64> = const { Cell::new(0) };
}

/// Stands for an end of a channel that only the hook uses.
fn note(counter: &'static std::thread::LocalKey<Cell<u64>>, success: bool) {
    counter.set(counter.get() + u64::from(success));
}

/// A batch is what was there when it began: a sender that is faster than the receiver does not keep
/// it for ever.
#[test]
fn a_batch_ends_although_senders_go_on() {
    thread_local! {
        static TX: RefCell<Option<mpsc::UnboundedSender<u64>>> = const { RefCell::new(None) };
        static TX2: RefCell<Option<mpmc::UnboundedSender<u64>>> = const { RefCell::new(None) };
    }
    let (tx, mut rx) = mpsc::unbounded_channel();
    tx.send(1).unwrap();
    TX.set(Some(tx));
    let mut batch = Vec::new();
    // The buffer grows for the first message, and two more are sent meanwhile; and so on.
    let hook = || {
        for _ in 0..2 {
            note(&SENT, TX.with_borrow(|tx| tx.as_ref().is_some_and(|tx| tx.send(2).is_ok())));
        }
    };
    let received = during_allocations(hook, || poll_now(rx.recv_many(&mut batch, usize::MAX)));
    assert!(SENT.get() > 0, "the buffer did not grow");
    assert_eq!(received, Poll::Ready(1), "{} were sent beside it", SENT.get());

    let (tx, rx) = mpmc::unbounded_channel();
    tx.send(1).unwrap();
    TX2.set(Some(tx));
    SENT.set(0);
    let mut batch = Vec::new();
    let hook = || {
        for _ in 0..2 {
            note(&SENT, TX2.with_borrow(|tx| tx.as_ref().is_some_and(|tx| tx.send(2).is_ok())));
        }
    };
    let received = during_allocations(hook, || poll_now(rx.recv_many(&mut batch, usize::MAX)));
    assert!(SENT.get() > 0, "the buffer did not grow");
    // Room for the buffer is made before; what came meanwhile may fill it up.
    assert!(received.is_ready() && batch.len() <= 4, "{} received", batch.len());
}

/// C58: a sender that is held up in the middle of its send holds up neither the receiver nor
/// another sender.
#[test]
fn a_sender_that_is_held_up_holds_up_nobody() {
    thread_local! {
        static TX: RefCell<Option<mpsc::Sender<u64>>> = const { RefCell::new(None) };
        static RX: RefCell<Option<mpsc::Receiver<u64>>> = const { RefCell::new(None) };
    }
    within_deadline(|| {
        const MESSAGES: u64 = 50_000;
        let (tx, rx) = mpsc::channel(100_000);
        TX.set(Some(tx.clone()));
        RX.set(Some(rx));
        let hook = || {
            let took = |rx: &mut Option<mpsc::Receiver<u64>>| rx.as_mut().map(|rx| rx.try_recv());
            note(&TOOK, matches!(RX.with_borrow_mut(took), Some(Ok(_))));
            let sent = |tx: &Option<mpsc::Sender<u64>>| tx.as_ref().map(|tx| tx.try_send(9));
            note(&SENT, matches!(TX.with_borrow(sent), Some(Ok(()))));
        };
        during_allocations(hook, || {
            for i in 0..MESSAGES {
                tx.try_send(i).unwrap();
            }
        });
        assert!(SENT.get() > 5 && TOOK.get() > 5, "{} and {}", SENT.get(), TOOK.get());
        let mut rx = RX.take().unwrap();
        let left = std::iter::from_fn(|| rx.try_recv().ok()).count() as u64;
        assert_eq!(left + TOOK.get(), MESSAGES + SENT.get());
    });
}

/// C32: the last receiver goes while the first message waits for its place to be allocated. The
/// message goes with it, or comes back; nothing is freed twice, and nothing stays.
#[test]
fn a_receiver_that_goes_while_a_sender_allocates() {
    thread_local! {
        static RX: RefCell<Option<mpsc::Receiver<Large>>> = const { RefCell::new(None) };
        static RX2: RefCell<Option<mpmc::Receiver<Large>>> = const { RefCell::new(None) };
        static PAUSE: Cell<usize> = const { Cell::new(0) };
    }
    /// Too large for the room in the channel itself, so that the first message allocates.
    type Large = (support::Message, [u64; 64]);
    /// At the last allocation of `PAUSE`.
    fn leave() {
        PAUSE.set(PAUSE.get().wrapping_sub(1));
        if PAUSE.get() == 0 {
            drop((RX.take(), RX2.take()));
        }
    }
    let mut refused = 0;
    for (pause, queued) in [1, 2, 3, 4].into_iter().flat_map(|pause| [(pause, 0), (pause, 5)]) {
        let messages = 2 * (queued + 1);
        let ledger = Ledger::new(messages);
        let mut all: Vec<Large> = (0..messages).map(|_| (ledger.message(), [0; 64])).collect();
        let mut send_all = |send: &dyn Fn(Large) -> bool| {
            PAUSE.set(pause);
            for _ in 0..=queued {
                let message = all.pop().unwrap();
                refused += usize::from(!during_allocations(leave, || send(message)));
            }
            drop((RX.take(), RX2.take()));
        };
        let ((), bytes, _) = counted(|| {
            let (tx, rx) = mpsc::channel(8);
            RX.set(Some(rx));
            send_all(&|message| tx.try_send(message).is_ok());
            let (tx, rx) = mpmc::channel(8);
            RX2.set(Some(rx));
            send_all(&|message| tx.try_send(message).is_ok());
        });
        assert!(bytes == 0 || cfg!(feature = "observe"), "{bytes} bytes stay");
        ledger.settle();
    }
    assert!(refused >= 2, "no receiver went in time: {refused}");
}

/// Two senders add the same slots to a broadcast channel: those of the slower one are freed.
#[test]
fn the_slower_of_two_senders_frees_its_slots() {
    thread_local! {
        static TX: RefCell<Option<broadcast::Sender<usize>>> = const { RefCell::new(None) };
    }
    fn meanwhile() {
        if let Some(tx) = TX.take() {
            tx.send(0).unwrap();
        }
    }
    let ((), bytes, _) = counted(|| {
        let (tx, mut rx) = broadcast::channel(16);
        TX.set(Some(tx.clone()));
        during_allocations(meanwhile, || tx.send(1).unwrap());
        assert!(TX.take().is_none(), "it allocated");
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
    });
    assert!(bytes == 0 || cfg!(feature = "observe"), "{bytes} bytes stay");
}

/// Bursts that allocate and free in every channel, while the hook sends, receives and looks.
#[test]
fn nothing_is_allocated_or_freed_under_a_lock() {
    type Ends<S, R> = RefCell<Option<(S, R)>>;
    thread_local! {
        static MPMC: Ends<mpmc::Sender<u64>, mpmc::Receiver<u64>> = const { RefCell::new(None) };
        static BROADCAST: Ends<broadcast::Sender<u64>, broadcast::Receiver<u64>> =
            const { RefCell::new(None) };
        static WATCH: Ends<watch::Sender<u64>, watch::Receiver<u64>> = const { RefCell::new(None) };
    }
    const BURST: u64 = 20_000;
    within_deadline(|| {
        let (tx, rx) = mpmc::channel(100_000);
        MPMC.set(Some((tx.clone(), rx.clone())));
        let hook = || {
            MPMC.with_borrow(|ends| {
                let Some((tx, rx)) = ends else { return };
                note(&SENT, tx.try_send(9).is_ok());
                note(&TOOK, rx.try_recv().is_ok() && rx.len() + tx.capacity() > 0);
            });
        };
        during_allocations(hook, || {
            for _ in 0..3 {
                (0..BURST).for_each(|i| tx.try_send(i).unwrap());
                while rx.try_recv().is_ok() {}
            }
        });
        assert!(SENT.get() > 5 && TOOK.get() > 5, "mpmc: {} and {}", SENT.get(), TOOK.get());
    });
    within_deadline(|| {
        let (tx, mut rx) = broadcast::channel(1 << 15);
        BROADCAST.set(Some((tx.clone(), tx.subscribe())));
        let hook = || {
            BROADCAST.with_borrow_mut(|ends| {
                let Some((tx, rx)) = ends else { return };
                note(&SENT, tx.send(9).is_ok());
                note(&TOOK, rx.try_recv().is_ok() && tx.len() < usize::MAX);
            });
        };
        during_allocations(hook, || {
            for _ in 0..3 {
                (0..BURST).for_each(|i| drop(tx.send(i)));
                while rx.try_recv().is_ok() {}
            }
        });
        assert!(SENT.get() > 5 && TOOK.get() > 5, "broadcast: {} and {}", SENT.get(), TOOK.get());
    });
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        WATCH.set(Some((tx.clone(), rx.clone())));
        let hook = || {
            WATCH.with_borrow(|ends| {
                let Some((tx, rx)) = ends else { return };
                note(&SENT, tx.send(9).is_ok());
                note(&TOOK, *rx.borrow() > 0);
            });
        };
        during_allocations(hook, || {
            for i in 0..BURST {
                let held = rx.borrow();
                tx.send(i).unwrap();
                drop(held);
            }
            // Values that are looked at need a place of their own each.
            let held: Vec<_> = (0..10).map(|i| (rx.borrow(), tx.send(i))).collect();
            drop(held);
        });
        assert!(SENT.get() > 5 && TOOK.get() > 5, "watch: {} and {}", SENT.get(), TOOK.get());
    });
}
