//! Unbounded mpsc and mpmc: two or three senders, one receiver or two.

use levada::{mpmc, mpsc};
use shuttle::future::{block_on, spawn};
use shuttle_scenarios::{Counts, Ledger, Reader, below, check, cut, finish, pause, race, tasks};

#[test]
fn mpsc_cancelled_receives_lose_nothing() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let book = ledger.clone();
            let tasks = tasks(3, sender, move |number, sender: mpsc::UnboundedSender<_>| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        sender.send(book.parcel(number)).unwrap();
                    }
                }
            });
            let (mut reader, mut batch) = (Reader::default(), Vec::new());
            loop {
                let one = cut(receiver.recv()).await;
                let ended = matches!(one, Some(None));
                one.flatten().into_iter().for_each(|parcel| reader.take(parcel));
                if ended {
                    break;
                }
                cut(receiver.recv_many(&mut batch, 2)).await;
                batch.drain(..).for_each(|parcel| reader.take(parcel));
            }
            assert_eq!(finish(tasks, ledger).await, Counts::all_received(9));
        });
    });
}

#[test]
fn mpsc_close_meets_sends_and_upgrade() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let (book, weak) = (ledger.clone(), sender.downgrade());
            let mut tasks = tasks(2, sender, move |number, sender: mpsc::UnboundedSender<_>| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        if let Err(error) = sender.send(book.parcel(number)) {
                            error.0.returned();
                        }
                    }
                }
            });
            let book = ledger.clone();
            tasks.push(spawn(async move {
                let Some(sender) = weak.upgrade() else { return };
                if let Err(error) = sender.send(book.parcel(2)) {
                    error.0.returned();
                }
                drop(sender);
                weak.upgrade().into_iter().for_each(drop);
            }));
            let mut reader = Reader::default();
            for _ in 0..below(3) {
                receiver.recv().await.into_iter().for_each(|parcel| reader.take(parcel));
            }
            receiver.close();
            while let Some(parcel) = receiver.recv().await {
                reader.take(parcel);
            }
            assert_eq!(finish(tasks, ledger).await.dropped, 0);
        });
    });
}

#[test]
fn mpsc_the_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, receiver) = mpsc::unbounded_channel();
            let book = ledger.clone();
            let mut tasks =
                tasks(2, sender.clone(), move |number, sender: mpsc::UnboundedSender<_>| {
                    let book = book.clone();
                    async move {
                        for _ in 0..3 {
                            if let Err(error) = sender.send(book.parcel(number)) {
                                error.0.returned();
                            }
                        }
                    }
                });
            tasks.push(spawn(async move { while cut(sender.closed()).await.is_none() {} }));
            race(std::future::pending::<()>()).await;
            drop(receiver);
            assert_eq!(finish(tasks, ledger).await.received, 0);
        });
    });
}

#[test]
fn mpmc_cancelled_receives_lose_nothing() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, receiver) = mpmc::unbounded_channel();
            let mut all =
                tasks(2, receiver, |_, receiver: mpmc::UnboundedReceiver<_>| async move {
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
            all.extend(tasks(2, sender, move |number, sender: mpmc::UnboundedSender<_>| {
                let book = book.clone();
                async move {
                    for _ in 0..3 {
                        sender.send(book.parcel(number)).unwrap();
                    }
                }
            }));
            assert_eq!(finish(all, ledger).await, Counts::all_received(6));
        });
    });
}

#[test]
fn mpmc_the_last_receiver_goes_while_many_send() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (sender, receiver) = mpmc::unbounded_channel();
            let mut all =
                tasks(2, receiver, |_, receiver: mpmc::UnboundedReceiver<_>| async move {
                    let mut reader = Reader::default();
                    for _ in 0..below(3) {
                        receiver.recv().await.into_iter().for_each(|parcel| reader.take(parcel));
                    }
                });
            let book = ledger.clone();
            all.extend(tasks(2, sender, move |number, sender: mpmc::UnboundedSender<_>| {
                let book = book.clone();
                async move {
                    loop {
                        if let Err(error) = sender.send(book.parcel(number)) {
                            return error.0.returned();
                        }
                        pause().await;
                    }
                }
            }));
            let counts = finish(all, ledger).await;
            assert_eq!(counts.returned, 2, "each sender is told, with its message");
        });
    });
}
