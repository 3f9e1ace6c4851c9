//! What a sender promises while nothing breaks.

use crate::support::{Plain, connect, queue, soon};
use bytes::Bytes;
use levada_nats::codec::{Codec, CodecError, Raw};
use levada_nats::queue::{Capacity, SendError};
use levada_nats_test::Server;
use std::time::Duration;

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
async fn a_message_carries_its_id_in_short_headers() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    tx.send(1).id("größe 1").await.unwrap();
    tx.send(2).await.unwrap();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let consumer = plain.consumer().await;
    let message = Plain::take(&consumer).await;
    let headers = message.headers.as_ref().unwrap();
    assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), "größe 1");
    let message = Plain::take(&consumer).await;
    let headers = message.headers.as_ref().unwrap();
    let id = headers.get("Nats-Msg-Id").unwrap().as_str();
    assert!(id.len() > 22, "{id}");
    // The server reads a short block much faster.
    let block = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
    assert!(headers.len() == 1 && block.len() <= 64, "{headers:?}");
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

/// How many parts of objects the queue has.
async fn parts(plain: &Plain) -> u64 {
    let store = plain.jetstream.get_stream("levada_queue-objects_jobs").await;
    store.map_or(0, |store| store.cached_info().state.messages)
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_arrives() {
    let server = Server::builder().max_payload(4_000).start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let queue = options.open_with::<Bytes>(Raw).await.unwrap();
    let tx = queue.sender();
    let message = |len: usize| Bytes::from(vec![b'x'; len]);
    let lens = [1, 2_000, 3_900, 4_000, 50_000];
    tx.try_send(message(lens[0])).await.unwrap();
    tx.send(message(lens[1])).await.unwrap();
    assert_eq!(tx.send_many(lens[2..].iter().map(|len| message(*len))).await.unwrap().len(), 3);
    let receiver = queue.receiver(1).await.unwrap();
    for len in lens {
        let delivery = soon(receiver.recv()).await.unwrap();
        assert_eq!(delivery.len(), len);
        delivery.ack().await.unwrap();
    }
    assert!(connection.state().borrow().is_connected());
}

#[tokio::test]
async fn a_message_that_is_not_accepted_leaves_no_object() {
    let server = Server::builder().max_payload(4_000).start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap()).capacity(Capacity::Messages(1));
    let tx = options.open_with::<Bytes>(Raw).await.unwrap().sender();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let large = Bytes::from(vec![b'x'; 10_000]);
    tx.send(large.clone()).id("one").await.unwrap();
    let one = parts(&plain).await;
    assert!(one > 0);
    // The first is in the queue, and so is its object.
    assert!(tx.send(large.clone()).id("one").await.unwrap().duplicate);
    assert!(tx.try_send(large.clone()).await.unwrap_err().is_full());
    let within = Duration::from_millis(300);
    assert!(tx.send(large.clone()).within(within).await.unwrap_err().is_full());
    let error = tx.send_many([large.clone(), large]).within(within).await.unwrap_err();
    assert!(error.cause.is_full(), "{error}");
    assert_eq!(parts(&plain).await, one);
}

#[tokio::test]
async fn headers_that_the_server_would_not_take_are_too_large() {
    let server = Server::builder().max_payload(4_000).start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    let error = tx.try_send(7).id("x".repeat(4_000)).await.unwrap_err();
    assert!(
        matches!(error, SendError::TooLarge { message: 7, size, limit: 4_000 } if size > 4_000),
        "{error}"
    );
    let ids = ["short".to_owned(), "x".repeat(4_000)];
    let error = tx.send_many([7, 8, 9]).ids(ids).await.unwrap_err();
    assert!(matches!(error.cause, SendError::TooLarge { .. }), "{error}");
    assert_eq!((error.accepted.len(), error.rest), (1, vec![8, 9]));
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
