//! Senders that wait for room.

use crate::support::{Plain, as_stored, begin, connect, queue, soon};
use futures_util::StreamExt;
use futures_util::future::join_all;
use levada_nats::queue::{SendError, Sender};
use levada_nats_test::{PATIENCE, Server, until};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// A sender of a queue with one place, which is taken, and the other side.
async fn full(server: &Server) -> (Sender<u32>, Plain) {
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 1).await.sender();
    tx.send(0).await.unwrap();
    (tx, Plain::connect(&server.url(), "jobs").await)
}

/// A task that sends, and stands in the line when this returns.
async fn waiting(
    tx: &Sender<u32>,
    plain: &Plain,
    message: u32,
) -> JoinHandle<Result<levada_nats::queue::Accepted, SendError<u32>>> {
    let mut wanted = plain.client.subscribe(plain.subject("wanted")).await.unwrap();
    plain.client.flush().await.unwrap();
    let sending = tokio::spawn(tx.send(message).within(PATIENCE).into_future());
    soon(wanted.next()).await.unwrap();
    sending
}

#[tokio::test]
async fn a_waiting_sender_finds_room_that_nothing_tells_it_of() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let consumer = plain.consumer().await;
    let sending = waiting(&tx, &plain, 1).await;
    Plain::make_room(&consumer).await;
    let freed = Instant::now();
    soon(sending).await.unwrap().unwrap();
    // 250 ms and a round trip; the rest is for a machine with other work.
    assert!(freed.elapsed() < Duration::from_secs(5), "{:?}", freed.elapsed());
}

#[tokio::test]
async fn a_message_about_room_makes_the_sender_try_at_once() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let sending = waiting(&tx, &plain, 1).await;
    // The queue stays full: each attempt is seen, and answered with a message about room.
    let mut attempts = plain.client.subscribe(plain.subject("queue")).await.unwrap();
    plain.client.flush().await.unwrap();
    let begin = Instant::now();
    const ROUNDS: u32 = 100;
    for _ in 0..ROUNDS {
        plain.say_room().await;
        soon(attempts.next()).await.unwrap();
    }
    // By itself the sender tries every 187 to 250 ms, and three times sooner in the beginning.
    let by_itself = begin.elapsed().as_millis() / 187 + 4;
    assert!(by_itself < u128::from(ROUNDS) / 2, "{ROUNDS} attempts took {:?}", begin.elapsed());
    sending.abort();
}

#[tokio::test]
async fn a_waiting_sender_says_so_each_second() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let mut wanted = plain.client.subscribe(plain.subject("wanted")).await.unwrap();
    plain.client.flush().await.unwrap();
    let sending = tokio::spawn(tx.send(1).within(PATIENCE).into_future());
    let begin = Instant::now();
    for _ in 0..4 {
        soon(wanted.next()).await.unwrap();
    }
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    sending.abort();
}

#[tokio::test]
async fn only_waiting_senders_subscribe() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let consumer = plain.consumer().await;
    let subscribed = async || {
        let connections = server.monitor("/connz?subs=1").await.unwrap().to_string();
        connections.matches("levada.room.jobs").count()
    };
    assert_eq!(subscribed().await, 0);
    let sending: Vec<_> =
        [waiting(&tx, &plain, 1).await, tokio::spawn(tx.send(2).into_future())].into();
    assert_eq!(subscribed().await, 1);
    for _ in 0..2 {
        Plain::make_room(&consumer).await;
    }
    for sending in sending {
        soon(sending).await.unwrap().unwrap();
    }
    until("no subscription", async || match subscribed().await {
        0 => Ok(()),
        more => Err(more),
    })
    .await;
}

#[tokio::test]
async fn waiting_senders_of_a_process_are_let_in_in_their_order() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let consumer = plain.consumer().await;
    let mut sending = vec![waiting(&tx, &plain, 1).await];
    for message in 2..=20 {
        // Its first poll is its entry into the line.
        sending.push(tokio::spawn(begin(tx.send(message).within(PATIENCE).into_future())));
    }
    let mut attempts = plain.client.subscribe(plain.subject("queue")).await.unwrap();
    plain.client.flush().await.unwrap();
    for message in 0..=20 {
        // The next one has been refused when it tries for the second time.
        let next = (message + 1).to_string();
        let mut count = 0;
        while message < 20 && count < 2 {
            let attempt = soon(attempts.next()).await.unwrap();
            count += u32::from(attempt.payload == next);
        }
        let received = as_stored(&Plain::make_room(&consumer).await);
        assert_eq!(received.payload, message.to_string());
    }
    for sending in sending {
        soon(sending).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_sender_passes_its_turn_on() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let consumer = plain.consumer().await;
    let first = waiting(&tx, &plain, 1).await;
    let mut others: Vec<_> = (2..=5).map(|n| Some(begin(tx.send(n).into_future()))).collect();
    let last = tokio::spawn(others[3].take().unwrap());
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    others.clear();
    assert_eq!(as_stored(&Plain::make_room(&consumer).await).payload, "0");
    soon(last).await.unwrap().unwrap();
    assert_eq!(as_stored(&Plain::make_room(&consumer).await).payload, "5");
}

#[tokio::test]
async fn a_sender_that_is_not_polled_stops_no_other_one() {
    let server = Server::start().await;
    let (tx, plain) = full(&server).await;
    let consumer = plain.consumer().await;
    let first = waiting(&tx, &plain, 1).await;
    let mut not_polled = begin(tx.send(2).within(PATIENCE).into_future());
    let third = tokio::spawn(begin(tx.send(3).within(PATIENCE).into_future()));
    Plain::make_room(&consumer).await;
    soon(first).await.unwrap().unwrap();
    Plain::make_room(&consumer).await;
    soon(third).await.unwrap().unwrap();
    Plain::make_room(&consumer).await;
    soon(not_polled.as_mut()).await.unwrap();
}

#[tokio::test]
async fn a_sender_waits_until_its_deadline_and_returns_the_message() {
    let server = Server::start().await;
    let (tx, _plain) = full(&server).await;
    for within in [Duration::ZERO, Duration::from_millis(300)] {
        let begin = Instant::now();
        let error = soon(tx.send(7).within(within)).await.unwrap_err();
        assert!(begin.elapsed() >= within);
        assert!(matches!(error, SendError::Full(7)), "{error}");
    }
    // Those behind the first, too.
    let all = (0..10).map(|n| tx.send(n).within(Duration::from_millis(500)).into_future());
    for (n, sent) in (0..).zip(join_all(all).await) {
        assert!(matches!(sent, Err(SendError::Full(m)) if m == n));
    }
}

/// nats-server #4771 and #4247: publishes to a full stream were acknowledged and not stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_250_senders_are_told_at_a_full_limit_is_what_is_stored() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 100).await.sender();
    let sending = (0..250).map(|n| {
        let tx = tx.clone();
        tokio::spawn(async move {
            let sent = match n % 2 {
                0 => tx.try_send(n).await,
                _ => tx.send(n).within(Duration::from_secs(2)).await,
            };
            match sent {
                Ok(accepted) => Some((accepted.seq, n)),
                Err(SendError::Full(m)) => {
                    assert_eq!(m, n);
                    None
                }
                Err(other) => panic!("{other}"),
            }
        })
    });
    let sent = join_all(sending.collect::<Vec<_>>()).await;
    let accepted: BTreeSet<_> = sent.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(accepted.len(), 100);
    let plain = Plain::connect(&server.url(), "jobs").await;
    let stored = plain.stored().await;
    let stored = stored.iter().map(|stored| (stored.seq, stored.payload.parse().unwrap()));
    assert_eq!(stored.collect::<BTreeSet<_>>(), accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_senders_get_through_a_small_queue() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 5).await.sender();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let consumer = plain.consumer().await;
    let sending = (0..20).map(|task| {
        let tx = tx.clone();
        tokio::spawn(async move {
            for n in 0..20 {
                tx.send(task * 20 + n).within(PATIENCE).await.unwrap();
            }
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut received = Vec::new();
    let mut messages = consumer.messages().await.unwrap();
    while received.len() < 400 {
        let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap().unwrap();
        message.ack().await.unwrap();
        received.push(as_stored(&message).payload.parse::<u32>().unwrap());
    }
    for sending in sending {
        soon(sending).await.unwrap();
    }
    // What a task sends one after the other arrives in this order.
    for task in 0..20 {
        let of_task: Vec<_> = received.iter().copied().filter(|n| n / 20 == task).collect();
        assert_eq!(of_task, (task * 20..task * 20 + 20).collect::<Vec<_>>());
    }
}
