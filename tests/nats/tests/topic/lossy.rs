//! Topics without storage.

use levada_nats::topic::{Lossy, LossySubscriber, RecvError, SendError, TryRecvError};
use levada_nats::{Connection, connect};
use levada_nats_test::{PATIENCE, Proxy, Server, request, until};
use tokio::time::timeout;

fn lossy(connection: &Connection, read_ahead: usize) -> Lossy<u64> {
    let options = connection.topic("numbers".parse().unwrap());
    options.read_ahead(read_ahead).open_lossy().unwrap()
}

async fn next(subscriber: &mut LossySubscriber<u64>) -> Result<u64, RecvError> {
    timeout(PATIENCE, subscriber.recv()).await.expect("a message or an error")
}

async fn expect(subscriber: &mut LossySubscriber<u64>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert_eq!(next(subscriber).await.unwrap(), number);
    }
}

#[tokio::test]
async fn every_subscriber_gets_what_is_sent_after_it_was_made() {
    let server = Server::start().await;
    let connections =
        [connect(&server.url()).await.unwrap(), connect(&server.url()).await.unwrap()];
    let [first, second] = connections.each_ref().map(|connection| lossy(connection, 256));
    first.send(0).await.unwrap();
    for round in 0..30 {
        let mut here = first.subscribe().await.unwrap();
        let mut there = second.subscribe().await.unwrap();
        let numbers = round * 10..round * 10 + 10;
        for number in numbers.clone() {
            first.send(number).await.unwrap();
        }
        expect(&mut here, numbers.clone()).await;
        expect(&mut there, numbers).await;
    }
}

#[tokio::test]
async fn nothing_is_stored_and_a_stored_topic_of_the_name_is_another_one() {
    let server = Server::start().await;
    let (connection, topic) = crate::support::topic(&server).await;
    let lossy = lossy(&connection, 256);
    let mut subscriber = lossy.subscribe().await.unwrap();
    crate::support::send(&topic, [1]).await;
    lossy.send(2).await.unwrap();
    expect(&mut subscriber, [2]).await;
    let info = "$JS.API.STREAM.INFO.levada_topic_numbers";
    let info = request(&server.url(), info, "").await.unwrap();
    assert_eq!(info["state"]["messages"], 1);
    let account = request(&server.url(), "$JS.API.INFO", "").await.unwrap();
    assert_eq!(account["streams"], 1);
}

#[tokio::test]
async fn a_slow_subscriber_has_the_newest_messages_and_the_exact_number_of_the_others() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let levels = lossy(&connection, 8);
    let mut subscriber = levels.subscribe().await.unwrap();
    let mut witness = levels.subscribe().await.unwrap();
    for number in 1..=100 {
        levels.send(number).await.unwrap();
        expect(&mut witness, [number]).await;
    }
    // The witness has the last one; the task of the other subscriber may be a moment behind.
    let (mut received, mut missed) = (Vec::new(), 0);
    while received.last() != Some(&100) {
        match next(&mut subscriber).await {
            Ok(number) => received.push(number),
            Err(RecvError::Lagged(n)) => missed += n,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(received.len() as u64 + missed, 100);
    assert!(received.is_sorted() && missed > 0, "{received:?} {missed}");
}

#[tokio::test]
async fn what_is_missed_while_disconnected_is_reported_with_the_next_message_of_its_sender() {
    let server = Server::start().await;
    let sending = connect(&server.url()).await.unwrap();
    let proxy = Proxy::start(server.port());
    let receiving = connect(&proxy.url()).await.unwrap();
    let senders = [lossy(&sending, 256), lossy(&sending, 256)];
    let mut subscriber = lossy(&receiving, 256).subscribe().await.unwrap();
    senders[0].send(1).await.unwrap();
    expect(&mut subscriber, [1]).await;
    senders[1].send(2).await.unwrap();
    expect(&mut subscriber, [2]).await;

    proxy.cut();
    let mut state = receiving.state();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    for number in 10..15 {
        senders[0].send(number).await.unwrap();
    }
    proxy.heal();
    // It is subscribed again when it gets something.
    let mut extra = 0;
    let found = until("a message after the reconnect", async || {
        senders[1].send(20).await.unwrap();
        extra += 1;
        subscriber.try_recv_but_empty()
    })
    .await;
    match found {
        Ok(20) => assert_eq!(extra, 1),
        Err(RecvError::Lagged(n)) => {
            assert!(n < extra, "{n} of {extra}");
            expect(&mut subscriber, [20]).await;
        }
        other => panic!("{other:?}"),
    }
    senders[0].send(15).await.unwrap();
    let mut twenties = 0;
    loop {
        match next(&mut subscriber).await {
            Ok(20) => twenties += 1,
            Err(RecvError::Lagged(5)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(twenties < extra);
    expect(&mut subscriber, [15]).await;
}

/// A `try_recv` that waits for something else than emptiness.
trait ButEmpty {
    fn try_recv_but_empty(&mut self) -> Result<Result<u64, RecvError>, &'static str>;
}

impl ButEmpty for LossySubscriber<u64> {
    fn try_recv_but_empty(&mut self) -> Result<Result<u64, RecvError>, &'static str> {
        match self.try_recv() {
            Ok(number) => Ok(Ok(number)),
            Err(TryRecvError::Empty) => Err("empty"),
            Err(TryRecvError::Recv(error)) => Ok(Err(error)),
        }
    }
}

#[tokio::test]
async fn each_senders_messages_come_in_its_order_from_many_tasks() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let levels = lossy(&connection, 4_096);
    let mut subscriber = levels.subscribe().await.unwrap();
    let tasks = (0..8).map(|task| {
        let levels = levels.clone();
        tokio::spawn(async move {
            for number in task * 100..task * 100 + 100 {
                levels.send(number).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut received = Vec::new();
    for _ in 0..800 {
        received.push(next(&mut subscriber).await.unwrap());
    }
    for task in 0..8 {
        assert!(received.iter().filter(|number| **number / 100 == task).is_sorted());
    }
}

#[tokio::test]
async fn without_a_connection_a_message_comes_back_and_is_not_sent_later() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let levels = lossy(&connection, 256);
    let mut subscriber = levels.subscribe().await.unwrap();
    server.kill();
    let mut state = connection.state();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    assert!(matches!(levels.send(1).await, Err(SendError::Disconnected(1))));
    server.restart().await;
    state.wait_for(|state| state.is_connected()).await.unwrap();
    levels.send(2).await.unwrap();
    expect(&mut subscriber, [2]).await;
    connection.close().await;
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Closed)));
    assert!(matches!(levels.send(3).await, Err(SendError::Disconnected(3))));
}

#[tokio::test]
async fn a_message_beyond_the_servers_limit_comes_back() {
    let server = Server::builder().max_payload(2_048).start().await;
    let connection = connect(&server.url()).await.unwrap();
    let levels = connection.topic("texts".parse().unwrap()).open_lossy::<String>().unwrap();
    match levels.send("x".repeat(2_048)).await {
        Err(SendError::TooLarge { message, limit: 2_048, .. }) => assert_eq!(message.len(), 2_048),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dropped_subscriber_is_no_subscription() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let levels = lossy(&connection, 256);
    let count = async || {
        let info = server.monitor("/subsz?subs=1").await.map_err(|error| error.to_string())?;
        let list = info["subscriptions_list"].as_array().cloned().unwrap_or_default();
        Ok::<_, String>(
            list.iter().filter(|entry| entry["subject"] == "levada.lossy.numbers").count(),
        )
    };
    let subscriber = levels.subscribe().await.unwrap();
    assert_eq!(count().await.unwrap(), 1);
    drop(subscriber);
    until("no subscription", async || match count().await {
        Ok(0) => Ok(()),
        other => Err(other),
    })
    .await;
}
