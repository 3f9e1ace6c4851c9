//! Messages that are larger than the server takes.

use crate::support::options;
use levada_nats::connect;
use levada_nats::topic::{Message, Position, RecvError, SendError, Subscriber, Topic};
use levada_nats_test::{PATIENCE, Proxy, Server, request, until};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::time::timeout;

const OBJECTS: &str = "levada_topic-objects_numbers";

async fn server() -> Server {
    Server::builder().max_payload(2_048).start().await
}

async fn topic(url: &str) -> Topic<String> {
    options(&connect(url).await.unwrap()).open().await.unwrap()
}

/// A text that does not fit, and differs from the others.
fn text(number: usize) -> String {
    format!("{number} ").repeat(5_000 + number)
}

async fn next(subscriber: &mut Subscriber<String>) -> Result<String, RecvError> {
    let received = timeout(PATIENCE, subscriber.recv()).await.expect("a message or an error");
    received.map(Message::into_inner)
}

/// How many messages the store of objects has, if there is one.
async fn parts(server: &Server) -> Result<u64, String> {
    let info = request(&server.url(), &format!("$JS.API.STREAM.INFO.{OBJECTS}"), "").await;
    Ok(info.map_err(|error| error.to_string())?["state"]["messages"].as_u64().unwrap())
}

#[tokio::test]
async fn large_and_small_messages_arrive_whole_and_in_order() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    topic.send("small".to_owned()).await.unwrap();
    assert!(parts(&server).await.is_err(), "no store is made before it is needed");
    for number in 0..5 {
        topic.send(text(number)).await.unwrap();
        topic.send(number.to_string()).await.unwrap();
    }
    assert_eq!(next(&mut subscriber).await.unwrap(), "small");
    for number in 0..5 {
        assert_eq!(next(&mut subscriber).await.unwrap(), text(number));
        assert_eq!(next(&mut subscriber).await.unwrap(), number.to_string());
    }
    // Every other subscriber needs the bytes as well.
    let mut again = topic.subscribe_from(2).await.unwrap();
    assert_eq!(next(&mut again).await.unwrap(), text(0));
}

#[tokio::test]
async fn messages_around_the_limit_arrive() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    for size in (900..1_100).step_by(7).chain(2_000..2_060) {
        topic.send("x".repeat(size)).id(size.to_string()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.unwrap().len(), size);
    }
}

#[tokio::test]
async fn a_message_whose_bytes_are_gone_is_skipped_alone() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    for number in 0..3 {
        topic.send(text(number)).await.unwrap();
        topic.send(number.to_string()).await.unwrap();
        if number == 1 {
            request(&server.url(), &format!("$JS.API.STREAM.PURGE.{OBJECTS}"), "").await.unwrap();
        }
    }
    let mut subscriber = topic.subscribe_from(Position::First).await.unwrap();
    for number in 0..3 {
        let received = next(&mut subscriber).await;
        if number == 2 {
            assert_eq!(received.unwrap(), text(2));
        } else {
            let error = received.unwrap_err();
            assert!(!error.is_final());
            assert!(matches!(&error, RecvError::Object { seq, .. } if *seq == number * 2 + 1));
            assert!(error.to_string().contains("missing"), "{error}");
        }
        assert_eq!(next(&mut subscriber).await.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_cancelled_recv_of_a_large_message_loses_nothing() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    for number in 0..3 {
        topic.send(text(number)).await.unwrap();
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut received = Vec::new();
    until("all messages", async || {
        if let Poll::Ready(message) = pin!(subscriber.recv()).as_mut().poll(&mut context) {
            received.push(message.unwrap().into_inner());
        }
        if received.len() == 3 { Ok(()) } else { Err(received.len()) }
    })
    .await;
    assert!((0..3).all(|number| received[number] == text(number)));
}

#[tokio::test]
async fn a_duplicate_leaves_no_bytes() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    topic.send(text(1)).id("one").await.unwrap();
    let once = parts(&server).await.unwrap();
    for _ in 0..3 {
        assert!(topic.send(text(1)).id("one").await.unwrap().duplicate);
    }
    assert_eq!(parts(&server).await.unwrap(), once);
    let mut subscriber = topic.subscribe_from(1).await.unwrap();
    assert_eq!(next(&mut subscriber).await.unwrap(), text(1));
}

#[tokio::test]
async fn a_link_that_breaks_while_large_messages_are_read_loses_none() {
    let server = server().await;
    let direct = topic(&server.url()).await;
    let proxy = Proxy::start(server.port());
    let topic = topic(&proxy.url()).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    for number in 0..10 {
        direct.send(text(number)).await.unwrap();
        // It may have the message, and asks for bytes that do not come.
        proxy.drop_replies();
        if let Ok(received) = subscriber.try_recv() {
            panic!("{} came whole", received.seq());
        }
        proxy.heal();
        assert_eq!(next(&mut subscriber).await.unwrap(), text(number));
    }
}

#[tokio::test]
async fn a_deleted_topic_leaves_no_bytes() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    topic.send(text(1)).await.unwrap();
    topic.delete().await.unwrap();
    let account = request(&server.url(), "$JS.API.INFO", "").await.unwrap();
    assert_eq!(account["streams"], 0);
}

#[tokio::test]
async fn what_no_object_can_mend_comes_back() {
    let server = server().await;
    let topic = topic(&server.url()).await;
    // An id is not stored apart.
    let error = topic.send("text".to_owned()).id("x".repeat(3_000)).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { limit: 2_048, .. }), "{error}");
    assert_eq!(error.into_inner(), "text");
}
