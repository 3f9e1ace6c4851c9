//! Lanes: two senders that send to both lanes, and one receiver, or two.

use levada::mpsc::lanes::Serve;
use shuttle_scenarios::below;

const LANES: usize = 2;
const EACH: usize = 2;
/// What two senders send.
const ALL: usize = 2 * LANES * EACH;

/// The capacities of the lanes, and how they are served.
fn drawn() -> ([usize; LANES], Serve<LANES>) {
    let serve = [Serve::Strict, Serve::Weighted([2, 1])][below(2)];
    ([1, 1 + below(2)], serve)
}

/// The number of a sender in a lane: the order holds for these.
fn line(sender: usize, lane: usize) -> usize {
    LANES * sender + lane
}

/// What one and many receivers have in common; their types are not the same.
macro_rules! scenarios {
    ($name:ident) => {
        type Sender = $name::lanes::Sender<Parcel, LANES>;
        type Receiver = $name::lanes::Receiver<Parcel, LANES>;

        fn small() -> (Sender, Receiver) {
            let (capacities, serve) = drawn();
            $name::lanes(capacities, serve)
        }

        /// Receives to the end.
        #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
        async fn drain(mut rx: Receiver) {
            let mut reader = Reader::default();
            while let Some(parcel) = rx.recv().await {
                reader.take(parcel);
            }
        }

        /// Receives to the end, and gives up now and then.
        #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
        async fn drain_cut(mut rx: Receiver) {
            let (mut reader, mut ended) = (Reader::default(), false);
            while !ended {
                let received = match below(2) {
                    0 => cut(rx.recv()).await,
                    _ => race(rx.recv()).await,
                };
                ended = matches!(received, Some(None));
                received.flatten().into_iter().for_each(|parcel| reader.take(parcel));
            }
        }

        /// Receives up to three messages of senders that go on.
        async fn take_some(rx: &mut Receiver) -> Reader {
            let mut reader = Reader::default();
            for _ in 0..below(4) {
                reader.take(rx.recv().await.expect("the senders go on"));
            }
            reader
        }

        /// Two senders, each to both lanes, which try again if a send is `cut` off.
        fn sending(ledger: &Ledger, tx: Sender, is_cut: bool) -> Vec<Task> {
            let book = ledger.clone();
            tasks(2, tx, move |number, tx: Sender| {
                let book = book.clone();
                async move {
                    for message in 0..LANES * EACH {
                        let lane = message % LANES;
                        let send = || tx.lane(lane).send(book.parcel(line(number, lane)));
                        if is_cut {
                            while cut(send()).await.is_none() {}
                        } else {
                            send().await.unwrap();
                        }
                    }
                }
            })
        }

        /// One sender for each lane, until it gets a message back.
        fn sending_to_the_end(ledger: &Ledger, tx: Sender) -> Vec<Task> {
            let book = ledger.clone();
            tasks(LANES, tx, move |lane, tx: Sender| {
                let book = book.clone();
                async move {
                    let mut back = None;
                    while back.is_none() {
                        back = tx.lane(lane).send(book.parcel(lane)).await.err();
                        shuttle::future::yield_now().await;
                    }
                    back.into_iter().for_each(|error| error.0.returned());
                }
            })
        }

        #[test]
        fn forgotten_senders_of_one_lane_stop_nobody() {
            check(|| {
                block_on(async {
                    let (ledger, (tx, rx)) = (Ledger::default(), small());
                    let forgetful = tx.clone();
                    let mut all = sending(&ledger, tx, false);
                    // What was reserved at once is given back.
                    all.push(spawn(async move {
                        drop(forget(forgetful.lane(below(LANES)).reserve()).await);
                    }));
                    drain(rx).await;
                    assert_eq!(finish(all, ledger).await, Counts::all_received(ALL));
                });
            });
        }

        #[test]
        fn the_receivers_go_while_many_send() {
            check(|| {
                block_on(async {
                    let (ledger, (tx, rx)) = (Ledger::default(), small());
                    let all = sending_to_the_end(&ledger, tx);
                    let mut rx = rx;
                    take_some(&mut rx).await;
                    drop(rx);
                    let counts = finish(all, ledger).await;
                    assert_eq!(counts.returned, LANES, "each sender gets its message back");
                });
            });
        }

        #[test]
        fn close_meets_sends() {
            check(|| {
                block_on(async {
                    let (ledger, (tx, rx)) = (Ledger::default(), small());
                    let all = sending_to_the_end(&ledger, tx);
                    let mut rx = rx;
                    let mut reader = take_some(&mut rx).await;
                    rx.close();
                    while let Some(parcel) = rx.recv().await {
                        reader.take(parcel);
                    }
                    let counts = finish(all, ledger).await;
                    assert_eq!((counts.returned, counts.dropped), (LANES, 0));
                });
            });
        }
    };
}

mod one {
    use levada::mpsc;
    use shuttle::future::{block_on, spawn};
    use shuttle_scenarios::{
        Counts, Ledger, Parcel, Reader, Task, below, check, cut, finish, forget, pause, race, tasks,
    };

    use super::{ALL, EACH, LANES, drawn, line};

    scenarios!(mpsc);

    #[test]
    fn everything_arrives_in_the_order_of_each_lane() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let tasks = sending(&ledger, tx, false);
                drain(rx).await;
                assert_eq!(finish(tasks, ledger).await, Counts::all_received(ALL));
            });
        });
    }

    #[test]
    fn cancelled_at_both_ends() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let tasks = sending(&ledger, tx, true);
                drain_cut(rx).await;
                let counts = finish(tasks, ledger).await;
                assert_eq!((counts.received, counts.returned), (ALL, 0));
            });
        });
    }

    /// One lane ends sooner; the other one goes on.
    #[test]
    fn the_end_is_that_of_all_lanes() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let mut all = Vec::new();
                for (lane, tx) in tx.into_lanes().into_iter().enumerate() {
                    let book = ledger.clone();
                    all.push(spawn(async move {
                        for _ in 0..=2 * lane {
                            tx.send(book.parcel(lane)).await.unwrap();
                            pause().await;
                        }
                    }));
                }
                drain(rx).await;
                assert_eq!(finish(all, ledger).await, Counts::all_received(4));
            });
        });
    }
}

mod many {
    use levada::mpmc;
    use shuttle::future::{block_on, spawn};
    use shuttle::thread;
    use shuttle_scenarios::{
        Counts, Ledger, Parcel, Reader, Task, below, check, cut, finish, forget, race, tasks,
    };

    use super::{ALL, EACH, LANES, drawn, line};

    scenarios!(mpmc);

    #[test]
    fn everything_arrives_once() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let mut all = tasks(2, rx, |_, rx| drain(rx));
                all.extend(sending(&ledger, tx, false));
                assert_eq!(finish(all, ledger).await, Counts::all_received(ALL));
            });
        });
    }

    /// A receiver that gives up passes on what it was promised, in both lanes.
    #[test]
    fn cancelled_at_both_ends() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let mut all = tasks(1, rx.clone(), |_, rx| drain_cut(rx));
                all.extend(tasks(1, rx, |_, rx| drain(rx)));
                all.extend(sending(&ledger, tx, true));
                let counts = finish(all, ledger).await;
                assert_eq!((counts.received, counts.returned), (ALL, 0));
            });
        });
    }

    #[test]
    fn forgotten_receives_stop_nobody_who_asks() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let forgetful = rx.clone();
                let mut all = sending(&ledger, tx, false);
                all.push(spawn(async move {
                    let mut reader = Reader::default();
                    let received = forget(forgetful.recv()).await.flatten();
                    received.into_iter().for_each(|parcel| reader.take(parcel));
                }));
                // Asks anew: a receiver that only sleeps does not learn of a forgotten one.
                all.push(spawn(async move {
                    let mut reader = Reader::default();
                    loop {
                        match race(rx.recv()).await {
                            Some(Some(parcel)) => reader.take(parcel),
                            Some(None) => break,
                            None => {}
                        }
                    }
                }));
                assert_eq!(finish(all, ledger).await, Counts::all_received(ALL));
            });
        });
    }

    #[test]
    fn the_last_sender_ends_every_receiver() {
        check(|| {
            block_on(async {
                let (ledger, (tx, rx)) = (Ledger::default(), small());
                let mut all = tasks(3, rx, |_, rx| drain(rx));
                all.extend(sending(&ledger, tx, false));
                assert_eq!(finish(all, ledger).await, Counts::all_received(ALL));
            });
        });
    }

    #[test]
    fn threads_block() {
        check(|| {
            let (ledger, (tx, rx)) = (Ledger::default(), small());
            let receivers = [rx.clone(), rx].map(|rx| {
                thread::spawn(move || {
                    let mut reader = Reader::default();
                    while let Some(parcel) = rx.blocking_recv() {
                        reader.take(parcel);
                    }
                })
            });
            let lanes = tx.into_lanes().into_iter().enumerate();
            let senders = lanes.map(|(lane, tx)| {
                let book = ledger.clone();
                thread::spawn(move || {
                    for _ in 0..3 {
                        tx.blocking_send(book.parcel(lane)).unwrap();
                    }
                })
            });
            let senders: Vec<_> = senders.collect();
            for thread in senders.into_iter().chain(receivers) {
                thread.join().unwrap();
            }
            assert_eq!(ledger.settle(), Counts::all_received(6));
        });
    }
}
