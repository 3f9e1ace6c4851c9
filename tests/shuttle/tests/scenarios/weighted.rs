//! A bound by weight: two or three senders, one receiver.

use levada::mpsc;
use levada::mpsc::weighted::{Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{
    Counts, Ledger, Parcel, Reader, Task, below, check, cut, finish, forget, pause, race, tasks,
};

/// A message, and what it weighs.
type Load = (Parcel, usize);

/// A channel whose maximum is 2, 3 or 4.
fn small() -> (Sender<Load>, Receiver<Load>) {
    mpsc::weighted(2 + below(3), |(_, weight): &Load| *weight)
}

/// The next message of `sender`: it weighs 1 to 4, which may be more than the maximum.
fn load(book: &Ledger, sender: usize) -> Load {
    (book.parcel(sender), 1 + below(4))
}

/// Receives to the end.
async fn drain(mut receiver: Receiver<Load>) -> Receiver<Load> {
    let mut reader = Reader::default();
    while let Some((parcel, _)) = receiver.recv().await {
        reader.take(parcel);
    }
    receiver
}

/// Senders of so many messages each, which try again if a send is `cut` off.
fn sending(
    count: usize,
    each: usize,
    ledger: &Ledger,
    tx: Sender<Load>,
    is_cut: bool,
) -> Vec<Task> {
    let book = ledger.clone();
    tasks(count, tx, move |number, tx| {
        let book = book.clone();
        async move {
            for _ in 0..each {
                let send = || tx.send(load(&book, number));
                let sent = loop {
                    match if is_cut { cut(send()).await } else { Some(send().await) } {
                        Some(sent) => break sent,
                        None => {}
                    }
                };
                assert!(sent.is_ok());
            }
        }
    })
}

/// Senders that go on until they get a message back.
fn sending_to_the_end(ledger: &Ledger, tx: Sender<Load>) -> Vec<Task> {
    let book = ledger.clone();
    tasks(2, tx, move |number, tx| {
        let book = book.clone();
        async move {
            loop {
                if let Err(error) = tx.send(load(&book, number)).await {
                    return error.into_inner().0.returned();
                }
            }
        }
    })
}

#[test]
fn everything_arrives_in_order() {
    check(|| {
        block_on(async {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let tasks = sending(3, 3, &ledger, tx, false);
            let rx = drain(rx).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(9));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn cancelled_sends_are_tried_again() {
    check(|| {
        block_on(async {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let tasks = sending(3, 2, &ledger, tx, true);
            let rx = drain(rx).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.received, counts.returned), (6, 0));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn cancelled_receives_lose_nothing() {
    check(|| {
        block_on(async {
            let (ledger, (tx, mut rx)) = (Ledger::default(), small());
            let tasks = sending(2, 3, &ledger, tx, false);
            let (mut reader, mut batch) = (Reader::default(), Vec::new());
            loop {
                let received = match below(2) {
                    0 => cut(rx.recv()).await.map(|load| load.into_iter().collect::<Vec<_>>()),
                    _ => {
                        let received = cut(rx.recv_many(&mut batch, 1 + below(3))).await;
                        assert_eq!(received.unwrap_or(0), batch.len(), "a cancelled one took some");
                        received.map(|_| batch.split_off(0))
                    }
                };
                let Some(loads) = received else { continue };
                if loads.is_empty() {
                    break;
                }
                loads.into_iter().for_each(|(parcel, _)| reader.take(parcel));
            }
            assert_eq!(rx.weight(), 0, "all room came back");
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn permits_are_used_in_part_or_not_at_all() {
    check(|| {
        block_on(async {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, tx, move |number, tx| {
                let book = book.clone();
                async move {
                    let mut left = 2;
                    while left > 0 {
                        let weight = 1 + below(4);
                        let Some(permit) = race(tx.reserve_weight(weight)).await else { continue };
                        pause().await;
                        let permit = permit.unwrap();
                        if below(3) > 0 {
                            let load = (book.parcel(number), 1 + below(weight));
                            assert!(permit.send(load).is_ok());
                            left -= 1;
                        }
                    }
                }
            });
            let rx = drain(rx).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn forgotten_senders_stop_nobody() {
    check(|| {
        block_on(async {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let forgetful = tx.clone();
            let mut tasks = sending(2, 3, &ledger, tx, false);
            tasks.push(spawn(async move {
                // What was reserved at once is given back.
                drop(forget(forgetful.reserve_weight(1 + below(4))).await);
            }));
            let rx = drain(rx).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn the_maximum_changes_while_many_wait() {
    check(|| {
        block_on(async {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let changing = tx.clone();
            let mut tasks = sending(2, 3, &ledger, tx, false);
            tasks.push(spawn(async move {
                for _ in 0..3 {
                    changing.set_max_weight(1 + below(4));
                    pause().await;
                }
            }));
            let rx = drain(rx).await;
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(6));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

/// The first message fills the channel for good: only a larger maximum lets the others in.
#[test]
fn a_larger_maximum_wakes_all_that_fit() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (tx, mut rx) = mpsc::weighted(1, |(_, weight): &Load| *weight);
            assert!(tx.try_send((ledger.parcel(0), 1)).is_ok());
            let book = ledger.clone();
            let sending = tasks(2, tx.clone(), move |number, tx: Sender<Load>| {
                let load = (book.parcel(1 + number), 2);
                async move { assert!(tx.send(load).await.is_ok()) }
            });
            pause().await;
            tx.set_max_weight(5);
            drop(tx);
            // They end before anything is received.
            shuttle_scenarios::join(sending).await;
            assert_eq!(rx.weight(), 5);
            let mut reader = Reader::default();
            while let Some((parcel, _)) = rx.recv().await {
                reader.take(parcel);
            }
            assert_eq!(ledger.settle(), Counts::all_received(3));
        });
    });
}

#[test]
fn permits_that_are_held_across_close_bring_their_messages() {
    check(|| {
        block_on(async {
            let (ledger, (tx, mut rx)) = (Ledger::default(), small());
            let book = ledger.clone();
            let tasks = tasks(3, tx, move |number, tx| {
                let book = book.clone();
                async move {
                    let weight = 1 + below(4);
                    let Ok(permit) = tx.reserve_weight(weight).await else { return };
                    pause().await;
                    if below(3) > 0 {
                        assert!(permit.send((book.parcel(number), weight)).is_ok());
                    }
                }
            });
            pause().await;
            rx.close();
            let rx = drain(rx).await;
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (0, 0), "a permit promises its message");
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn close_meets_sends() {
    check(|| {
        block_on(async {
            let (ledger, (tx, mut rx)) = (Ledger::default(), small());
            let tasks = sending_to_the_end(&ledger, tx);
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(rx.recv().await.unwrap().0);
            }
            rx.close();
            while let Some((parcel, _)) = rx.recv().await {
                reader.take(parcel);
            }
            let counts = finish(tasks, ledger).await;
            assert_eq!((counts.returned, counts.dropped), (2, 0));
            assert_eq!(rx.weight(), 0, "all room came back");
        });
    });
}

#[test]
fn the_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let (ledger, (tx, mut rx)) = (Ledger::default(), small());
            let watcher = tx.clone();
            let mut tasks = sending_to_the_end(&ledger, tx);
            tasks.push(spawn(async move { watcher.closed().await }));
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(rx.recv().await.unwrap().0);
            }
            drop(rx);
            let counts = finish(tasks, ledger).await;
            assert_eq!(counts.returned, 2, "each sender gets its message back");
        });
    });
}

#[test]
fn threads_block() {
    check(|| {
        let (ledger, (tx, mut rx)) = (Ledger::default(), small());
        let threads = [(0, tx.clone()), (1, tx)].map(|(number, tx)| {
            let book = ledger.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    assert!(tx.blocking_send(load(&book, number)).is_ok());
                }
            })
        });
        let mut reader = Reader::default();
        while let Some((parcel, _)) = rx.blocking_recv() {
            reader.take(parcel);
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(rx.weight(), 0, "all room came back");
        assert_eq!(ledger.settle(), Counts::all_received(6));
    });
}
