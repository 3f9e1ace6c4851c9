//! What other channels got wrong, by the numbers of the project's list of such bugs; and the
//! promises of the documentation.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use levada::oneshot::{self, error::TryRecvError};

use super::{Drops, Task, poll, poll_closed, poll_with};

/// C6: only the first waker was kept.
#[test]
fn the_latest_waker_is_woken() {
    let (first, second) = (Task::new(), Task::new());
    let (tx, mut rx) = oneshot::channel();
    assert!(poll(&mut rx, &first).is_pending());
    assert!(poll(&mut rx, &first).is_pending());
    assert_eq!(Arc::strong_count(&first), 2, "the same waker is stored once");
    assert!(poll(&mut rx, &second).is_pending());
    assert_eq!(Arc::strong_count(&first), 1, "a replaced waker is dropped");
    tx.send(7).unwrap();
    assert_eq!((first.times_woken(), second.times_woken()), (0, 1));
    assert_eq!(Arc::strong_count(&second), 1, "a woken waker is dropped");
    assert_eq!(poll(&mut rx, &first), Poll::Ready(Some(7)));
}

/// C6, for the sender.
#[test]
fn the_latest_waker_of_the_sender_is_woken() {
    let (first, second) = (Task::new(), Task::new());
    let (mut tx, rx) = oneshot::channel::<u8>();
    assert!(poll_closed(&mut tx, &first).is_pending());
    assert!(poll_closed(&mut tx, &second).is_pending());
    assert_eq!(Arc::strong_count(&first), 1, "a replaced waker is dropped");
    drop(rx);
    assert_eq!((first.times_woken(), second.times_woken()), (0, 1));
    assert!(poll_closed(&mut tx, &first).is_ready());
    assert_eq!(Arc::strong_count(&first), 1);
    assert_eq!(Arc::strong_count(&second), 1);
}

/// C16: the value must be visible to who was woken, whatever the waker does for memory order.
#[test]
fn a_waker_without_ordering_is_enough() {
    for round in 0..if cfg!(miri) { 10 } else { 2000 } {
        let task = Task::new();
        let (tx, mut rx) = oneshot::channel();
        assert!(poll(&mut rx, &task).is_pending());
        let sender = thread::spawn(move || tx.send(Box::new(round)));
        while task.times_woken() == 0 {
            thread::yield_now();
        }
        assert_eq!(poll(&mut rx, &task), Poll::Ready(Some(Box::new(round))));
        assert_eq!(sender.join().unwrap(), Ok(()));
    }
}

/// C29: the receiver's waker, and with it its task, was kept until the sender went as well.
#[test]
fn a_waker_goes_with_its_end() {
    let (sending, receiving) = (Task::new(), Task::new());
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_closed(&mut tx, &sending).is_pending());
    assert!(poll(&mut rx, &receiving).is_pending());
    assert_eq!(Arc::strong_count(&sending), 2);
    assert_eq!(Arc::strong_count(&receiving), 2);
    drop(rx);
    assert_eq!(Arc::strong_count(&receiving), 1);
    assert_eq!(sending.times_woken(), 1);
    drop(tx);
    assert_eq!(receiving.times_woken(), 0);

    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_closed(&mut tx, &sending).is_pending());
    assert!(poll(&mut rx, &receiving).is_pending());
    tx.send(7).unwrap();
    assert_eq!(Arc::strong_count(&sending), 1, "although the receiver lives");
    assert_eq!(rx.try_recv(), Ok(7));

    let (tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll(&mut rx, &receiving).is_pending());
    rx.close();
    assert_eq!(Arc::strong_count(&receiving), 1, "who closes waits no more");
    drop((tx, rx));
}

/// C36: a waker that drops the end it waits on, or the task that owns it, as it is woken.
#[test]
fn a_waker_may_drop_its_own_end() {
    struct DropsIt<T>(Mutex<Option<T>>);
    impl<T: Send + 'static> Wake for DropsIt<T> {
        fn wake(self: Arc<Self>) {
            let end = self.0.lock().unwrap().take();
            assert!(end.is_some(), "woken once");
        }
    }

    let drops = Drops::default();
    let (tx, rx) = oneshot::channel();
    let owner = Arc::new(DropsIt(Mutex::new(Some(rx))));
    let waker = Waker::from(Arc::clone(&owner));
    let pending = poll_with(owner.0.lock().unwrap().as_mut().unwrap(), &waker).is_pending();
    assert!(pending);
    drop(waker);
    assert!(tx.send(drops.payload()).is_ok());
    assert_eq!(drops.count(), 1, "dropped with the receiver, inside of send");
    assert_eq!(Arc::strong_count(&owner), 1);

    let (tx, mut rx) = oneshot::channel::<u8>();
    let owner = Arc::new(DropsIt(Mutex::new(Some(tx))));
    let waker = Waker::from(Arc::clone(&owner));
    let mut cx = std::task::Context::from_waker(&waker);
    let pending = owner.0.lock().unwrap().as_mut().unwrap().poll_closed(&mut cx);
    assert!(pending.is_pending());
    drop(waker);
    rx.close();
    assert_eq!(Arc::strong_count(&owner), 1);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

/// C40: `Ok` means that the receiver's side drops the value.
#[test]
fn a_sent_value_is_dropped_by_the_receiver() {
    struct Witness(Arc<Mutex<Vec<ThreadId>>>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(thread::current().id());
        }
    }
    for _ in 0..if cfg!(miri) { 10 } else { 1000 } {
        let dropped_by = Arc::new(Mutex::new(Vec::new()));
        let value = Witness(Arc::clone(&dropped_by));
        let (tx, rx) = oneshot::channel();
        let receiver = thread::spawn(move || drop(rx));
        match tx.send(value) {
            Ok(()) => {
                let receiver_id = receiver.thread().id();
                receiver.join().unwrap();
                assert_eq!(*dropped_by.lock().unwrap(), [receiver_id]);
            }
            Err(value) => {
                receiver.join().unwrap();
                assert!(dropped_by.lock().unwrap().is_empty(), "given back");
                drop(value);
            }
        }
    }
}

/// C41: dropping a polled receiver woke the receiver's own task.
#[test]
fn the_other_side_is_woken() {
    let (sending, receiving) = (Task::new(), Task::new());
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_closed(&mut tx, &sending).is_pending());
    assert!(poll(&mut rx, &receiving).is_pending());
    drop(rx);
    assert_eq!((sending.times_woken(), receiving.times_woken()), (1, 0));

    let (sending, receiving) = (Task::new(), Task::new());
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_closed(&mut tx, &sending).is_pending());
    assert!(poll(&mut rx, &receiving).is_pending());
    drop(tx);
    assert_eq!((sending.times_woken(), receiving.times_woken()), (0, 1));
    assert_eq!(poll(&mut rx, &receiving), Poll::Ready(None));
}

/// C43: values without a size, or with a large alignment, are dropped and read where they are.
#[test]
fn values_of_every_shape() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    #[derive(Debug)]
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            // ORDERING: Relaxed, no pair: one thread.
            assert!(!DROPPED.swap(true, Ordering::Relaxed), "dropped twice");
        }
    }
    // ORDERING: Relaxed, no pair: one thread.
    let was_dropped = || DROPPED.swap(false, Ordering::Relaxed);

    let (tx, rx) = oneshot::channel();
    tx.send(Nothing).unwrap();
    assert!(!was_dropped(), "not before the receiver goes");
    drop(rx);
    assert!(was_dropped());

    let (tx, rx) = oneshot::channel();
    tx.send(Nothing).unwrap();
    let received = rx.blocking_recv().unwrap();
    assert!(!was_dropped());
    drop(received);
    assert!(was_dropped());

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(64))]
    struct Aligned<const N: usize>([u8; N]);
    fn round_trip<const N: usize>() {
        let value = Aligned([7; N]);
        let (tx, rx) = oneshot::channel();
        tx.send(value).unwrap();
        assert_eq!(rx.blocking_recv(), Ok(value));
    }
    round_trip::<0>();
    round_trip::<1>();
    round_trip::<64>();
    round_trip::<65>();
}

/// C46: a channel for large values does not need a large stack where none is moved.
#[test]
fn large_values_stay_in_place() {
    type Large = [u8; 1 << 20];
    let small = || thread::Builder::new().stack_size(128 << 10);
    let (tx, rx) = small().spawn(oneshot::channel::<Large>).unwrap().join().unwrap();
    let roomy = thread::Builder::new().stack_size(32 << 20);
    let send = roomy.spawn(move || tx.send([7; 1 << 20]).is_ok()).unwrap();
    assert!(send.join().unwrap());
    small().spawn(move || drop(rx)).unwrap().join().unwrap();
}

/// A receiver that was polled and then forgotten holds nobody up.
#[test]
fn a_forgotten_end_wedges_nobody() {
    let task = Task::new();
    let (tx, mut rx) = oneshot::channel();
    assert!(poll(&mut rx, &task).is_pending());
    let forgotten = ManuallyDrop::new(rx);
    assert!(!tx.is_closed());
    assert_eq!(tx.send(7), Ok(()));
    assert_eq!(task.times_woken(), 1);
    // So that a leak detector has nothing to say.
    drop(ManuallyDrop::into_inner(forgotten));
}

#[test]
#[should_panic(expected = "called after complete")]
fn polling_after_the_result_panics() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(7).unwrap();
    assert_eq!(rx.try_recv(), Ok(7));
    assert!(rx.is_terminated());
    let _ = poll(&mut rx, &Task::new());
}

/// A closing receiver keeps what was sent, and closing again changes nothing.
#[test]
fn closing_after_the_send_keeps_the_value() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(7).unwrap();
    rx.close();
    rx.close();
    assert!(!rx.is_empty());
    assert_eq!(rx.try_recv(), Ok(7));
    rx.close();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

/// In tokio, a task in which every receive is ready lets the others run all the same.
#[cfg(feature = "tokio")]
#[tokio::test(flavor = "current_thread")]
async fn takes_part_in_the_cooperative_budget() {
    let other_ran = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&other_ran);
    // ORDERING: Relaxed, no pair: one thread.
    let other = tokio::spawn(async move { flag.store(true, Ordering::Relaxed) });
    let receives = async {
        for received in 0.. {
            // ORDERING: Relaxed, no pair: one thread.
            if other_ran.load(Ordering::Relaxed) {
                return received;
            }
            assert!(received < 100_000, "the other task never ran");
            let (tx, rx) = oneshot::channel();
            tx.send(received).unwrap();
            assert_eq!(rx.await, Ok(received));
        }
        unreachable!("the loop ends by returning")
    };
    assert!(receives.await > 0);
    other.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_get_their_own_answers() {
    let mut answers = Vec::new();
    for request in 0..1000_u64 {
        let (tx, rx) = oneshot::channel();
        tokio::spawn(async move { tx.send(request * 2) });
        answers.push((request, rx));
    }
    for (request, answer) in answers {
        assert_eq!(answer.await, Ok(request * 2));
    }
}

#[cfg(feature = "stream")]
#[test]
fn is_a_fused_future() {
    fn terminated<F: futures_core::future::FusedFuture>(future: &F) -> bool {
        future.is_terminated()
    }
    let (tx, mut rx) = oneshot::channel();
    assert!(!terminated(&rx));
    tx.send(7).unwrap();
    assert!(!terminated(&rx));
    assert_eq!(rx.try_recv(), Ok(7));
    assert!(terminated(&rx));
}
