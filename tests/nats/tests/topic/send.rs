//! What a sender learns.

use crate::support::{insist, next, options, send, topic};
use bytes::Bytes;
use levada_nats::codec::{Codec, CodecError};
use levada_nats::topic::{Position, SendError};
use levada_nats::{ConnectOptions, connect};
use levada_nats_test::{Proxy, Server, until};
use std::time::Duration;

/// Numbers below 1,000, and those of them that are no multiple of 7 can be decoded.
struct Picky;

impl Codec<u64> for Picky {
    fn encode(&self, message: &u64) -> Result<Bytes, CodecError> {
        if *message < 1_000 {
            Ok(Bytes::copy_from_slice(&message.to_be_bytes()))
        } else {
            Err("it is too much".into())
        }
    }

    fn decode(&self, bytes: &Bytes) -> Result<u64, CodecError> {
        match u64::from_be_bytes(bytes.as_ref().try_into()?) {
            message if message.is_multiple_of(7) => Err("it is a multiple of seven".into()),
            message => Ok(message),
        }
    }
}

#[tokio::test]
async fn a_codec_error_skips_only_its_message() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).open_with::<u64>(Picky).await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    match topic.send(1_000).await {
        Err(SendError::Encode { message: 1_000, source }) => {
            assert_eq!(source.to_string(), "it is too much");
        }
        other => panic!("{other:?}"),
    }
    send(&topic, 1..=15).await;
    for number in 1..=15 {
        match next(&mut subscriber).await {
            Ok(received) => assert_eq!(received, number),
            Err(levada_nats::topic::RecvError::Decode { seq, source }) => {
                assert_eq!((seq, number % 7), (number, 0));
                assert_eq!(source.to_string(), "it is a multiple of seven");
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(subscriber.position(), number + 1);
    }
}

#[tokio::test]
async fn a_message_with_an_id_is_stored_once_however_often_its_outcome_was_unknown() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let options = ConnectOptions::new().request_timeout(Duration::from_millis(500));
    let connection = options.connect(&proxy.url()).await.unwrap();
    let topic = crate::support::options(&connection).open::<u64>().await.unwrap();
    let other = connect(&server.url()).await.unwrap();
    let mut subscriber =
        crate::support::options(&other).open::<u64>().await.unwrap().subscribe().await.unwrap();
    proxy.drop_replies();
    let mut unknown = 0;
    for _ in 0..2 {
        match topic.send(7).id("seven").await {
            Err(SendError::Unknown(7)) => unknown += 1,
            // The connection is known to be lost by now.
            Err(SendError::Disconnected(7)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(unknown > 0);
    // It was stored, although its sender does not know.
    assert_eq!(next(&mut subscriber).await.unwrap(), 7);
    proxy.heal();
    let sent = until("a message that is stored", async || topic.send(7).id("seven").await).await;
    assert!(sent.duplicate);
    assert_eq!(sent.seq, 1);
    insist(&topic, 8).await;
    assert_eq!(next(&mut subscriber).await.unwrap(), 8);
}

#[tokio::test]
async fn a_cancelled_send_is_stored_once_or_not_at_all() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    for number in 1..=20 {
        let mut sending = std::future::IntoFuture::into_future(topic.send(number).id("same"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::Pin::new(&mut sending).poll(&mut context).is_pending());
    }
    let sent = topic.send(99).await.unwrap();
    let first = next(&mut subscriber).await.unwrap();
    assert!(sent.seq <= 2);
    if sent.seq == 2 {
        assert_eq!((first, next(&mut subscriber).await.unwrap()), (1, 99));
    } else {
        assert_eq!(first, 99);
    }
}

#[tokio::test]
async fn a_message_beyond_the_topics_limit_is_refused_and_not_stored_for_a_moment() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).max_bytes(400).open::<String>().await.unwrap();
    let error = topic.send("x".repeat(400)).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { limit: 400, .. }), "{error}");
    // The largest that is taken is kept: two quotes, the subject, and 64 bytes come with it.
    let largest = 400 - 2 - "levada.topic.numbers".len() - 64;
    topic.send("x".repeat(largest + 1)).await.unwrap_err();
    let sent = topic.send("x".repeat(largest)).await.unwrap();
    let mut subscriber = topic.subscribe_from(Position::First).await.unwrap();
    assert_eq!(subscriber.recv().await.unwrap().seq(), sent.seq);
}

#[tokio::test]
async fn an_id_that_is_no_header_comes_back() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    for id in ["", "a\nb", "a\r\nNats-Rollup: all"] {
        match topic.send(7).id(id).await {
            Err(SendError::Id { message: 7, id: refused }) => assert_eq!(refused, id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(topic.send(7).id("\u{1f30a} with spaces").await.unwrap().seq, 1);
}

#[tokio::test]
async fn without_a_server_a_message_is_not_stored_later() {
    let server = Server::start().await;
    let options = ConnectOptions::new().request_timeout(Duration::from_millis(500));
    let connection = options.connect(&server.url()).await.unwrap();
    let topic = crate::support::options(&connection).open::<u64>().await.unwrap();
    server.kill();
    let mut state = connection.state();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    assert!(matches!(topic.send(7).await, Err(SendError::Disconnected(7))));
    server.restart().await;
    state.wait_for(|state| state.is_connected()).await.unwrap();
    insist(&topic, 8).await;
    let mut subscriber = topic.subscribe_from(Position::First).await.unwrap();
    assert_eq!(next(&mut subscriber).await.unwrap(), 8);
}

#[tokio::test]
async fn a_send_waits_for_a_connection_that_comes_back() {
    let server = Server::start().await;
    let (connection, topic) = topic(&server).await;
    server.kill();
    let mut state = connection.state();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    let (sent, ()) = tokio::join!(
        async { until("a message that is stored", async || topic.send(7).await).await },
        server.restart(),
    );
    assert_eq!(sent.seq, 1);
}

#[tokio::test]
async fn a_closed_connection_refuses_at_once_and_gives_the_message_back() {
    let server = Server::start().await;
    let (connection, topic) = topic(&server).await;
    connection.close().await;
    assert!(matches!(topic.send(7).await, Err(SendError::Disconnected(7))));
}

#[tokio::test]
async fn a_deleted_topic_refuses_with_its_stream() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    topic.delete().await.unwrap();
    topic.delete().await.unwrap();
    match topic.send(7).await {
        Err(SendError::NoStream { message: 7, stream }) => {
            assert_eq!(stream, "levada_topic_numbers")
        }
        other => panic!("{other:?}"),
    }
}
