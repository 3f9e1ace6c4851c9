//! A rendezvous: two or three senders, one receiver, and nothing in between.

use levada::mpsc;
use levada::mpsc::rendezvous::{Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{
    Counts, Either, Ledger, Parcel, Reader, Task, below, check, cut, finish, first, forget, race,
    tasks,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Receives to the end.
async fn drain(mut receiver: Receiver<Parcel>) {
    let mut reader = Reader::default();
    while let Some(parcel) = receiver.recv().await {
        reader.take(parcel);
    }
}

/// Senders of so many messages each.
fn sending(count: usize, each: usize, ledger: &Ledger, sender: Sender<Parcel>) -> Vec<Task> {
    let book = ledger.clone();
    tasks(count, sender, move |number, sender| {
        let book = book.clone();
        async move {
            for _ in 0..each {
                sender.send(book.parcel(number)).await.unwrap();
            }
        }
    })
}

/// Senders that go on until they get a message back.
fn sending_to_the_end(ledger: &Ledger, sender: Sender<Parcel>) -> Vec<Task> {
    let book = ledger.clone();
    tasks(2, sender, move |number, sender| {
        let book = book.clone();
        async move {
            loop {
                if let Err(error) = sender.send(book.parcel(number)).await {
                    return error.0.returned();
                }
            }
        }
    })
}

#[test]
fn everything_is_handed_over_in_order() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), mpsc::rendezvous());
            let tasks = sending(3, 3, &ledger, sender);
            drain(receiver).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(9));
        });
    });
}

/// A send that is ready was received before; the std counter is not seen by the scheduler.
#[test]
fn a_send_that_is_ready_was_received() {
    check(|| {
        block_on(async {
            let (sender, mut receiver) = mpsc::rendezvous();
            let received = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&received);
            let all = tasks(1, sender, move |_, sender: Sender<usize>| {
                let seen = Arc::clone(&seen);
                async move {
                    for number in 0..4 {
                        sender.send(number).await.unwrap();
                        // The poll of the receiver that took it may not have returned yet.
                        sender.send(number).await.unwrap();
                        // ORDERING: SeqCst, no pair: a test's own count.
                        assert!(seen.load(Ordering::SeqCst) > 2 * number, "sent too early");
                    }
                }
            });
            while receiver.recv().await.is_some() {
                // ORDERING: SeqCst, no pair: a test's own count.
                received.fetch_add(1, Ordering::SeqCst);
            }
            finish(all, Ledger::default()).await;
            // ORDERING: SeqCst, no pair: a test's own count.
            assert_eq!(received.load(Ordering::SeqCst), 8);
        });
    });
}

#[test]
fn cancelled_sends_are_received_or_dropped() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), mpsc::rendezvous());
            let book = ledger.clone();
            let acknowledged = Arc::new(AtomicUsize::new(0));
            let sent = Arc::clone(&acknowledged);
            let tasks = tasks(3, sender, move |number, sender: Sender<Parcel>| {
                let (book, sent) = (book.clone(), Arc::clone(&sent));
                async move {
                    for _ in 0..3 {
                        if let Some(result) = cut(sender.send(book.parcel(number))).await {
                            result.unwrap();
                            // ORDERING: SeqCst, no pair: a test's own count.
                            sent.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            });
            drain(receiver).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received + counts.dropped, counts.returned), (9, 0));
            // ORDERING: SeqCst, no pair: a test's own count.
            assert!(counts.received >= acknowledged.load(Ordering::SeqCst), "sent, not received");
        });
    });
}

#[test]
fn cancelled_receives_lose_nothing() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), mpsc::rendezvous());
            let tasks = sending(2, 3, &ledger, sender);
            let mut reader = Reader::default();
            loop {
                match cut(receiver.recv()).await {
                    Some(Some(parcel)) => reader.take(parcel),
                    Some(None) => break,
                    None => {}
                }
            }
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn timeouts_at_both_ends() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), mpsc::rendezvous());
            let book = ledger.clone();
            let tasks = tasks(2, sender, move |number, sender: Sender<Parcel>| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        if let Some(sent) = race(sender.send(book.parcel(number))).await {
                            sent.unwrap();
                        }
                    }
                    sender.send(book.parcel(number)).await.unwrap();
                }
            });
            let mut reader = Reader::default();
            loop {
                match race(receiver.recv()).await {
                    Some(Some(parcel)) => reader.take(parcel),
                    Some(None) => break,
                    None => {}
                }
            }
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received + counts.dropped, counts.returned), (8, 0));
            assert!(counts.received >= 2, "those without a timeout");
        });
    });
}

/// A send that is polled no more is served in its turn.
#[test]
fn forgotten_sends_stop_nobody() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), mpsc::rendezvous());
            let (book, forgetful) = (ledger.clone(), sender.clone());
            let mut tasks = sending(2, 3, &ledger, sender);
            tasks.push(spawn(async move {
                let sent = forget(forgetful.send(book.parcel(9))).await;
                // Its message is taken in its turn, which comes before the channel ends.
                assert!(sent.is_none_or(|sent| sent.is_ok()));
            }));
            drain(receiver).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(7));
        });
    });
}

#[test]
fn close_meets_sends() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), mpsc::rendezvous());
            let tasks = sending_to_the_end(&ledger, sender);
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(receiver.recv().await.unwrap());
            }
            receiver.close();
            assert!(receiver.recv().await.is_none(), "the end comes at once");
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (2, 0));
        });
    });
}

#[test]
fn the_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), mpsc::rendezvous());
            let watcher = sender.clone();
            let mut tasks = sending_to_the_end(&ledger, sender);
            tasks.push(spawn(async move { while cut(watcher.closed()).await.is_none() {} }));
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(receiver.recv().await.unwrap());
            }
            drop(receiver);
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (2, 0));
        });
    });
}

#[test]
fn the_last_sender_meets_receive_and_upgrade() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), mpsc::rendezvous());
            let (book, weak) = (ledger.clone(), sender.downgrade());
            let mut tasks = sending(2, 1, &ledger, sender);
            tasks.push(spawn(async move {
                let Some(sender) = weak.upgrade() else { return };
                sender.send(book.parcel(2)).await.unwrap();
            }));
            drain(receiver).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (0, 0));
        });
    });
}

#[test]
fn select_takes_from_two_channels() {
    check(|| {
        block_on(async {
            let (ledger, (left, mut lefts), (right, mut rights)) =
                (Ledger::default(), mpsc::rendezvous(), mpsc::rendezvous());
            let mut all = sending(2, 2, &ledger, left);
            let book = ledger.clone();
            all.push(spawn(async move {
                for _ in 0..2 {
                    right.send(book.parcel(9)).await.unwrap();
                }
            }));
            let mut reader = Reader::default();
            loop {
                // The one that is not first is dropped, and has taken nothing.
                let (Either::Left(received) | Either::Right(received)) =
                    first(lefts.recv(), rights.recv()).await;
                match received {
                    Some(parcel) => reader.take(parcel),
                    None => break,
                }
            }
            drain(lefts).await;
            drain(rights).await;
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn threads_block() {
    check(|| {
        let (ledger, (sender, mut receiver)) = (Ledger::default(), mpsc::rendezvous());
        let threads = [(0, sender.clone()), (1, sender)].map(|(number, sender)| {
            let book = ledger.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    sender.blocking_send(book.parcel(number)).unwrap();
                }
            })
        });
        let mut reader = Reader::default();
        while let Some(parcel) = receiver.blocking_recv() {
            reader.take(parcel);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(ledger.settle(), Counts::all_received(6));
    });
}
