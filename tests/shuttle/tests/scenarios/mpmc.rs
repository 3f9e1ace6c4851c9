//! Bounded mpmc: two or three senders and two receivers.

use levada::mpmc::{self, Overflow, Receiver, Sender};
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::thread;
use shuttle_scenarios::{
    Counts, Either, Ledger, Parcel, Reader, Task, below, check, cut, finish, first, forget, pause,
    race, tasks,
};

/// A channel for one or two messages.
fn small() -> (Sender<Parcel>, Receiver<Parcel>) {
    mpmc::channel(1 + below(2))
}

/// Receives to the end.
async fn drain(receiver: Receiver<Parcel>) {
    let mut reader = Reader::default();
    while let Some(parcel) = receiver.recv().await {
        reader.take(parcel);
    }
}

/// Senders of so many messages each.
fn sending(count: usize, messages: usize, ledger: &Ledger, sender: Sender<Parcel>) -> Vec<Task> {
    let book = ledger.clone();
    tasks(count, sender, move |number, sender| {
        let book = book.clone();
        async move {
            for _ in 0..messages {
                sender.send(book.parcel(number)).await.unwrap();
            }
        }
    })
}

/// Senders that go on until they are told that the channel is closed.
fn sending_to_the_end(ledger: &Ledger, sender: Sender<Parcel>) -> Vec<Task> {
    let book = ledger.clone();
    tasks(2, sender, move |number, sender| {
        let book = book.clone();
        async move {
            loop {
                if let Err(error) = sender.send(book.parcel(number)).await {
                    return error.0.returned();
                }
                // The end depends on others, who go first now and then.
                yield_now().await;
            }
        }
    })
}

#[test]
fn everything_arrives_once() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let mut all = tasks(2, receiver, |_, receiver| drain(receiver));
            all.extend(sending(2, 3, &ledger, sender));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn evictions_lose_no_message() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let overflow = [Overflow::EvictOldest, Overflow::EvictNewest][below(2)];
            let channel = mpmc::builder(1 + below(2)).overflow(overflow);
            let (sender, receiver) = channel.on_evicted(Parcel::returned).build();
            let book = ledger.clone();
            let mut tasks = tasks(2, sender, move |number, sender| {
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
            tasks.extend(shuttle_scenarios::tasks(2, receiver, |_, receiver| drain(receiver)));
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received + counts.returned, counts.dropped), (6, 0));
            assert!(counts.received > 0, "the newest arrives");
        });
    });
}

#[test]
fn cancelled_at_both_ends() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let mut all = tasks(2, receiver, |_, receiver: Receiver<_>| async move {
                let mut reader = Reader::default();
                loop {
                    match cut(receiver.recv()).await {
                        Some(Some(parcel)) => reader.take(parcel),
                        Some(None) => break,
                        None => {}
                    }
                }
            });
            let book = ledger.clone();
            all.extend(tasks(2, sender, move |number, sender: Sender<_>| {
                let book = book.clone();
                async move {
                    for _ in 0..2 {
                        while cut(sender.send(book.parcel(number))).await.is_none() {}
                    }
                }
            }));
            let counts = finish(all, ledger).await;
            assert_eq!((counts.received, counts.returned), (4, 0));
        });
    });
}

#[test]
fn batches_and_reservations_are_cancelled() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, receiver) = mpmc::channel(2);
            let mut all = tasks(2, receiver, |_, receiver: Receiver<_>| async move {
                let (mut reader, mut batch) = (Reader::default(), Vec::new());
                loop {
                    let received = cut(receiver.recv_many(&mut batch, 1 + below(3))).await;
                    assert_eq!(
                        received.unwrap_or(0),
                        batch.len(),
                        "a cancelled batch took messages"
                    );
                    batch.drain(..).for_each(|parcel| reader.take(parcel));
                    if received == Some(0) {
                        break;
                    }
                }
            });
            let book = ledger.clone();
            all.extend(tasks(2, sender, move |number, sender: Sender<_>| {
                let book = book.clone();
                async move {
                    let mut left = 3;
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
            }));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn forgotten_reservations_stop_nobody() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let forgetful = sender.clone();
            let mut all = sending(2, 3, &ledger, sender);
            // What was reserved at once is given back.
            all.push(spawn(async move { drop(forget(forgetful.reserve()).await) }));
            all.extend(tasks(2, receiver, |_, receiver| drain(receiver)));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn forgotten_receives_stop_nobody_who_asks() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let (forgetful, forgotten) = (receiver.clone(), sender.clone());
            let mut all = sending(2, 3, &ledger, sender);
            all.push(spawn(async move { drop(forget(forgotten.reserve()).await) }));
            all.push(spawn(async move {
                let mut reader = Reader::default();
                forget(forgetful.recv())
                    .await
                    .flatten()
                    .into_iter()
                    .for_each(|parcel| reader.take(parcel));
            }));
            // Asks anew: a receiver that only sleeps is not told what a forgotten one was.
            all.push(spawn(async move {
                let mut reader = Reader::default();
                loop {
                    match race(receiver.recv()).await {
                        Some(Some(parcel)) => reader.take(parcel),
                        Some(None) => break,
                        None => {}
                    }
                }
            }));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

/// A pool of one: each task takes it, gives it back and wants it again; one gives up now and then.
#[test]
fn a_pool_of_one_goes_round() {
    check(|| {
        block_on(async {
            let (give, take) = mpmc::channel(1);
            give.try_send(()).unwrap();
            let all = tasks(3, (give, take), |number, (give, take)| async move {
                let mut left = 2;
                while left > 0 {
                    let taken = match number {
                        0 => cut(take.recv()).await,
                        _ => Some(take.recv().await),
                    };
                    if let Some(taken) = taken {
                        taken.expect("a sender lives");
                        pause().await;
                        give.try_send(()).unwrap();
                        left -= 1;
                    }
                }
            });
            assert_eq!(finish(all, Ledger::default()).await, Counts::all_received(0));
        });
    });
}

#[test]
fn close_meets_sends_and_permits() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let mut all = sending_to_the_end(&ledger, sender.clone());
            let book = ledger.clone();
            all.push(spawn(async move {
                if let Ok(permit) = sender.reserve_owned().await {
                    pause().await;
                    drop(permit.send(book.parcel(2)));
                }
            }));
            all.extend(tasks(2, receiver, |number, receiver: Receiver<_>| async move {
                let mut reader = Reader::default();
                for _ in 0..below(3) {
                    receiver.recv().await.into_iter().for_each(|parcel| reader.take(parcel));
                }
                if number == 0 {
                    receiver.close();
                }
                while let Some(parcel) = receiver.recv().await {
                    reader.take(parcel);
                }
            }));
            let counts = finish(all, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (2, 0));
        });
    });
}

#[test]
fn the_last_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let watcher = sender.clone();
            let mut all = sending_to_the_end(&ledger, sender);
            all.push(spawn(async move { while cut(watcher.closed()).await.is_none() {} }));
            all.extend(tasks(2, receiver, |_, receiver: Receiver<_>| async move {
                let mut reader = Reader::default();
                for _ in 0..below(3) {
                    reader.take(receiver.recv().await.expect("the senders go on"));
                }
            }));
            let counts = finish(all, ledger).await;
            assert_eq!(counts.returned, 2, "each sender is told, with its message");
        });
    });
}

#[test]
fn the_last_sender_ends_every_receiver() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver)) = (Ledger::default(), small());
            let weak = sender.downgrade();
            let mut all = sending(2, 1, &ledger, sender);
            let book = ledger.clone();
            all.push(spawn(async move {
                let Some(sender) = weak.upgrade() else { return };
                sender.send(book.parcel(2)).await.unwrap();
            }));
            all.extend(tasks(3, receiver, |_, receiver| drain(receiver)));
            let counts = finish(all, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (0, 0));
        });
    });
}

#[test]
fn threads_block() {
    check(|| {
        let (ledger, (sender, receiver)) = (Ledger::default(), small());
        let receivers = [receiver.clone(), receiver].map(|receiver| {
            thread::spawn(move || {
                let mut reader = Reader::default();
                while let Some(parcel) = receiver.blocking_recv() {
                    reader.take(parcel);
                }
            })
        });
        let senders = [(0, sender.clone()), (1, sender)].map(|(number, sender)| {
            let book = ledger.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    sender.blocking_send(book.parcel(number)).unwrap();
                }
            })
        });
        for thread in senders.into_iter().chain(receivers) {
            thread.join().unwrap();
        }
        assert_eq!(ledger.settle(), Counts::all_received(6));
    });
}

#[test]
fn select_and_timeouts() {
    check(|| {
        block_on(async {
            let (ledger, (sender, receiver), (other, others)) =
                (Ledger::default(), small(), small());
            let mut all = sending(2, 2, &ledger, sender);
            let book = ledger.clone();
            all.push(spawn(async move {
                let mut left = 2;
                while left > 0 {
                    if let Some(permit) = race(other.reserve()).await {
                        permit.unwrap().send(book.parcel(9));
                        left -= 1;
                    }
                }
            }));
            all.extend(tasks(
                2,
                (receiver, others),
                |_, (left, right): (Receiver<_>, Receiver<_>)| async move {
                    let mut reader = Reader::default();
                    loop {
                        match race(first(left.recv(), right.recv())).await {
                            Some(Either::Left(Some(parcel)) | Either::Right(Some(parcel))) => {
                                reader.take(parcel);
                            }
                            Some(_) => break,
                            None => {}
                        }
                    }
                    drain(left).await;
                    drain(right).await;
                },
            ));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}
