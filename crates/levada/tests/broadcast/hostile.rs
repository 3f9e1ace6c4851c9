//! Foreign code that does its worst: wakers and values that panic, or call back into the channel.

use std::future::Future;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver as Gate, Sender as Opener, channel as gate};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use support::{Event, Tally, Task, hooked_waker, poll};

use levada::broadcast::error::{RecvError, TryRecvError};
use levada::broadcast::{self, Receiver, Sender};

/// C51: a waker whose clone, wake and drop use every operation of the channel it waits on.
#[test]
fn wakers_call_back() {
    let (tx, mut rx) = broadcast::channel(2);
    let calls = Arc::new(AtomicUsize::new(0));
    let hook = {
        let (tx, calls) = (tx.clone(), Arc::clone(&calls));
        move || {
            // ORDERING: SeqCst, no pair: a test counts.
            calls.fetch_add(1, Ordering::SeqCst);
            let mut other = tx.subscribe();
            let _ = tx.send(7);
            assert_eq!(other.try_recv(), Ok(7));
            assert!(tx.len() <= 2 && !tx.is_empty());
            assert!(tx.receiver_count() >= 1);
        }
    };
    let (waker, plain) = (hooked_waker(move |_| hook()), Tally::new());
    for _ in 0..3 {
        let mut recv = pin!(rx.recv());
        // The clone of the waker sends, so that there may be a message at once.
        while poll(recv.as_mut(), &waker).is_pending() {}
        let mut closed = pin!(tx.closed());
        assert!(poll(closed.as_mut(), &waker).is_pending());
        assert!(poll(closed.as_mut(), &Waker::from(Arc::clone(&plain))).is_pending());
    }
    drop(waker);
    // ORDERING: SeqCst, no pair: a test counts.
    assert!(calls.load(Ordering::SeqCst) >= 6);
    assert_eq!(tx.receiver_count(), 1);
}

/// C36: a waker that drops another receiver of the channel, or the last sender.
#[test]
fn wakers_drop_endpoints() {
    let (tx, mut rx) = broadcast::channel(2);
    let victim = Mutex::new(Some(tx.subscribe()));
    let waker = hooked_waker(move |_| drop(victim.lock().unwrap().take()));
    let mut recv = pin!(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    tx.send(1).unwrap();
    assert_eq!(tx.receiver_count(), 1);
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Ok(1)));

    let (tx, mut rx) = broadcast::channel::<u8>(2);
    let last = Arc::new(Mutex::new(Some(tx.clone())));
    let waker = Waker::from(Arc::new(DropsOnWake(Arc::clone(&last))));
    let mut recv = pin!(rx.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    let weak = tx.downgrade();
    drop(tx);
    weak.upgrade().unwrap().send(1).unwrap();
    assert!(last.lock().unwrap().is_none() && weak.upgrade().is_none());
    assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Ok(1)));
}

struct DropsOnWake(Arc<Mutex<Option<Sender<u8>>>>);

impl Wake for DropsOnWake {
    fn wake(self: Arc<Self>) {
        let sender = self.0.lock().expect("nobody panics").take();
        drop(sender);
    }
}

fn poll_all<F: Future>(futures: &mut [Pin<Box<F>>], wakers: &[Waker]) -> Vec<Poll<F::Output>> {
    let each = futures.iter_mut().zip(wakers.iter().cycle());
    each.map(|(future, waker)| poll(future.as_mut(), waker)).collect()
}

/// C51: of several wakers some panic; all others are still woken, and the message was sent.
#[test]
fn a_panicking_waker_strands_nobody() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics");
        }
    }

    let count = Tally::new();
    let tx = Sender::new(4);
    let mut receivers: Vec<_> = (0..100).map(|_| tx.subscribe()).collect();
    let wakers = [Waker::from(Arc::new(Bad)), Waker::from(Arc::clone(&count))];
    let mut futures: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    assert!(poll_all(&mut futures, &wakers).iter().all(Poll::is_pending));
    catch_unwind(AssertUnwindSafe(|| tx.send(1))).unwrap_err();
    assert_eq!(count.woken(), 50);
    let noop = [Waker::noop().clone()];
    assert!(poll_all(&mut futures, &noop).iter().all(|got| *got == Poll::Ready(Ok(1))));

    drop(futures);
    let mut futures: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    assert!(poll_all(&mut futures, &wakers).iter().all(Poll::is_pending));
    catch_unwind(AssertUnwindSafe(|| drop(tx))).unwrap_err();
    assert_eq!(count.woken(), 100);
    let closed = Poll::Ready(Err(RecvError::Closed));
    assert!(poll_all(&mut futures, &noop).iter().all(|got| *got == closed));
}

/// A value that panics when it is dropped while armed, and counts its drops.
#[derive(Clone)]
struct Bomb {
    armed: bool,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        // ORDERING: SeqCst, no pair: a test counts.
        self.dropped.fetch_add(1, Ordering::SeqCst);
        assert!(!self.armed, "a value panics");
    }
}

fn bombs(capacity: usize, armed: &[bool]) -> (Sender<Bomb>, Receiver<Bomb>, Arc<AtomicUsize>) {
    let dropped = Arc::default();
    let (tx, rx) = broadcast::channel(capacity);
    for &armed in armed {
        let bomb = Bomb { armed, dropped: Arc::clone(&dropped) };
        assert!(tx.send(bomb).is_ok());
    }
    (tx, rx, dropped)
}

/// C30: what a receiver leaves behind is dropped whole, though some of it panics; `closed` is told.
#[test]
fn a_panicking_drop_leaves_nothing_behind() {
    let (tx, rx, dropped) = bombs(8, &[false, true, false, true, false]);
    let count = Tally::new();
    let mut closed = pin!(tx.closed());
    assert!(poll(closed.as_mut(), &Waker::from(Arc::clone(&count))).is_pending());
    catch_unwind(AssertUnwindSafe(|| drop(rx))).unwrap_err();
    // ORDERING: SeqCst, no pair: a test counts.
    assert_eq!(dropped.load(Ordering::SeqCst), 5);
    assert_eq!((count.woken(), tx.receiver_count(), tx.len()), (1, 0, 0));
}

/// C30: no second panic while the first one drops the receiver.
#[test]
fn a_panicking_drop_while_unwinding_does_not_abort() {
    let (tx, rx, dropped) = bombs(8, &[true, true, false]);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _rx = rx;
        panic!("first");
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"first"));
    // ORDERING: SeqCst, no pair: a test counts.
    assert_eq!((dropped.load(Ordering::SeqCst), tx.receiver_count()), (3, 0));
}

/// C30: the message that a send overwrites panics; the new one is sent, and its waiters are told.
#[test]
fn overwriting_a_panicking_value_sends() {
    let (tx, mut rx, dropped) = bombs(1, &[true]);
    let mut late = tx.subscribe();
    let count = Tally::new();
    let mut recv = pin!(late.recv());
    assert!(poll(recv.as_mut(), &Waker::from(Arc::clone(&count))).is_pending());
    let bomb = Bomb { armed: false, dropped: Arc::clone(&dropped) };
    catch_unwind(AssertUnwindSafe(|| tx.send(bomb).is_ok())).unwrap_err();
    assert_eq!(count.woken(), 1);
    assert!(matches!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Ok(_))));
    assert_eq!(rx.try_recv().err(), Some(TryRecvError::Lagged(1)));
    assert!(rx.try_recv().is_ok());
}

/// A value whose clone runs a hook.
struct Cloned {
    id: usize,
    hook: Arc<dyn Fn(usize) + Send + Sync>,
    alive: Arc<()>,
}

impl Cloned {
    fn new(id: usize, alive: &Arc<()>, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self { id, hook: Arc::new(hook), alive: Arc::clone(alive) }
    }
}

impl Clone for Cloned {
    fn clone(&self) -> Self {
        (self.hook)(self.id);
        Self { id: self.id, hook: Arc::clone(&self.hook), alive: Arc::clone(&self.alive) }
    }
}

/// A clone that panics counts as read, and the others still get the message.
#[test]
fn a_panicking_clone_returns_the_value() {
    let alive = Arc::new(());
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    for id in 0..2 {
        let message = Cloned::new(id, &alive, |id| assert!(id > 0, "a clone panics"));
        assert!(tx.send(message).is_ok());
    }
    catch_unwind(AssertUnwindSafe(|| first.try_recv().is_ok())).unwrap_err();
    assert_eq!((first.len(), tx.len()), (1, 2));
    assert_eq!(first.try_recv().ok().unwrap().id, 1);
    assert_eq!(second.try_recv().ok().unwrap().id, 0, "the last one needs no clone");
    assert_eq!(second.try_recv().ok().unwrap().id, 1);
    assert_eq!((Arc::strong_count(&alive), tx.len()), (1, 0));
}

/// A clone that sends into its channel, over itself: with a lock held for the clone, a deadlock.
#[test]
fn a_clone_sends_over_itself() {
    let alive = Arc::new(());
    let (tx, mut rx) = broadcast::channel(1);
    let mut second = tx.subscribe();
    let hook = {
        let (tx, alive) = (tx.downgrade(), Arc::clone(&alive));
        move |id| {
            let tx = tx.upgrade().unwrap();
            for id in id + 1..id + 3 {
                assert_eq!(tx.send(Cloned::new(id, &alive, |_| ())).ok(), Some(2));
            }
            assert!(!tx.is_empty() && tx.len() == 1 && tx.receiver_count() == 2);
            assert_eq!(tx.subscribe().try_recv().err(), Some(TryRecvError::Empty));
        }
    };
    tx.send(Cloned::new(0, &alive, hook)).ok().unwrap();
    assert_eq!(rx.try_recv().ok().unwrap().id, 0);
    assert_eq!(rx.try_recv().err(), Some(TryRecvError::Lagged(1)));
    assert_eq!(second.try_recv().err(), Some(TryRecvError::Lagged(2)));
    // The message that came over the clone is in a box; it is cloned, and then read by the last.
    assert_eq!(rx.try_recv().ok().unwrap().id, 2);
    assert_eq!(second.try_recv().ok().unwrap().id, 2);
    assert!(tx.is_empty() && Arc::strong_count(&alive) == 1);
}

/// The same for a value that came over a clone and is in a box.
#[test]
fn a_panicking_clone_returns_the_value_in_a_box() {
    let alive = Arc::new(());
    let (tx, mut first) = broadcast::channel(1);
    let mut second = tx.subscribe();
    let hook = {
        let (tx, alive) = (tx.downgrade(), Arc::clone(&alive));
        move |id| {
            let message = Cloned::new(id + 1, &alive, |_| panic!("a clone panics"));
            assert!(tx.upgrade().unwrap().send(message).is_ok());
        }
    };
    tx.send(Cloned::new(0, &alive, hook)).ok().unwrap();
    assert_eq!(first.try_recv().ok().unwrap().id, 0);
    assert_eq!(second.try_recv().err(), Some(TryRecvError::Lagged(1)));
    catch_unwind(AssertUnwindSafe(|| first.try_recv().is_ok())).unwrap_err();
    assert_eq!((first.len(), second.len(), tx.len()), (0, 1, 1));
    assert_eq!(Arc::strong_count(&alive), 2, "it is still there");
    assert_eq!(second.try_recv().ok().unwrap().id, 1, "the last one needs no clone");
    assert_eq!((Arc::strong_count(&alive), tx.len()), (1, 0));
}

/// A message whose clone waits at a gate, and tells that it does.
fn gated(alive: &Arc<()>) -> (Cloned, Gate<()>, Opener<()>) {
    let ((opener, closed), (arrived, arrival)) = (gate(), gate());
    let gates = Mutex::new((arrived, closed));
    let message = Cloned::new(0, alive, move |_| {
        let (arrived, closed) = &*gates.lock().expect("nobody panics");
        arrived.send(()).expect("the test waits");
        closed.recv().expect("the test opens");
    });
    (message, arrival, opener)
}

/// While one receiver is stuck in a clone, the sender goes on and laps it, new receivers receive,
/// and one that wants the same message learns that it is lost; the stuck one gets what it was
/// cloning.
#[test]
fn a_clone_that_takes_long_stalls_no_sender() {
    let alive = Arc::new(());
    let (tx, mut stuck) = broadcast::channel(2);
    let mut waiting = tx.subscribe();
    let (message, arrival, opener) = gated(&alive);
    tx.send(message).ok().unwrap();
    let thread = thread::spawn(move || {
        let first = stuck.try_recv().ok().unwrap().id;
        (first, stuck)
    });
    arrival.recv().unwrap();
    // Wants the same message: has to wait, but not longer than the message is there.
    let count = Tally::new();
    let waker = Waker::from(Arc::clone(&count));
    let mut recv = Box::pin(waiting.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    for id in 1..=3 {
        let mut new = tx.subscribe();
        tx.send(Cloned::new(id, &alive, |_| ())).ok().unwrap();
        assert_eq!(new.try_recv().ok().unwrap().id, id);
    }
    assert_eq!(count.woken(), 1);
    let got = poll(recv.as_mut(), &waker).map(|got| got.err());
    assert_eq!(got, Poll::Ready(Some(RecvError::Lagged(2))));
    opener.send(()).unwrap();
    let (first, mut stuck) = thread.join().unwrap();
    assert_eq!(first, 0);
    assert_eq!(stuck.try_recv().err(), Some(TryRecvError::Lagged(1)));
    drop(recv);
    drop((waiting, stuck));
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Who wants the value that another one is cloning gets it after that, by every way to receive.
#[test]
fn a_value_that_is_being_cloned_is_waited_for() {
    let alive = Arc::new(());
    let (tx, mut first) = broadcast::channel(2);
    let (mut second, mut third, mut leaves) = (tx.subscribe(), tx.subscribe(), tx.subscribe());
    let (message, arrival, opener) = gated(&alive);
    tx.send(message).ok().unwrap();
    let first = thread::spawn(move || first.try_recv().ok().unwrap().id);
    arrival.recv().unwrap();
    let count = Tally::new();
    let waker = Waker::from(Arc::clone(&count));
    {
        let mut recv = pin!(leaves.recv());
        assert!(poll(recv.as_mut(), &waker).is_pending());
    }
    drop(leaves);
    let mut recv = Box::pin(third.recv());
    assert!(poll(recv.as_mut(), &waker).is_pending());
    let second = thread::spawn(move || second.try_recv().ok().unwrap().id);
    // One for the first, and one for whoever of the two others is not the last to read it.
    opener.send(()).unwrap();
    opener.send(()).unwrap();
    assert_eq!(first.join().unwrap(), 0);
    let got = loop {
        if let Poll::Ready(got) = poll(recv.as_mut(), &waker) {
            break got;
        }
        thread::yield_now();
    };
    assert_eq!(got.ok().unwrap().id, 0);
    assert_eq!(second.join().unwrap(), 0);
    assert!(count.woken() >= 1);
    assert!(tx.is_empty() && Arc::strong_count(&alive) == 1);
}

/// A receiver leaves while the last other one clones: the value goes with the end of the clone.
#[test]
fn leaving_during_a_clone_drops_promptly() {
    let alive = Arc::new(());
    let (tx, mut first) = broadcast::channel(2);
    let second = tx.subscribe();
    let (message, arrival, opener) = gated(&alive);
    tx.send(message).ok().unwrap();
    let thread = thread::spawn(move || {
        drop(first.try_recv().ok().unwrap());
        first
    });
    arrival.recv().unwrap();
    drop(second);
    assert_eq!((tx.len(), Arc::strong_count(&alive)), (1, 2));
    opener.send(()).unwrap();
    let _first = thread.join().unwrap();
    assert_eq!((tx.len(), Arc::strong_count(&alive)), (0, 1));
}

/// A value whose drop sends into its channel and leaves it.
#[test]
fn drops_call_back() {
    type Ends = (Sender<Arc<Echo>>, Receiver<Arc<Echo>>);
    struct Echo(Mutex<Option<Ends>>);
    impl Drop for Echo {
        fn drop(&mut self) {
            if let Some((tx, mut rx)) = self.0.lock().unwrap().take() {
                tx.send(Arc::new(Self(Mutex::new(None)))).ok().unwrap();
                while let Ok(message) = rx.try_recv() {
                    drop(message);
                }
            }
        }
    }
    let (tx, rx) = broadcast::channel(2);
    let ends = (tx.clone(), rx.resubscribe());
    tx.send(Arc::new(Echo(Mutex::new(Some(ends))))).ok().unwrap();
    drop(rx);
    assert_eq!(tx.receiver_count(), 1);
    for _ in 0..2 {
        tx.send(Arc::new(Echo(Mutex::new(None)))).ok().unwrap();
    }
    assert_eq!((tx.receiver_count(), tx.len()), (0, 0), "overwritten, it emptied the channel");
}

/// A forgotten receiver is one that never receives: no other task waits for it.
#[test]
fn forgotten_receivers() {
    let (tx, mut rx) = broadcast::channel(4);
    let mut slow = Box::new(tx.subscribe());
    Task::waiting(slow.recv()).forget();
    support::forget(slow);
    for i in 0..100 {
        let mut recv = Task::waiting(rx.recv());
        tx.send(i).unwrap();
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(Ok(i)));
    }
}

/// tokio #8558: the wakers of `closed` are woken outside the lock, also one that uses the channel.
#[test]
fn wakers_of_closed_may_use_the_channel() {
    let (tx, rx) = broadcast::channel::<u32>(4);
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = {
        let (tx, woken) = (tx.clone(), Arc::clone(&woken));
        hooked_waker(move |event| {
            if event == Event::Wake {
                let rx = tx.subscribe();
                tx.send(1).unwrap();
                assert_eq!((tx.len(), tx.receiver_count()), (1, 1));
                drop(rx);
                // ORDERING: SeqCst, no pair: one thread.
                woken.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let mut uses = Box::pin(tx.closed());
    assert!(uses.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut sleeps = Task::waiting(tx.closed());
    drop(rx);
    // ORDERING: SeqCst, no pair: one thread.
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    assert!(sleeps.is_woken() && sleeps.poll().is_ready());
    let mut again = pin!(poll_fn(|cx| uses.as_mut().poll(cx)));
    assert_eq!(again.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
}
