//! What a sender promises while nothing breaks.

use crate::support::{Plain, connect, queue, soon};
use bytes::Bytes;
use levada_nats::codec::{Codec, CodecError, Raw};
use levada_nats::queue::{Capacity, SendError};
use levada_nats_test::Server;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_returns_the_message() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 2).await.sender();
    let first = tx.try_send(1).await.unwrap();
    let second = tx.send(2).await.unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert!(matches!(tx.try_send(3).await, Err(SendError::Full(3))));
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [1, 2]);
}

#[tokio::test]
async fn an_id_is_accepted_once_also_while_the_queue_is_full() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 1).await.sender();
    let first = tx.send(1).id("one").await.unwrap();
    assert!(!first.duplicate);
    for again in [tx.try_send(1).id("one").await, tx.send(1).id("one").await] {
        let again = again.unwrap();
        assert!(again.duplicate);
        assert_eq!(again.seq, first.seq);
    }
    let error = tx.try_send(1).await.unwrap_err();
    assert!(error.is_full(), "without an id of its own, a message has a fresh one: {error}");
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [1]);
}

#[tokio::test]
async fn a_message_carries_its_id_and_when_it_was_sent() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    let since_1970 = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let before = since_1970().as_millis();
    tx.send(1).id("größe 1").await.unwrap();
    tx.send(2).await.unwrap();
    let after = since_1970().as_millis();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let consumer = plain.consumer().await;
    let message = Plain::take(&consumer).await;
    let headers = message.headers.as_ref().unwrap();
    assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), "größe 1");
    let sent_at: u128 = headers.get("Levada-Sent-At").unwrap().as_str().parse().unwrap();
    assert!((before..=after).contains(&sent_at), "{before} {sent_at} {after}");
    let message = Plain::take(&consumer).await;
    assert_eq!(message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().as_str().len(), 22);
}

#[tokio::test]
async fn an_id_that_would_be_another_header_is_refused() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    for id in ["", " ", "a\r\nNats-Rollup: all", "a "] {
        let error = tx.send(7).id(id).await.unwrap_err();
        assert!(matches!(&error, SendError::Refused { message: 7, .. }), "{error}");
        let error = tx.send_many([7]).ids([id]).await.unwrap_err();
        assert_eq!((error.rest, error.ids), (vec![7], vec![id.to_owned()]));
    }
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.stored().await, []);
}

#[tokio::test]
async fn a_message_that_the_server_would_not_take_is_too_large() {
    let server = Server::builder().max_payload(2_000).start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let tx = options.open_with::<Bytes>(Raw).await.unwrap().sender();
    let mut largest = 0;
    for len in 1_000..=2_001 {
        match tx.try_send(vec![b'x'; len].into()).await {
            Ok(_) => largest = len,
            Err(SendError::TooLarge { message, size, limit }) => {
                assert_eq!((message.len(), limit), (len, 2_000));
                assert!(size > limit && size > len);
                break;
            }
            Err(other) => panic!("{len}: {other}"),
        }
    }
    assert!((1_700..2_000).contains(&largest), "{largest}");
    let many = [largest, largest + 1, 1].map(|len| Bytes::from(vec![b'x'; len]));
    let error = tx.send_many(many).await.unwrap_err();
    assert!(matches!(error.cause, SendError::TooLarge { .. }), "{error}");
    assert_eq!((error.accepted.len(), error.rest.len()), (1, 2));
    assert!(connection.state().borrow().is_connected());
}

#[tokio::test]
async fn a_message_larger_than_the_whole_queue_is_too_large() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap()).capacity(Capacity::Bytes(1_000));
    let tx = options.open_with::<String>(Raw).await.unwrap().sender();
    let error = tx.send("x".repeat(1_000)).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { limit: 1_000, .. }), "{error}");
    tx.send("x".repeat(500)).await.unwrap();
    let error = tx.try_send("x".repeat(500)).await.unwrap_err();
    assert!(error.is_full(), "{error}");
}

/// It encodes even numbers.
struct Even;

impl Codec<u32> for Even {
    fn encode(&self, message: &u32) -> Result<Bytes, CodecError> {
        if message.is_multiple_of(2) { Ok(message.to_string().into()) } else { Err("odd".into()) }
    }
    fn decode(&self, _: &Bytes) -> Result<u32, CodecError> {
        Err("never".into())
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_encoded_is_returned() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let tx = options.open_with::<u32>(Even).await.unwrap().sender();
    let error = tx.send(1).await.unwrap_err();
    assert!(error.to_string().contains("odd"), "{error}");
    assert!(matches!(error, SendError::Encode { message: 1, .. }));
    let error = tx.send_many([2, 4, 5, 6]).await.unwrap_err();
    assert!(matches!(error.cause, SendError::Encode { .. }), "{error}");
    assert_eq!((error.accepted.len(), error.rest), (2, vec![5, 6]));
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [2, 4]);
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_no_stream() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 1).await.sender();
    tx.send(1).await.unwrap();
    let waiting = tokio::spawn(tx.send(2).into_future());
    let plain = Plain::connect(&server.url(), "jobs").await;
    plain.jetstream.delete_stream(plain.stream()).await.unwrap();
    assert!(matches!(soon(waiting).await.unwrap(), Err(SendError::NoStream(2))));
    assert!(matches!(tx.try_send(3).await, Err(SendError::NoStream(3))));
    assert!(matches!(soon(tx.send(4)).await, Err(SendError::NoStream(4))));
    let error = soon(tx.send_many([5, 6])).await.unwrap_err();
    assert!(matches!(error.cause, SendError::NoStream(())), "{error}");
    assert_eq!(error.rest, [5, 6]);
    // Opened again, the queue is there for the same sender.
    queue(&connection, "jobs", 1).await;
    tx.send(7).await.unwrap();
}

#[tokio::test]
async fn a_closed_connection_is_reported_at_once() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 1).await.sender();
    connection.close().await;
    assert!(matches!(tx.try_send(1).await, Err(SendError::Disconnected(1))));
    assert!(matches!(soon(tx.send(2)).await, Err(SendError::Disconnected(2))));
    let error = soon(tx.send_many([3])).await.unwrap_err();
    assert!(matches!(error.cause, SendError::Disconnected(())), "{error}");
}

#[tokio::test]
async fn a_server_that_syncs_accepts() {
    let server = Server::builder().sync_always().start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let queue = options.durability(levada_nats::Durability::Fsync).open::<u32>().await.unwrap();
    let tx = queue.sender();
    tx.send(1).await.unwrap();
    assert_eq!(tx.send_many(2..=100).await.unwrap().len(), 99);
    server.kill();
    server.restart().await;
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_is_sent_before_the_future_is_polled() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    drop(tx.send(1).into_future());
    drop(tx.try_send(2).into_future());
    drop(tx.send_many([3, 4]).into_future());
    tx.send(5).within(Duration::MAX).await.unwrap();
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, [5]);
}
