//! Oneshots between three tasks or more: answers to requests, and ends that go.

use levada::{mpsc, oneshot};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{
    Alarm, Counts, Either, Ledger, Parcel, Reader, below, check, cut, finish, first, pause, race,
    tasks,
};

type Reply = oneshot::Sender<Parcel>;

/// Answers all requests, each with a message of its own.
async fn serve(ledger: Ledger, mut requests: mpsc::Receiver<Reply>) {
    while let Some(reply) = requests.recv().await {
        if let Err(parcel) = reply.send(ledger.parcel(0)) {
            parcel.returned();
        }
    }
}

#[test]
fn cancelled_waits_for_an_answer_lose_nothing() {
    check(|| {
        block_on(async {
            let (ledger, (requests, queue)) = (Ledger::default(), mpsc::channel(1));
            let mut all = tasks(3, requests, |_, requests: mpsc::Sender<Reply>| async move {
                let (reply, mut answer) = oneshot::channel();
                requests.send(reply).await.unwrap();
                let mut received = None;
                while received.is_none() {
                    received = cut(&mut answer).await;
                }
                Reader::default().take(received.unwrap().unwrap());
            });
            all.push(spawn(serve(ledger.clone(), queue)));
            assert_eq!(finish(all, ledger).await, Counts::all_received(3));
        });
    });
}

#[test]
fn requests_time_out() {
    check(|| {
        block_on(async {
            let (ledger, (requests, queue)) = (Ledger::default(), mpsc::channel(1));
            let mut all = tasks(3, requests, |number, requests: mpsc::Sender<Reply>| async move {
                let (reply, mut answer) = oneshot::channel();
                requests.send(reply).await.unwrap();
                let received = race(&mut answer).await;
                if received.is_none() && number == 0 {
                    // One more look, as a careful client has it: nobody answers after that.
                    answer.close();
                    answer.try_recv().into_iter().for_each(|parcel| Reader::default().take(parcel));
                }
                received.into_iter().for_each(|parcel| Reader::default().take(parcel.unwrap()));
            });
            all.push(spawn(serve(ledger.clone(), queue)));
            let counts = finish(all, ledger).await;
            assert_eq!(counts.received + counts.returned + counts.dropped, 3);
        });
    });
}

#[test]
fn closed_ends_the_work() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let book = ledger.clone();
            let (handles, mut clients) = mpsc::unbounded_channel();
            let mut all = tasks(2, handles, move |number, handles: mpsc::UnboundedSender<_>| {
                let book = book.clone();
                async move {
                    let (mut reply, answer) = oneshot::channel();
                    handles.send(answer).unwrap();
                    // Works until it is done, or nobody waits any more.
                    let is_done =
                        matches!(first(reply.closed(), Alarm::set()).await, Either::Right(()));
                    if !is_done {
                        assert!(reply.is_closed());
                    } else if let Err(parcel) = reply.send(book.parcel(number)) {
                        parcel.returned();
                    }
                }
            });
            all.push(spawn(async move {
                while let Some(mut answer) = clients.recv().await {
                    match below(3) {
                        0 => drop(answer),
                        1 => {
                            pause().await;
                            answer.close();
                            let late = answer.await;
                            late.into_iter().for_each(|parcel| Reader::default().take(parcel));
                        }
                        _ => Reader::default().take(answer.await.unwrap()),
                    }
                }
            }));
            let counts = finish(all, ledger).await;
            assert!(counts.received + counts.returned + counts.dropped <= 2);
        });
    });
}

#[test]
fn a_cancelled_closed_is_waited_for_again() {
    check(|| {
        block_on(async {
            let (mut reply, answer) = oneshot::channel::<Parcel>();
            let waiter = spawn(async move { while cut(reply.closed()).await.is_none() {} });
            // The end changes hands before it goes.
            let (hand_over, handed_over) = oneshot::channel();
            let last = spawn(async move { drop(handed_over.await.unwrap()) });
            pause().await;
            hand_over.send(answer).unwrap();
            finish(vec![waiter, last], Ledger::default()).await;
        });
    });
}

#[test]
fn the_receiver_moves_between_tasks() {
    check(|| {
        block_on(async {
            let ledger = Ledger::default();
            let (reply, mut answer) = oneshot::channel();
            let book = ledger.clone();
            let is_sent = below(4) > 0;
            let sender = spawn(async move {
                pause().await;
                if is_sent {
                    reply.send(book.parcel(0)).unwrap();
                }
            });
            // Polled here with this task's waker, then there with another's.
            let first = cut(&mut answer).await;
            let second = spawn(async move {
                let received = match first {
                    Some(received) => received,
                    None => answer.await,
                };
                assert_eq!(received.is_ok(), is_sent);
                received.into_iter().for_each(|parcel| Reader::default().take(parcel));
            });
            let counts = finish(vec![sender, second], ledger).await;
            assert_eq!(counts, Counts::all_received(usize::from(is_sent)));
        });
    });
}

#[test]
fn threads_block() {
    check(|| {
        let ledger = Ledger::default();
        let (requests, queue) = mpsc::channel(1);
        let server = thread::spawn({
            let book = ledger.clone();
            move || block_on(serve(book, queue))
        });
        let clients = [requests.clone(), requests].map(|requests| {
            thread::spawn(move || {
                let (reply, answer) = oneshot::channel();
                requests.blocking_send(reply).unwrap();
                Reader::default().take(answer.blocking_recv().unwrap());
            })
        });
        for thread in clients.into_iter().chain([server]) {
            thread.join().unwrap();
        }
        assert_eq!(ledger.settle(), Counts::all_received(2));
    });
}
