//! Objects beside a server, whose address `cargo xtask nats` gives.

use super::{Objects, PayloadError, REFERENCE, Reference};
use crate::{Connection, Durability, connect};
use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use std::time::{Duration, SystemTime};

const MARGIN: Duration = Duration::from_secs(3600);

async fn connection() -> Connection {
    let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    connect(&url).await.unwrap()
}

/// A store of this name, which did not exist.
async fn objects(connection: &Connection, name: &str) -> Objects {
    let name = name.parse().unwrap();
    let objects = Objects::new(connection, "payload", &name, Durability::Lazy).margin(MARGIN);
    // An error means that it does not exist.
    let _ = connection.jetstream().delete_stream(&objects.bucket).await;
    objects
}

fn large(connection: &Connection) -> Bytes {
    Bytes::from(vec![7; 2 * connection.client().max_payload()])
}

/// When the server stored the first part of an object.
async fn stored_at(objects: &Objects, reference: &Reference) -> SystemTime {
    let stream = objects.stream().await.unwrap();
    let subject = objects.part_subject(&reference.id, 0);
    stream.get_last_raw_message_by_subject(&subject).await.unwrap().time.into()
}

async fn parts(objects: &Objects) -> u64 {
    objects.stream().await.unwrap().get_info().await.unwrap().state.messages
}

#[tokio::test]
async fn an_object_is_read_as_often_as_wanted_and_deleted_once() {
    let connection = connection().await;
    let objects = objects(&connection, "once").await;
    let bytes = large(&connection);
    let reference = objects.store(bytes.clone()).await.unwrap();
    let other = objects.store(bytes.clone()).await.unwrap();
    assert_ne!(reference.id, other.id, "invariant 3");
    for _ in 0..2 {
        assert!(objects.load(&reference).await.unwrap() == bytes);
    }
    objects.delete(&reference).await.unwrap();
    objects.delete(&reference).await.unwrap();
    let error = objects.load(&reference).await.unwrap_err();
    assert!(matches!(error, PayloadError::Missing { part: 0, parts: 3, .. }), "{error}");
    assert!(error.is_final());
    assert!(objects.load(&other).await.unwrap() == bytes);
    objects.delete(&other).await.unwrap();
    assert_eq!(parts(&objects).await, 0, "nothing is left of deleted objects");
}

#[tokio::test]
async fn a_store_that_was_never_opened_has_nothing() {
    let connection = connection().await;
    let objects = objects(&connection, "never").await;
    let reference = format!("a 1 1 {}", "0".repeat(64)).parse().unwrap();
    let error = objects.load(&reference).await.unwrap_err();
    assert!(matches!(error, PayloadError::Missing { .. }), "{error}");
    objects.delete(&reference).await.unwrap();
    assert_eq!(objects.sweep(SystemTime::now()).await.unwrap(), 0);
    connection.jetstream().get_stream(&objects.bucket).await.unwrap_err();
}

#[tokio::test]
async fn the_largest_message_without_an_object_fits() {
    let connection = connection().await;
    let objects = objects(&connection, "fits").await;
    let mut headers = HeaderMap::new();
    headers.insert("Of-The-Caller", "x".repeat(5000));
    let limit = objects.limit(&headers);
    let packed = objects.pack(vec![1; limit].into(), &mut headers).await.unwrap();
    assert_eq!((packed.payload.len(), packed.reference.is_none()), (limit, true));
    // What a queue adds after that.
    let message = PublishMessage::build().headers(headers.clone()).payload(packed.payload);
    let message = message.message_id("m".repeat(500)).expected_stream("s".repeat(255));
    let subject = connection.client().new_inbox();
    let published = connection.jetstream().send_publish(subject, message).await.unwrap().await;
    let refused = published.unwrap_err().to_string();
    assert!(refused.contains("no stream"), "it reached the server: {refused}");

    let packed = objects.pack(vec![1; limit + 1].into(), &mut headers).await.unwrap();
    assert!(packed.payload.is_empty() && packed.is_fresh());
    let bytes = objects.unpack(Some(&headers), &packed.payload).await.unwrap();
    assert_eq!(bytes.len(), limit + 1);
    objects.discard(Some(&headers)).await.unwrap();
    let error = objects.unpack(Some(&headers), &packed.payload).await.unwrap_err();
    assert!(matches!(error, PayloadError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_header_that_is_no_reference_is_an_error() {
    let connection = connection().await;
    let objects = objects(&connection, "header").await;
    let mut headers = HeaderMap::new();
    headers.insert(REFERENCE, "> 1 1 0");
    let error = objects.unpack(Some(&headers), &Bytes::new()).await.unwrap_err();
    assert!(matches!(error, PayloadError::Reference { .. }), "{error}");
    objects.discard(Some(&headers)).await.unwrap_err();
}

#[tokio::test]
async fn a_sweep_deletes_what_belongs_to_no_message_and_nothing_else() {
    let connection = connection().await;
    let objects = objects(&connection, "sweep").await;
    let orphan = objects.store(large(&connection)).await.unwrap();
    let kept = objects.store(large(&connection)).await.unwrap();
    let at = stored_at(&objects, &orphan).await;
    // The oldest message was published as late after its object as it may be.
    assert_eq!(objects.sweep(at + MARGIN).await.unwrap(), 0);
    assert_eq!(objects.sweep(SystemTime::UNIX_EPOCH).await.unwrap(), 0);
    let at = stored_at(&objects, &kept).await;
    assert_eq!(objects.sweep(at + MARGIN).await.unwrap(), 3);
    objects.load(&orphan).await.unwrap_err();
    objects.load(&kept).await.unwrap();
    // A later one finds the rest.
    let later = SystemTime::now() + 2 * MARGIN;
    assert_eq!(objects.sweep(later).await.unwrap(), 3);
    assert_eq!(objects.sweep(later).await.unwrap(), 0);
    let info = objects.stream().await.unwrap().get_info().await.unwrap();
    assert_eq!((info.state.messages, info.state.consumer_count), (0, 0));
    objects.store(large(&connection)).await.unwrap();
    assert_eq!(parts(&objects).await, 3);
}

#[tokio::test]
async fn what_a_sender_left_that_died_before_its_message_is_swept() {
    let connection = connection().await;
    let objects = objects(&connection, "died").await;
    // It dies after some of the parts: the future is dropped at its next poll.
    let bytes = Bytes::from(vec![7; 30 * connection.client().max_payload()]);
    let mut storing = Box::pin(objects.store(bytes));
    loop {
        let slice = Duration::from_millis(1);
        assert!(tokio::time::timeout(slice, &mut storing).await.is_err(), "30 parts at once");
        let info = objects.stream().await.unwrap().get_info().await;
        if info.is_ok_and(|info| info.state.messages > 0) {
            break;
        }
    }
    drop(storing);
    // What was under way may still come, so there may be a second sweep.
    let mut swept = 0;
    while parts(&objects).await > 0 {
        swept += objects.sweep(SystemTime::now() + 2 * MARGIN).await.unwrap();
    }
    assert!((1..31).contains(&swept), "{swept} parts");
}

#[tokio::test]
async fn a_message_is_not_published_when_its_object_may_be_swept() {
    let connection = connection().await;
    let objects = objects(&connection, "late").await.margin(Duration::ZERO);
    let mut headers = HeaderMap::new();
    let small = objects.pack("small".into(), &mut headers).await.unwrap();
    assert!(small.is_fresh(), "invariant 1");
    let packed = objects.pack(large(&connection), &mut headers).await.unwrap();
    assert!(!packed.is_fresh(), "invariant 5");
    let again = objects.pack(large(&connection), &mut headers).await.unwrap();
    assert_ne!(packed.reference, again.reference);
    assert_eq!(
        headers.get(REFERENCE).unwrap().as_str(),
        again.reference.unwrap().to_string(),
        "the headers refer to the newer one alone"
    );
}

#[tokio::test]
async fn two_kinds_of_one_name_share_nothing() {
    let connection = connection().await;
    let name = "shared".parse().unwrap();
    let queue = Objects::new(&connection, "queue", &name, Durability::Lazy);
    let topic = Objects::new(&connection, "topic", &name, Durability::Lazy);
    assert_ne!(queue.bucket, topic.bucket);
    assert_ne!(queue.subject, topic.subject);
}
