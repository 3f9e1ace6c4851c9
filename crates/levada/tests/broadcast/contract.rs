//! What broadcast promises, edge by edge. Names like C33 are bugs that channels of other crates
//! had.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{self, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use levada::broadcast::error::{RecvError, TryRecvError};
use levada::broadcast::future::{Closed, Recv};
use levada::broadcast::{self, Receiver, Sender, WeakSender};
use support::{Tally, poll_now};

fn counting_waker() -> (Arc<Tally>, Waker) {
    let tally = Tally::new();
    let waker = tally.waker();
    (tally, waker)
}

// Construction

#[test]
fn capacities_without_sense_panic_where_the_caller_is() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let in_hook = Arc::clone(&seen);
    let me = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == me {
            let file = info.location().unwrap().file().to_owned();
            let message = info.payload().downcast_ref::<&str>().unwrap();
            in_hook.lock().unwrap().insert((file, (*message).to_owned()));
        } else {
            before(info);
        }
    }));
    for capacity in [0, usize::MAX / 2 + 1] {
        catch_unwind(|| broadcast::channel::<u8>(capacity)).unwrap_err();
        catch_unwind(|| Sender::<u8>::new(capacity)).unwrap_err();
    }
    let expected = [
        "broadcast channel capacity cannot be zero",
        "broadcast channel capacity exceeded `usize::MAX / 2`",
    ];
    let expected = expected.map(|text| (file!().to_owned(), text.to_owned()));
    assert_eq!(*seen.lock().unwrap(), BTreeSet::from(expected));
}

#[test]
fn the_largest_capacity_works() {
    let (tx, mut rx) = broadcast::channel(usize::MAX / 2);
    for n in 0..100 {
        tx.send(n).unwrap();
    }
    assert_eq!((tx.len(), rx.len()), (100, 100));
    assert!((0..100).all(|n| rx.try_recv() == Ok(n)));
}

#[test]
fn handles_have_the_traits_of_tokio() {
    fn shared<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn future<T: Send + Sync>(_: &T) {}
    // `Cell` is not `Sync`, and need not be.
    shared::<Sender<Cell<u8>>>();
    shared::<WeakSender<Cell<u8>>>();
    shared::<Receiver<Cell<u8>>>();
    let (tx, mut rx) = broadcast::channel::<Cell<u8>>(1);
    future::<Closed<'_, _>>(&tx.closed());
    future::<Recv<'_, _>>(&rx.recv());
    assert_eq!(
        format!("{tx:?} {:?} {rx:?}", tx.downgrade()),
        "broadcast::Sender broadcast::WeakSender broadcast::Receiver"
    );
}

// Lag and length

/// tokio PR8239, PR4542: at exactly the capacity nothing is lost, at one more exactly one.
#[test]
fn lag_begins_one_after_the_rounded_capacity() {
    for (asked, kept) in [(1, 1), (2, 2), (3, 4), (5, 8), (16, 16), (17, 32), (100, 128)] {
        for extra in [0, 1, 2, kept, 3 * kept + 1] {
            let (tx, mut rx) = broadcast::channel(asked);
            let sent = kept + extra;
            for n in 0..sent {
                tx.send(n).unwrap();
            }
            assert_eq!(rx.len(), sent, "what is lost counts until it is reported");
            assert_eq!(tx.len(), kept);
            if extra > 0 {
                assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(extra as u64)));
            }
            assert_eq!(rx.len(), kept);
            assert!((extra..sent).all(|n| rx.try_recv() == Ok(n)));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert!(rx.is_empty() && tx.is_empty());
            assert_eq!(tx.len(), 0);
        }
    }
}

#[test]
fn a_lag_is_reported_by_every_way_to_receive() {
    let (tx, mut rx) = broadcast::channel(1);
    let lap = || (0..3).for_each(|n| drop(tx.send(n)));
    lap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(2)));
    lap();
    assert_eq!(poll_now(rx.recv()), Poll::Ready(Err(RecvError::Lagged(3))));
    lap();
    assert_eq!(rx.blocking_recv(), Err(RecvError::Lagged(3)));
    assert_eq!(rx.blocking_recv(), Ok(2));
}

// Closing

/// C33: closing keeps the last value, also where there is room for one only.
#[test]
fn closing_keeps_what_was_sent() {
    let (tx, mut rx) = broadcast::channel(1);
    tx.send(1).unwrap();
    drop(tx);
    assert!(rx.is_closed());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(rx.blocking_recv(), Err(RecvError::Closed));
}

/// C34: who subscribes again to a closed channel learns that it is closed.
#[test]
fn resubscribing_to_a_closed_channel_does_not_hang() {
    let (tx, rx) = broadcast::channel(4);
    tx.send(1).unwrap();
    drop(tx);
    let mut again = rx.resubscribe();
    drop(rx);
    assert_eq!(poll_now(again.recv()), Poll::Ready(Err(RecvError::Closed)));
    assert_eq!(again.resubscribe().try_recv(), Err(TryRecvError::Closed));
}

/// C34: a channel made without a receiver counts as closed for its sender, until there is one.
#[test]
fn closed_follows_the_receivers() {
    let tx = Sender::<u8>::new(4);
    for _ in 0..3 {
        assert!(poll_now(tx.closed()).is_ready());
        assert_eq!(tx.send(7).unwrap_err().0, 7);
        let rx = tx.subscribe();
        assert!(poll_now(tx.closed()).is_pending());
        assert_eq!(tx.send(7).unwrap(), 1);
        drop(rx);
    }
}

/// C49: every way to come and go is counted, and what is gone is not waited for.
#[test]
fn counts_are_exact() {
    let (tx, rx) = broadcast::channel::<u8>(4);
    let (second, third) = (rx.resubscribe(), tx.subscribe());
    assert_eq!(tx.receiver_count(), 3);
    assert!(rx.same_channel(&second) && rx.same_channel(&third));
    let (other, weak) = (tx.clone(), tx.downgrade());
    let weaker = weak.clone();
    assert_eq!((tx.strong_count(), tx.weak_count()), (2, 2));
    assert_eq!((weak.strong_count(), weak.weak_count()), (2, 2));
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (2, 2));
    drop((other, weaker));
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (1, 1));
    drop((rx, third));
    assert_eq!((tx.receiver_count(), tx.send(1).unwrap()), (1, 1));
    drop(second);
    assert_eq!((tx.receiver_count(), tx.is_empty()), (0, true));
    let upgraded = weak.upgrade().unwrap();
    assert!(upgraded.same_channel(&tx));
    drop((tx, upgraded));
    assert!(weak.upgrade().is_none());
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 1));
}

/// C60: the upgrade of a weak sender races with the last drop; either way the channel closes once.
#[test]
fn upgrading_races_with_the_last_drop() {
    for _ in 0..200 {
        let (tx, mut rx) = broadcast::channel(4);
        let weak = tx.downgrade();
        let sender = thread::spawn(move || weak.upgrade().map(|tx| tx.send(1).unwrap()));
        drop(tx);
        let sent = sender.join().unwrap().is_some();
        let expected = if sent { Ok(1) } else { Err(RecvError::Closed) };
        assert_eq!(rx.blocking_recv(), expected);
        assert_eq!(rx.blocking_recv(), Err(RecvError::Closed));
    }
}

// Waiting

/// C6: the waker of the last poll is the one that is woken, and older ones are let go.
#[test]
fn the_last_waker_is_woken() {
    let (tx, mut rx) = broadcast::channel(4);
    let ((first, w1), (second, w2)) = (counting_waker(), counting_waker());
    let mut recv = pin!(rx.recv());
    assert!(recv.as_mut().poll(&mut Context::from_waker(&w1)).is_pending());
    assert!(recv.as_mut().poll(&mut Context::from_waker(&w2)).is_pending());
    drop(w1);
    assert_eq!(Arc::strong_count(&first), 1);
    tx.send(1).unwrap();
    assert_eq!((first.woken(), second.woken()), (0, 1));
    let result = recv.as_mut().poll(&mut Context::from_waker(&w2));
    assert_eq!(result, Poll::Ready(Ok(1)));
}

/// C16: a message is visible to whoever has it; the channel does not rely on wakers for it.
#[test]
fn a_message_is_visible_to_whom_no_waker_told() {
    for round in 1..=if cfg!(miri) { 10 } else { 200 } {
        let before = AtomicUsize::new(0);
        let (tx, mut rx) = broadcast::channel(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                // ORDERING: Relaxed on purpose: the channel orders it before the receive.
                before.store(round, Ordering::Relaxed);
                assert!(tx.send(Box::new(round)).is_ok());
            });
            let mut recv = pin!(rx.recv());
            let message = loop {
                match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(message) => break message,
                    Poll::Pending => thread::yield_now(),
                }
            };
            assert_eq!(message, Ok(Box::new(round)));
            // ORDERING: Relaxed on purpose, as above.
            assert_eq!(before.load(Ordering::Relaxed), round);
        });
    }
}

/// C10, C29: what stops waiting leaves no waker behind.
#[test]
fn no_waker_outlives_its_future() {
    let (tx, mut rx) = broadcast::channel::<u8>(4);
    let (count, waker) = counting_waker();
    let cx = &mut Context::from_waker(&waker);
    for _ in 0..1000 {
        assert!(pin!(rx.recv()).poll(cx).is_pending());
        assert!(pin!(tx.closed()).poll(cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&count), 2, "the waker here and the count");
    tx.send(1).unwrap();
    drop(rx);
    assert_eq!(count.woken(), 0);
}

/// Futurelock, C7: futures that are woken and never polled again, or forgotten, stall nobody.
#[test]
fn an_abandoned_receiver_stalls_nobody() {
    let (tx, mut abandoned) = broadcast::channel(2);
    let mut rx = tx.subscribe();
    let forgetful = support::leak(tx.subscribe());
    let (count, waker) = counting_waker();
    let cx = &mut Context::from_waker(&waker);
    let mut recv = pin!(abandoned.recv());
    assert!(recv.as_mut().poll(cx).is_pending());
    let forgotten = support::leak(Box::pin(forgetful.recv()));
    assert!(forgotten.as_mut().poll(cx).is_pending());
    for n in 0..10 {
        assert!(pin!(rx.recv()).poll(cx).is_pending());
        tx.send(n).unwrap();
        assert_eq!(pin!(rx.recv()).poll(cx), Poll::Ready(Ok(n)));
    }
    assert_eq!(count.woken(), 2, "of those that were dropped none is woken");
    let result = recv.as_mut().poll(cx);
    assert_eq!(result, Poll::Ready(Err(RecvError::Lagged(8))));
}

#[test]
fn a_future_that_is_dropped_receives_nothing() {
    let (tx, mut rx) = broadcast::channel(4);
    let (count, waker) = counting_waker();
    {
        let mut recv = pin!(rx.recv());
        assert!(recv.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        tx.send(1).unwrap();
        assert_eq!(count.woken(), 1);
    }
    assert_eq!(rx.try_recv(), Ok(1));
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn a_finished_future_says_so() {
    let (tx, mut rx) = broadcast::channel(4);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    let mut recv = pin!(rx.recv());
    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(recv.as_mut().poll(cx), Poll::Ready(Ok(1)));
    let _ = recv.as_mut().poll(cx);
}

/// C54: each send wakes each waiter once.
#[test]
fn waking_is_linear() {
    const RECEIVERS: usize = 512;
    let tx = Sender::<usize>::new(16);
    let mut receivers: Vec<_> = (0..RECEIVERS).map(|_| tx.subscribe()).collect();
    let mut futures: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    let (count, waker) = counting_waker();
    let cx = &mut Context::from_waker(&waker);
    assert!(futures.iter_mut().all(|recv| recv.as_mut().poll(cx).is_pending()));
    assert_eq!(tx.send(1).unwrap(), RECEIVERS);
    assert_eq!(count.woken(), RECEIVERS);
    tx.send(2).unwrap();
    assert_eq!(count.woken(), RECEIVERS, "nobody waits now");
    assert!(futures.iter_mut().all(|recv| recv.as_mut().poll(cx) == Poll::Ready(Ok(1))));
}

#[cfg(feature = "tokio")]
#[test]
fn blocking_inside_a_runtime_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_tx, mut rx) = broadcast::channel::<u8>(4);
    let attempt =
        runtime.block_on(async { catch_unwind(panic::AssertUnwindSafe(|| rx.blocking_recv())) });
    assert!(attempt.is_err());
}

/// C55: a loop that always has something to receive lets other tasks run.
#[cfg(feature = "tokio")]
#[tokio::test(flavor = "current_thread")]
async fn receiving_is_cooperative() {
    let (tx, mut rx) = broadcast::channel(4);
    let other = tokio::spawn(async {});
    while !other.is_finished() {
        tx.send(()).unwrap();
        rx.recv().await.unwrap();
    }
    other.await.unwrap();
}

// Values

/// Counts its clones and how many of it are alive.
struct Tracked {
    id: usize,
    alive: Arc<AtomicUsize>,
    clones: Arc<AtomicUsize>,
}

impl Tracked {
    fn new(id: usize) -> Self {
        Self { id, alive: Arc::new(AtomicUsize::new(1)), clones: Arc::default() }
    }

    fn another(&self, id: usize) -> Self {
        // ORDERING: SeqCst, no pair: a test counts.
        self.alive.fetch_add(1, Ordering::SeqCst);
        Self { id, alive: Arc::clone(&self.alive), clones: Arc::clone(&self.clones) }
    }

    fn counts(&self) -> (usize, usize) {
        // ORDERING: SeqCst, no pair: a test counts.
        (self.alive.load(Ordering::SeqCst), self.clones.load(Ordering::SeqCst))
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        // ORDERING: SeqCst, no pair: a test counts.
        self.clones.fetch_add(1, Ordering::SeqCst);
        self.another(self.id)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // ORDERING: SeqCst, no pair: a test counts.
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn the_last_reader_gets_the_message_itself() {
    let probe = Tracked::new(0);
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    tx.send(probe.another(1)).ok().unwrap();
    let a = first.try_recv().ok().unwrap();
    assert_eq!(probe.counts(), (3, 1));
    let b = second.try_recv().ok().unwrap();
    assert_eq!(probe.counts(), (3, 1));
    assert_eq!((a.id, b.id), (1, 1));
}

/// A message goes as soon as nobody will read it: read, left behind, or lapped.
#[test]
fn messages_are_dropped_promptly() {
    let probe = Tracked::new(0);
    let (tx, mut rx) = broadcast::channel(2);
    let slow = tx.subscribe();
    tx.send(probe.another(1)).ok().unwrap();
    drop(rx.try_recv().ok().unwrap());
    assert_eq!(probe.counts().0, 2, "the slow one has not read it");
    drop(slow);
    assert_eq!(probe.counts().0, 1);
    for id in 0..5 {
        tx.send(probe.another(id)).ok().unwrap();
        assert!(probe.counts().0 <= 3, "two are kept");
    }
    drop(rx);
    assert_eq!(probe.counts().0, 1);
    drop(tx.send(probe.another(6)));
    assert_eq!(probe.counts().0, 1);
}

#[test]
fn values_of_any_shape() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(128))]
    struct Aligned(u8);

    let (tx, mut rx) = broadcast::channel(4);
    (0..6).for_each(|_| drop(tx.send(())));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!((rx.try_recv(), rx.len()), (Ok(()), 3));

    let (tx, mut rx) = broadcast::channel(4);
    let mut second = rx.resubscribe();
    tx.send(Aligned(7)).unwrap();
    assert_eq!((rx.try_recv(), second.try_recv()), (Ok(Aligned(7)), Ok(Aligned(7))));

    let (tx, mut rx) = broadcast::channel(2);
    tx.send([7_u8; 20_000]).unwrap();
    assert_eq!(rx.try_recv(), Ok([7; 20_000]));
}
