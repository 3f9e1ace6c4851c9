//! Bounded mpsc: two or three senders, one receiver.

use levada::mpsc::{self, Overflow, Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{
    Counts, Either, Ledger, Parcel, Reader, below, check, cut, finish, first, forget, pause, race,
    tasks,
};

/// A channel for one or two messages.
fn small() -> (Sender<Parcel>, Receiver<Parcel>) {
    mpsc::channel(1 + below(2))
}

/// Receives to the end.
async fn drain(mut receiver: Receiver<Parcel>) {
    let mut reader = Reader::default();
    while let Some(parcel) = receiver.recv().await {
        reader.take(parcel);
    }
}

#[test]
fn everything_arrives_in_order() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        sender.send(book.parcel(number)).await.unwrap();
                    }
                }
            });
            drain(receiver).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(9));
        });
    });
}

#[test]
fn cancelled_sends_are_tried_again() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    for _ in 0..2 {
                        let mut sent = None;
                        while sent.is_none() {
                            sent = cut(sender.send(book.parcel(number))).await;
                        }
                        sent.unwrap().unwrap();
                    }
                }
            });
            drain(receiver).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received, counts.returned), (6, 0));
        });
    });
}

#[test]
fn cancelled_receives_lose_nothing() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        sender.send(book.parcel(number)).await.unwrap();
                    }
                }
            });
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
fn evictions_lose_no_message() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let overflow = [Overflow::EvictOldest, Overflow::EvictNewest][below(2)];
            let channel = mpsc::builder(1 + below(2)).overflow(overflow);
            let (sender, receiver) = channel.on_evicted(Parcel::returned).build();
            let book = ledger.clone();
            let tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        let parcel = book.parcel(number);
                        match below(3) {
                            0 => sender.send(parcel).await.unwrap(),
                            1 => sender.try_send(parcel).unwrap(),
                            _ => drop(sender.force_send(parcel).unwrap().map(Parcel::returned)),
                        }
                        pause().await;
                    }
                }
            });
            drain(receiver).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received + counts.returned, counts.dropped), (6, 0));
            assert!(counts.received > 0, "the newest arrives");
        });
    });
}

#[test]
fn batches_and_reservations_are_cancelled() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, mut receiver) = mpsc::channel(2);
            let book = ledger.clone();
            let tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    let mut left = 4;
                    while left > 0 {
                        let wanted = 1 + below(2).min(left - 1);
                        let Some(permits) = cut(sender.reserve_many(wanted)).await else {
                            continue;
                        };
                        for permit in permits.unwrap() {
                            permit.send(book.parcel(number));
                            left -= 1;
                        }
                    }
                }
            });
            let (mut reader, mut batch) = (Reader::default(), Vec::new());
            loop {
                let received = cut(receiver.recv_many(&mut batch, 1 + below(3))).await;
                assert_eq!(received.unwrap_or(0), batch.len(), "a cancelled batch took messages");
                batch.drain(..).for_each(|parcel| reader.take(parcel));
                if received == Some(0) {
                    break;
                }
            }
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(8));
        });
    });
}

#[test]
fn threads_block() {
    check(|| {
        let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
        let threads: Vec<_> = (0..2)
            .map(|number| {
                let (book, sender) = (ledger.clone(), sender.clone());
                thread::spawn(move || {
                    for _ in 0..3 {
                        sender.blocking_send(book.parcel(number)).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let mut reader = Reader::default();
        while let Some(parcel) = receiver.blocking_recv() {
            reader.take(parcel);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drop(receiver);
        assert_eq!(ledger.settle(), Counts::all_received(6));
    });
}

#[test]
fn forgotten_reservations_stop_nobody() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    if number == 0 {
                        // What was reserved at once is given back.
                        drop(forget(sender.reserve()).await);
                        return;
                    }
                    for _ in 0..3 {
                        sender.send(book.parcel(number)).await.unwrap();
                    }
                }
            });
            drain(receiver).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn permits_that_are_held_across_close_bring_their_messages() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, mut receiver) = mpsc::channel(2);
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    match number {
                        0 => {
                            let Ok(permit) = sender.reserve().await else { return };
                            pause().await;
                            permit.send(book.parcel(number));
                        }
                        1 => {
                            let Ok(mut permits) = sender.reserve_many(2).await else { return };
                            pause().await;
                            permits.next().unwrap().send(book.parcel(number));
                        }
                        _ => {
                            let Ok(permit) = sender.reserve_owned().await else { return };
                            pause().await;
                            drop(permit.send(book.parcel(number)));
                        }
                    }
                }
            });
            pause().await;
            receiver.close();
            drain(receiver).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (0, 0), "a permit promises its message");
        });
    });
}

#[test]
fn close_meets_sends() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    loop {
                        if let Err(error) = sender.send(book.parcel(number)).await {
                            return error.0.returned();
                        }
                    }
                }
            });
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(receiver.recv().await.unwrap());
            }
            receiver.close();
            while let Some(parcel) = receiver.recv().await {
                reader.take(parcel);
            }
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (3, 0));
        });
    });
}

#[test]
fn the_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
            let watcher = sender.clone();
            let closed = spawn(async move { watcher.closed().await });
            let book = ledger.clone();
            let mut tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    loop {
                        if let Err(error) = sender.send(book.parcel(number)).await {
                            return error.0.returned();
                        }
                    }
                }
            });
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(receiver.recv().await.unwrap());
            }
            drop(receiver);
            tasks.push(closed);
            let counts = finish(tasks, ledger).await;
            assert_eq!(counts.returned, 2, "each sender is told, with its message");
        });
    });
}

#[test]
fn the_last_sender_meets_receive_and_upgrade() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
            let (book, weak) = (ledger.clone(), sender.downgrade());
            let mut tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    if let Err(error) = sender.try_send(book.parcel(number)) {
                        error.into_inner().returned();
                    }
                }
            });
            let book = ledger.clone();
            tasks.push(spawn(async move {
                let Some(sender) = weak.upgrade() else { return };
                sender.send(book.parcel(2)).await.unwrap();
            }));
            let mut reader = Reader::default();
            while let Some(parcel) = receiver.recv().await {
                reader.take(parcel);
            }
            let end = receiver.try_recv().map(drop);
            assert_eq!(end, Err(mpsc::error::TryRecvError::Disconnected));
            assert_eq!(finish(tasks, ledger).await.dropped, 0);
        });
    });
}

#[test]
fn select_takes_from_two_channels() {
    check(|| {
        block_on(async {
            let (ledger, (left, mut lefts), (right, mut rights)) =
                (Ledger::default(), small(), small());
            let book = ledger.clone();
            let mut all = Vec::new();
            for (number, sender) in [left, right].into_iter().enumerate() {
                let book = book.clone();
                all.extend(tasks(2, sender, move |task, sender: Sender<_>| {
                    let (book, number) = (book.clone(), 2 * number + task);
                    async move {
                        for _ in 0..2 {
                            sender.send(book.parcel(number)).await.unwrap();
                        }
                    }
                }));
            }
            let mut reader = Reader::default();
            loop {
                // The one that is not first is dropped, and nothing of it is lost.
                let (Either::Left(received) | Either::Right(received)) =
                    first(lefts.recv(), rights.recv()).await;
                match received {
                    Some(parcel) => reader.take(parcel),
                    None => break,
                }
            }
            drain(lefts).await;
            drain(rights).await;
            assert_eq!(finish(all, ledger).await, Counts::all_received(8));
        });
    });
}

#[test]
fn timeouts_at_both_ends() {
    check(|| {
        block_on(async {
            let (ledger, (sender, mut receiver)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(2, sender, move |number, sender| {
                let book = book.clone();
                async move {
                    let mut left = 2;
                    while left > 0 {
                        if let Some(permit) = race(sender.reserve()).await {
                            permit.unwrap().send(book.parcel(number));
                            left -= 1;
                        }
                    }
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
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(4));
        });
    });
}
