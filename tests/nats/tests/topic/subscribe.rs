//! Many subscribers, where they begin, and how they end.

use crate::support::{expect, insist, next, options, send, topic, until_consumers};
use levada_nats::connect;
use levada_nats::topic::{Position, RecvError, SubscribeError, TryRecvError};
use levada_nats_test::{Server, until};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn every_subscriber_gets_every_message_in_one_order() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscribers = Vec::new();
    for _ in 0..20 {
        subscribers.push(topic.subscribe().await.unwrap());
    }
    let senders = (0..4).map(|sender| {
        let topic = topic.clone();
        tokio::spawn(async move { send(&topic, sender * 50..sender * 50 + 50).await })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let mut orders = Vec::new();
    for subscriber in &mut subscribers {
        let mut order = Vec::new();
        for _ in 0..200 {
            order.push(next(subscriber).await.unwrap());
        }
        orders.push(order);
    }
    let mut all = orders[0].clone();
    assert!(orders.iter().all(|order| *order == all));
    for sender in 0..4 {
        assert!(all.iter().filter(|number| **number / 50 == sender).is_sorted());
    }
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_subscriber_gets_what_is_sent_after_it_was_made_and_nothing_from_before() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    for round in 0..30 {
        send(&topic, [round * 2]).await;
        let mut subscriber = topic.subscribe().await.unwrap();
        send(&topic, [round * 2 + 1]).await;
        expect(&mut subscriber, [round * 2 + 1]).await;
    }
}

#[tokio::test]
async fn positions_are_where_they_say() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(8).open::<u64>().await.unwrap();
    // An empty topic has no first and no last message.
    for position in [Position::First, Position::Last, Position::Next, Position::Seq(0)] {
        assert_eq!(topic.subscribe_from(position).await.unwrap().position(), 1, "{position:?}");
    }
    send(&topic, 1..=10).await;
    let start = |position| topic.subscribe_from(position);
    assert_eq!(next(&mut start(Position::First).await.unwrap()).await.unwrap(), 3);
    assert_eq!(next(&mut start(Position::Last).await.unwrap()).await.unwrap(), 10);
    assert_eq!(next(&mut start(Position::Seq(7)).await.unwrap()).await.unwrap(), 7);
    assert_eq!(start(Position::Next).await.unwrap().position(), 11);
    assert_eq!(start(Position::Seq(11)).await.unwrap().position(), 11);
    let error = start(Position::Seq(12)).await.unwrap_err();
    assert_eq!(error, SubscribeError::Ahead { position: 12, next: 11 });
    assert!(error.to_string().contains("12") && error.to_string().contains("11"));
}

#[tokio::test]
async fn a_time_is_that_of_the_servers_clock() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    send(&topic, 1..=5).await;
    let mut all = topic.subscribe_from(Position::First).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(all.recv().await.unwrap().sent_at());
    }
    assert!(times.is_sorted());
    let mut third = topic.subscribe_from(Position::Time(times[2])).await.unwrap();
    assert_eq!(third.recv().await.unwrap().sent_at(), times[2]);
    let hour = Duration::from_secs(3_600);
    let mut first = topic.subscribe_from(Position::Time(times[0] - hour)).await.unwrap();
    expect(&mut first, 1..=5).await;
    let later = topic.subscribe_from(Position::Time(times[4] + hour)).await.unwrap();
    assert_eq!(later.position(), 6);
    for impossible in [SystemTime::UNIX_EPOCH - hour, SystemTime::UNIX_EPOCH + hour * u32::MAX] {
        let error = topic.subscribe_from(Position::Time(impossible)).await.unwrap_err();
        assert_eq!(error, SubscribeError::Time);
    }
}

#[tokio::test]
async fn a_cancelled_recv_loses_nothing() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut received = Vec::new();
    send(&topic, 1..=50).await;
    until("all messages", async || {
        // A future that is polled once and dropped.
        let polled = pin!(subscriber.recv()).as_mut().poll(&mut context);
        if let std::task::Poll::Ready(message) = polled {
            received.push(message.unwrap().into_inner());
        }
        if received.len() == 50 { Ok(()) } else { Err(received.len()) }
    })
    .await;
    assert!(received.iter().copied().eq(1..=50));
}

#[tokio::test]
async fn try_recv_takes_what_is_there() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    assert!(matches!(subscriber.try_recv(), Err(TryRecvError::Empty)));
    send(&topic, [7]).await;
    let message = until("a message", async || subscriber.try_recv()).await;
    assert_eq!((*message, message.seq()), (7, 1));
    assert!(matches!(subscriber.try_recv(), Err(TryRecvError::Empty)));
}

#[tokio::test]
async fn a_deleted_topic_ends_its_subscribers_after_what_they_fetched() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=3).await;
    expect(&mut subscriber, 1..=3).await;
    topic.delete().await.unwrap();
    for _ in 0..3 {
        let error = next(&mut subscriber).await.unwrap_err();
        assert!(matches!(error, RecvError::NoStream) && error.is_final(), "{error}");
    }
    let error = topic.subscribe().await.unwrap_err();
    assert!(
        matches!(&error, SubscribeError::NoStream { stream } if error.to_string().contains(stream))
    );
}

#[tokio::test]
async fn a_topic_that_was_deleted_and_made_again_is_another_one() {
    let server = Server::start().await;
    let (connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=3).await;
    expect(&mut subscriber, 1..=3).await;
    topic.delete().await.unwrap();
    let again = options(&connection).open::<u64>().await.unwrap();
    send(&again, 11..=20).await;
    // Its messages have the numbers of those that were received already.
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::NoStream)));
    assert!(matches!(topic.subscribe().await, Err(SubscribeError::NoStream { .. })));
    let mut other = again.subscribe_from(Position::First).await.unwrap();
    expect(&mut other, 11..=20).await;
}

#[tokio::test]
async fn a_closed_connection_ends_its_subscribers_after_what_they_fetched() {
    let server = Server::start().await;
    let (connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=3).await;
    expect(&mut subscriber, 1..=1).await;
    connection.close().await;
    expect(&mut subscriber, 2..=3).await;
    for _ in 0..3 {
        assert!(matches!(next(&mut subscriber).await, Err(RecvError::Closed)));
    }
    assert!(matches!(topic.subscribe().await, Err(SubscribeError::Closed)));
}

#[tokio::test]
async fn a_cancelled_subscribe_leaves_no_consumer() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut kept = topic.subscribe().await.unwrap();
    for delay in 0..40 {
        let subscribing = topic.subscribe();
        let limit = Duration::from_micros(delay * 100);
        let _ = tokio::time::timeout(limit, subscribing).await;
    }
    until_consumers(&server.url(), 1).await;
    insist(&topic, 7).await;
    expect(&mut kept, [7]).await;
    // The last of those that were cancelled is gone, and none came back.
    until_consumers(&server.url(), 1).await;
}

#[tokio::test]
async fn a_refused_consumer_is_an_error_at_once() {
    let account = r#"
        accounts { A { jetstream { max_consumers: 1 }, users: [{ user: a, password: a }] } }
        no_auth_user: a
    "#;
    let server = Server::builder().config(account).start().await;
    let (_connection, topic) = topic(&server).await;
    let mut kept = topic.subscribe().await.unwrap();
    let error = topic.subscribe().await.unwrap_err();
    assert!(
        matches!(&error, SubscribeError::Refused { reason } if reason.contains("consumers")),
        "{error}"
    );
    send(&topic, [7]).await;
    expect(&mut kept, [7]).await;
}
