//! Topics of numbers, and what a subscriber gets of them.

use levada_nats::topic::{Options, Position, RecvError, Subscriber, Topic};
use levada_nats::{Connection, connect};
use levada_nats_test::{PATIENCE, Server, request, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use tokio::time::timeout;

/// The stream of the topic that [`options`] opens.
pub(crate) const STREAM: &str = "levada_topic_numbers";

pub(crate) fn options(connection: &Connection) -> Options {
    connection.topic("numbers".parse().unwrap())
}

/// A topic on a server of its own.
pub(crate) async fn topic(server: &Server) -> (Connection, Topic<u64>) {
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).open().await.unwrap();
    (connection, topic)
}

/// Sends these numbers one after the other; each outcome is known.
pub(crate) async fn send(topic: &Topic<u64>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        topic.send(number).await.unwrap();
    }
}

/// Sends a number until it is known to be stored. It is stored once.
pub(crate) async fn insist(topic: &Topic<u64>, number: u64) {
    until("a message that is stored", async || topic.send(number).id(number.to_string()).await)
        .await;
}

/// Subscribes as soon as the server takes it: not while it elects a leader.
pub(crate) async fn subscribe(topic: &Topic<u64>, position: Position) -> Subscriber<u64> {
    until("a subscriber", async || topic.subscribe_from(position).await).await
}

/// What `recv` gives next.
pub(crate) async fn next(subscriber: &mut Subscriber<u64>) -> Result<u64, RecvError> {
    let received = timeout(PATIENCE, subscriber.recv()).await;
    received.expect("a message or an error").map(levada_nats::topic::Message::into_inner)
}

/// Receives exactly these numbers, and nothing between them.
pub(crate) async fn expect(
    subscriber: &mut Subscriber<u64>,
    numbers: impl IntoIterator<Item = u64>,
) {
    for number in numbers {
        assert_eq!(next(subscriber).await.unwrap(), number);
    }
}

/// Receives until the number `last` comes. Returns what came and how many messages were missed.
pub(crate) async fn receive_to(subscriber: &mut Subscriber<u64>, last: u64) -> (Vec<u64>, u64) {
    let (mut received, mut missed) = (Vec::new(), 0);
    while received.last() != Some(&last) {
        match next(subscriber).await {
            Ok(number) => received.push(number),
            Err(RecvError::Lagged(n)) => missed += n,
            Err(error) => panic!("{error} after {received:?}"),
        }
    }
    (received, missed)
}

/// The names of the consumers of the topic's stream.
pub(crate) async fn consumers(url: &str) -> io::Result<BTreeSet<String>> {
    let names = request(url, &format!("$JS.API.CONSUMER.NAMES.{STREAM}"), "").await?;
    let names = names["consumers"].as_array().cloned().unwrap_or_default();
    Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Waits until the topic's stream has so many consumers.
pub(crate) async fn until_consumers(url: &str, count: usize) -> BTreeSet<String> {
    until("that many consumers", async || match consumers(url).await {
        Ok(names) if names.len() == count => Ok(names),
        other => Err(other.map_err(|error| error.to_string())),
    })
    .await
}

/// Deletes a consumer behind its subscriber's back.
pub(crate) async fn delete_consumer(url: &str, name: &str) -> io::Result<Value> {
    request(url, &format!("$JS.API.CONSUMER.DELETE.{STREAM}.{name}"), "").await
}

/// Removes all messages of the topic.
pub(crate) async fn purge(url: &str) {
    request(url, &format!("$JS.API.STREAM.PURGE.{STREAM}"), "").await.unwrap();
}
