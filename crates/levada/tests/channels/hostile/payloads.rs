//! Messages of every shape, through every channel.

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::cell::Cell;
use std::fmt::Debug;
use std::marker::PhantomPinned;
use std::rc::Rc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::task::Poll;
use std::thread;
use support::{Message, poll_now, within_deadline};

/// Through every channel that takes `T` as it is.
fn pass<T: Debug + PartialEq>(make: impl Fn(usize) -> T) {
    for capacity in [1, 2, 9, 100] {
        let (tx, mut rx) = mpsc::channel(capacity);
        let (m_tx, m_rx) = mpmc::channel(capacity);
        for round in 0..3 {
            for i in 0..capacity {
                assert!(tx.try_send(make(round + i)).is_ok());
                assert!(m_tx.try_send(make(round + i)).is_ok());
            }
            assert!(tx.try_send(make(0)).is_err() && m_tx.try_send(make(0)).is_err());
            let mut batch = Vec::new();
            let count = poll_now(rx.recv_many(&mut batch, capacity));
            assert_eq!(count, Poll::Ready(capacity));
            for (i, message) in batch.into_iter().enumerate() {
                assert_eq!(message, make(round + i));
                assert_eq!(m_rx.try_recv(), Ok(make(round + i)));
            }
        }
        // Left behind in the channel.
        assert!(tx.try_send(make(1)).is_ok() && m_tx.try_send(make(1)).is_ok());
    }
    let (tx, mut rx) = mpsc::unbounded_channel();
    let (m_tx, m_rx) = mpmc::unbounded_channel();
    for i in 0..100 {
        assert!(tx.send(make(i)).is_ok() && m_tx.send(make(i)).is_ok());
    }
    for i in 0..90 {
        assert_eq!(rx.try_recv(), Ok(make(i)));
        assert_eq!(m_rx.try_recv(), Ok(make(i)));
    }
    let (tx, mut rx) = oneshot::channel();
    assert!(tx.send(make(1)).is_ok());
    assert_eq!(rx.try_recv(), Ok(make(1)));
    let (tx, rx) = oneshot::channel();
    assert!(tx.send(make(1)).is_ok());
    drop(rx);
    let (tx, rx) = watch::channel(make(0));
    for i in 1..10 {
        let look = rx.borrow();
        assert!(tx.send(make(i)).is_ok());
        assert_eq!(*look, make(i - 1));
        assert_eq!(*rx.borrow(), make(i));
        assert_eq!(tx.send_replace(make(i)), make(i));
    }
}

/// Through all channels.
fn pass_cloned<T: Clone + Debug + PartialEq>(make: impl Fn(usize) -> T) {
    pass(&make);
    // Powers of two: other capacities are rounded up to one, as tokio's.
    for capacity in [1, 2, 8, 128] {
        let (tx, mut rx) = broadcast::channel(capacity);
        let mut other = tx.subscribe();
        for i in 0..3 * capacity {
            assert!(tx.send(make(i)).is_ok());
            assert_eq!(rx.try_recv(), Ok(make(i)));
        }
        assert!(other.try_recv().is_err(), "it lags");
        assert_eq!(other.try_recv(), Ok(make(2 * capacity)));
    }
}

#[test]
fn plain() {
    pass_cloned(|i| i);
    pass_cloned(|i| i.to_string());
    pass_cloned(|i| [i; 33]);
    pass_cloned(|i| i.is_multiple_of(2).then(|| vec![i]));
    pass_cloned(|i| i.to_le_bytes()[0]);
}

/// Not `Send`: a channel within a thread.
#[test]
fn not_send() {
    pass_cloned(Rc::new);
}

/// `Send`, and not `Sync`: no two threads may look at a message at once (C42).
#[test]
fn not_sync() {
    pass_cloned(Cell::new);
    within_deadline(|| {
        let (tx, rx) = broadcast::channel(2);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let mut rx = rx.resubscribe();
                thread::spawn(move || {
                    let mut received = 0;
                    loop {
                        match rx.blocking_recv() {
                            Ok(cell) => received += usize::from(Cell::get(&cell) > 0),
                            Err(broadcast::error::RecvError::Lagged(_)) => {}
                            Err(broadcast::error::RecvError::Closed) => return received,
                        }
                    }
                })
            })
            .collect();
        drop(rx);
        let messages = if cfg!(miri) { 20 } else { 2_000 };
        (1..=messages).for_each(|i| assert!(tx.send(Cell::new(i)).is_ok()));
        drop(tx);
        for receiver in receivers {
            assert!((1..=messages).contains(&receiver.join().unwrap()));
        }
    });
}

#[derive(Clone, Debug, PartialEq)]
struct Pinned(usize, PhantomPinned);

#[test]
fn not_unpin() {
    pass_cloned(|i| Pinned(i, PhantomPinned));
}

#[repr(align(4096))]
#[derive(Clone, Debug, PartialEq)]
struct Page(u8);

#[repr(align(64))]
#[derive(Clone, Debug, PartialEq)]
struct Line([u8; 3]);

impl Page {
    /// A reference that is not aligned would be undefined behaviour, which Miri sees; this is for
    /// the others.
    fn checked(self) -> Self {
        assert!((&raw const self).addr().is_multiple_of(4096));
        self
    }
}

#[test]
fn over_aligned() {
    pass_cloned(|i| Line([i.to_le_bytes()[0]; 3]));
    pass_cloned(|i| Page(i.to_le_bytes()[0]).checked());
    #[repr(align(128))]
    #[derive(Clone, Debug, PartialEq)]
    struct Empty;
    pass_cloned(|_| Empty);
    // In place, not only where a test takes it out to.
    let (tx, rx) = watch::channel(Page(0));
    for i in 0..10 {
        assert!(std::ptr::from_ref(&*rx.borrow()).addr().is_multiple_of(4096));
        tx.send_modify(|page| {
            assert!(std::ptr::from_ref(page).addr().is_multiple_of(4096));
            page.0 = i;
        });
    }
}

thread_local! {
    static ALIVE: Cell<isize> = const { Cell::new(0) };
}

/// Takes no place, and has to be dropped (C43).
#[derive(Debug, PartialEq)]
struct Nothing;

impl Nothing {
    fn new() -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self
    }
}

impl Clone for Nothing {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

#[test]
fn without_size() {
    pass_cloned(|_| ());
    assert_eq!(size_of::<Nothing>(), 0);
    pass_cloned(|_| Nothing::new());
    assert_eq!(ALIVE.get(), 0);
}

const MIB: usize = 1 << 20;

/// A megabyte each, through every channel, and its alignment in the middle of it (C46).
#[test]
fn large() {
    #[derive(Clone, PartialEq)]
    struct Large(usize, [u8; MIB]);
    impl Debug for Large {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_tuple("Large").field(&self.0).finish_non_exhaustive()
        }
    }
    static ALIVE: AtomicIsize = AtomicIsize::new(0);
    // Debug builds copy a message a dozen times on its way.
    let roomy = thread::Builder::new().stack_size(256 * MIB);
    let passed = roomy.spawn(|| {
        let (tx, mut rx) = mpsc::channel(3);
        let (all, mut each) = broadcast::channel(2);
        let (latest, look) = watch::channel(Large(0, [0; MIB]));
        for i in 0..10 {
            let large = Large(i, [i.to_le_bytes()[0]; MIB]);
            assert!(tx.try_send(large.clone()).is_ok());
            assert!(rx.try_recv() == Ok(large.clone()));
            assert!(all.send(large.clone()).is_ok() && each.try_recv() == Ok(large.clone()));
            assert!(latest.send(large.clone()).is_ok() && *look.borrow() == large);
            let (reply, mut asked) = oneshot::channel();
            assert!(reply.send(large).is_ok() && asked.try_recv().unwrap().0 == i);
            // ORDERING: SeqCst, no pair: a test counts.
            ALIVE.fetch_add(1, Ordering::SeqCst);
        }
    });
    passed.unwrap().join().unwrap();
    // ORDERING: SeqCst, no pair: a test counts.
    assert_eq!(ALIVE.load(Ordering::SeqCst), 10);
}

/// On a thread whose stack is smaller than one message a queue can be made, waited on and dropped
/// with its messages, and so can a oneshot. (broadcast and watch move a message out of its place
/// before it is dropped, which without optimisation takes its size on the stack.)
#[test]
fn large_on_a_small_stack() {
    type Large = [u8; MIB];
    let small = || thread::Builder::new().stack_size(MIB / 2);
    let (tx, rx) = mpsc::channel::<Large>(4);
    let roomy = thread::Builder::new().stack_size(64 * MIB);
    let filled = roomy.spawn(move || {
        (0..4).for_each(|i| assert!(tx.try_send([i; MIB]).is_ok()));
        (tx, rx)
    });
    let (tx, rx) = filled.unwrap().join().unwrap();
    let done = small().spawn(move || {
        assert!(poll_now(tx.reserve()).is_pending());
        assert_eq!((rx.len(), tx.capacity()), (4, 0));
        drop((tx, rx));
        drop((mpsc::channel::<Large>(1_000), mpsc::unbounded_channel::<Large>()));
        drop((mpmc::channel::<Large>(1_000), mpmc::unbounded_channel::<Large>()));
        drop(oneshot::channel::<Large>());
        pass_cloned(|i| Box::new([i; 1024]));
    });
    done.unwrap().join().unwrap();
}

/// Functions, trait objects and messages that own other channels.
#[test]
fn of_many_kinds() {
    let (tx, mut rx) = mpsc::unbounded_channel::<Box<dyn FnOnce(usize) -> usize + Send>>();
    assert!(tx.send(Box::new(|n| n + 1)).is_ok());
    assert_eq!(rx.try_recv().unwrap()(1), 2);
    let ledger = support::Ledger::new(2);
    let (tx, rx) = mpsc::channel::<(Message, oneshot::Sender<Message>)>(1);
    let (reply, answer) = oneshot::channel();
    assert!(tx.try_send((ledger.message(), reply)).is_ok());
    drop(rx);
    assert_eq!(poll_now(answer).map(|answer| answer.is_err()), Poll::Ready(true));
    ledger.settle();
}
