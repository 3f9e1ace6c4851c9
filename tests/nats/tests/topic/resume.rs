//! A subscriber goes on where another one was.

use crate::support::{expect, next, options, receive_to, send, topic};
use levada_nats::connect;
use levada_nats::topic::{
    Lossy, LossySubscriber, Messages, RecvError, SendError, Subscriber, Topic,
};
use levada_nats_test::Server;

#[tokio::test]
async fn another_connection_goes_on_at_the_position() {
    let server = Server::start().await;
    let (connection, first) = topic(&server).await;
    send(&first, 1..=100).await;
    let mut position = 1;
    let mut received = Vec::new();
    // Each round is a program that ends and was in the middle of what it had fetched.
    for _ in 0..10 {
        let connection = connect(&server.url()).await.unwrap();
        let topic = options(&connection).open::<u64>().await.unwrap();
        let mut subscriber = topic.subscribe_from(position).await.unwrap();
        for _ in 0..10 {
            received.push(next(&mut subscriber).await.unwrap());
        }
        position = subscriber.position();
        connection.close().await;
    }
    assert!(received.into_iter().eq(1..=100));
    connection.close().await;
}

#[tokio::test]
async fn what_was_overwritten_meanwhile_is_lag() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(10).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=3).await;
    expect(&mut subscriber, 1..=3).await;
    let position = subscriber.position();
    drop(subscriber);
    send(&topic, 4..=50).await;
    let mut subscriber = topic.subscribe_from(position).await.unwrap();
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Lagged(37))));
    expect(&mut subscriber, 41..=50).await;
}

#[tokio::test]
async fn a_position_before_a_reported_lag_has_the_lag_before_it() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(10).open::<u64>().await.unwrap();
    send(&topic, 1..=50).await;
    let mut subscriber = topic.subscribe_from(1).await.unwrap();
    assert_eq!(subscriber.position(), 1);
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Lagged(40))));
    // Between the lag and the message after it.
    let mut resumed = topic.subscribe_from(subscriber.position()).await.unwrap();
    let (received, missed) = receive_to(&mut resumed, 50).await;
    assert_eq!(missed, 0);
    assert!(received.into_iter().eq(41..=50));
}

#[tokio::test]
async fn a_stream_gives_what_recv_gives() {
    use futures_util::StreamExt;
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(2).open::<u64>().await.unwrap();
    send(&topic, 1..=5).await;
    let mut messages = topic.subscribe_from(1).await.unwrap().into_stream();
    assert!(matches!(messages.next().await, Some(Err(RecvError::Lagged(3)))));
    assert_eq!(*messages.next().await.unwrap().unwrap(), 4);
    let mut subscriber = messages.into_inner();
    expect(&mut subscriber, [5]).await;
    let mut messages = subscriber.into_stream();
    connection.close().await;
    assert!(matches!(messages.next().await, Some(Err(RecvError::Closed))));
    assert!(messages.next().await.is_none());
    assert!(messages.next().await.is_none());
}

#[test]
fn everything_goes_to_another_thread() {
    fn is_send<T: Send + Sync + Unpin>() {}
    is_send::<Topic<u64>>();
    is_send::<Subscriber<u64>>();
    is_send::<Messages<u64>>();
    is_send::<Lossy<u64>>();
    is_send::<LossySubscriber<u64>>();
    is_send::<RecvError>();
    is_send::<SendError<u64>>();
}
