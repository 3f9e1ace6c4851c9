//! Many senders, on everything that runs futures, with futures dropped all the time (C11, C14,
//! C59): each message is received once, in its sender's order, or given back, or dropped with its
//! future.

use levada::mpsc::{self, Receiver, Sender};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;
use support::{Drops, GRACE, block_on};
use tokio::runtime::Builder;

const SENDERS: usize = 4;
const MESSAGES: usize = 2_000;

/// Whose it is, its number, and a count of those that are alive.
type Message = (usize, usize, Drops);

/// Polls once, and gives up.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Sends all messages of one sender, each in another way, giving up now and then. Answers how many
/// were sent.
async fn send_all(tx: Sender<Message>, sender: usize, drops: Drops) -> usize {
    let mut sent = 0;
    for number in 0..MESSAGES {
        let message = (sender, number, drops.message());
        let done = match number % 6 {
            0 => tx.try_send(message).is_ok(),
            1 => matches!(once(tx.send(message)).await, Some(Ok(()))),
            2 => match once(tx.reserve()).await {
                Some(permit) => {
                    permit.expect("not closed").send(message);
                    true
                }
                None => false,
            },
            3 => {
                let permits = once(tx.reserve_many(2)).await;
                let mut permits = permits.map(|permits| permits.expect("not closed"));
                let permit = permits.as_mut().and_then(Iterator::next);
                permit.map(|permit| permit.send(message)).is_some()
            }
            4 => {
                let permit = tx.clone().reserve_owned().await.expect("not closed");
                drop(permit.send(message));
                true
            }
            _ => tx.send(message).await.is_ok(),
        };
        sent += usize::from(done);
    }
    sent
}

/// Receives until the end, giving up now and then. Answers how many.
async fn receive_all(rx: &mut Receiver<Message>) -> usize {
    let mut received = 0;
    let mut last = [None; SENDERS];
    let mut batch = Vec::new();
    loop {
        if received % 3 == 0 {
            if let Some(Some(message)) = once(rx.recv()).await {
                batch.push(message);
            }
            let _counted_below = once(rx.recv_many(&mut batch, 3)).await;
        } else {
            batch.extend(rx.try_recv());
        }
        if batch.is_empty() {
            match rx.recv().await {
                Some(message) => batch.push(message),
                None => return received,
            }
        }
        for (sender, number, _drops) in batch.drain(..) {
            assert!(last[sender] < Some(number), "out of order, or twice");
            last[sender] = Some(number);
            received += 1;
        }
    }
}

/// One run, with `spawn` to start the senders and `run` to wait for the receiver and for them.
fn stress<J>(
    capacity: usize,
    spawn: impl Fn(std::pin::Pin<Box<dyn Future<Output = usize> + Send>>) -> J,
    run: impl FnOnce(Receiver<Message>) -> usize,
    join: impl Fn(J) -> usize,
) {
    let drops = Drops::default();
    let (tx, rx) = mpsc::channel(capacity);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| spawn(Box::pin(send_all(tx.clone(), sender, drops.clone()))))
        .collect();
    drop(tx);
    let received = run(rx);
    let sent: usize = senders.into_iter().map(join).sum();
    assert_eq!(received, sent, "capacity {capacity}");
    assert_eq!(drops.alive(), 0, "dropped once each");
    assert!(received >= SENDERS * MESSAGES / 3, "{received} were sent at all");
}

/// Two permits are asked for at a time.
const CAPACITIES: [usize; 4] = [2, 3, 16, 1_000];

#[test]
fn on_bare_threads() {
    for capacity in CAPACITIES {
        stress(
            capacity,
            |sender| thread::spawn(|| block_on(sender)),
            |mut rx| block_on(receive_all(&mut rx)),
            |thread| thread.join().unwrap(),
        );
    }
}

#[test]
fn on_tokio() {
    for threads in [0, 1, 2, 4] {
        let mut builder =
            if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        if threads > 0 {
            builder.worker_threads(threads);
        }
        let runtime = builder.build().unwrap();
        for capacity in CAPACITIES {
            stress(
                capacity,
                |sender| runtime.spawn(sender),
                |mut rx| runtime.block_on(async { receive_all(&mut rx).await }),
                |task| runtime.block_on(task).unwrap(),
            );
        }
    }
}

#[test]
fn on_smol() {
    let executor = async_executor::Executor::new();
    for capacity in CAPACITIES {
        stress(
            capacity,
            |sender| executor.spawn(sender),
            |mut rx| block_on(executor.run(receive_all(&mut rx))),
            |task| block_on(executor.run(task)),
        );
    }
}

/// Blocking and asynchronous ends of one channel.
#[test]
fn blocking_calls_meet_tasks() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (tx, mut rx) = mpsc::channel(4);
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let tx = tx.clone();
            thread::spawn(move || (0..MESSAGES).for_each(|i| tx.blocking_send(i).unwrap()))
        })
        .collect();
    drop(tx);
    let sum = runtime.spawn(async move {
        let mut sum = 0;
        while let Some(message) = rx.recv().await {
            sum += message;
        }
        sum
    });
    assert_eq!(runtime.block_on(sum).unwrap(), SENDERS * MESSAGES * (MESSAGES - 1) / 2);
    for sender in senders {
        sender.join().unwrap();
    }

    let (tx, mut rx) = mpsc::unbounded_channel();
    runtime.spawn(async move {
        for i in 0..MESSAGES {
            tx.send(i).unwrap();
            if i % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut batch = Vec::new();
    while rx.blocking_recv_many(&mut batch, 7) > 0 {}
    assert!(batch.iter().copied().eq(0..MESSAGES));
}

/// Timers and `select!` drop futures at moments of their own.
#[test]
fn timeouts_and_select() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let (tx, mut rx) = mpsc::channel(1);
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let tx = tx.clone();
                tokio::spawn(async move {
                    let mut sent = 0;
                    for i in 0..300 {
                        let pause = Duration::from_micros(i % 40);
                        sent += match i % 3 {
                            0 => u64::from(tx.send_timeout(1, pause).await.is_ok()),
                            1 => tokio::select! {
                                result = tx.send(1) => u64::from(result.is_ok()),
                                () = tokio::time::sleep(pause) => 0,
                            },
                            _ => match tokio::time::timeout(pause, tx.reserve()).await {
                                Ok(permit) => {
                                    permit.unwrap().send(1);
                                    1
                                }
                                Err(_elapsed) => 0,
                            },
                        };
                    }
                    sent
                })
            })
            .collect();
        drop(tx);
        let mut received = 0;
        loop {
            tokio::select! {
                message = rx.recv() => match message {
                    Some(one) => received += one,
                    None => break,
                },
                () = tokio::task::yield_now() => {}
            }
        }
        let mut sent = 0;
        for sender in senders {
            sent += sender.await.unwrap();
        }
        assert_eq!(received, sent);
    });
}

/// C55: a task whose channel is always ready lets the others run, and is itself not starved by a
/// branch that is always ready.
#[tokio::test]
async fn the_budget_is_shared() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    (0..10_000).for_each(|i| tx.send(i).unwrap());
    let other = tokio::spawn(async {});
    let mut received = 0;
    while !other.is_finished() {
        assert!(received < 1_000, "the other task does not get to run");
        assert_eq!(rx.recv().await, Some(received));
        received += 1;
    }
    for _ in 0..1_000 {
        tokio::select! {
            biased;
            message = rx.recv() => {
                assert_eq!(message, Some(received));
                received += 1;
            }
            // Ready at once, without a budget: the receiver's turn comes again all the same.
            () = std::future::ready(()) => tokio::task::yield_now().await,
        }
    }
    assert!(received > 500, "{received} messages in 1000 rounds");
}

/// Futurelock (C8) on a real runtime: the task that holds the granted send waits for another task,
/// which sends on the same channel.
#[test]
fn futurelock_on_tokio() {
    for threads in [0, 2] {
        let mut builder =
            if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime = builder.enable_time().build().unwrap();
        runtime.block_on(async {
            let (tx, mut rx) = mpsc::channel(1);
            tx.send(0).await.unwrap();
            let mut held = pin!(tx.clone().reserve_owned());
            assert!(once(held.as_mut()).await.is_none());
            let receiver = tokio::spawn(async move {
                let mut received = Vec::new();
                while let Some(message) = rx.recv().await {
                    received.push(message);
                }
                received
            });
            let others: Vec<_> = (0..GRACE)
                .map(|i| {
                    let tx = tx.clone();
                    tokio::spawn(async move { tx.send(10 + i).await.unwrap() })
                })
                .collect();
            for other in others {
                let late = Duration::from_secs(60);
                tokio::time::timeout(late, other).await.expect("futurelock").unwrap();
            }
            drop(held.await.unwrap().send(1));
            drop(tx);
            let mut received = receiver.await.unwrap();
            received.sort_unstable();
            assert_eq!(received, [0, 1, 10, 11, 12, 13, 14, 15, 16, 17]);
        });
    }
}
