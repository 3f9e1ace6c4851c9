//! Messages that no receiver could handle.

use crate::receiving::{Setup, next};
use async_nats::HeaderMap;
use levada_nats::queue::{Capacity, DeadLetterError};
use levada_nats_test::until;
use std::time::Duration;

#[tokio::test]
async fn a_rejected_message_is_a_dead_letter_and_its_place_is_free() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(Capacity::Messages(1)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let dead = queue.dead_letters();
    assert!(dead.is_empty().await.unwrap());
    assert_eq!(dead.read(0, 10).await.unwrap().len(), 0);
    setup.plain.send([7]).await;
    let reason = "no such picture\r\nNats-Rollup: all";
    next(&receiver).await.reject(reason).await.unwrap();
    // The next one finds room.
    setup.plain.send([8]).await;
    next(&receiver).await.ack().await.unwrap();
    assert_eq!(dead.len().await.unwrap(), 1);
    let letters = dead.read(0, 10).await.unwrap();
    let letter = &letters[0];
    assert_eq!(letter.reason(), "no such picture  Nats-Rollup: all");
    assert_eq!((letter.seq(), letter.queue_seq(), letter.attempts()), (1, Some(1), 1));
    assert_eq!((letter.id(), dead.decode(letter).await.unwrap()), (Some("job-7"), 7));
    assert!(letter.sent_at().is_some());
    assert!(dead.read(2, 10).await.unwrap().is_empty());
    assert!(dead.remove(1).await.unwrap());
    assert!(!dead.remove(1).await.unwrap());
    assert!(dead.is_empty().await.unwrap());
}

#[tokio::test]
async fn a_retry_after_the_last_attempt_is_a_dead_letter() {
    let setup = Setup::start().await;
    let queue = setup.queue().max_attempts(2).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7, 8]).await;
    for _ in 0..2 {
        next(&receiver).await.retry(Duration::ZERO).await.unwrap();
        drop(next(&receiver).await);
    }
    setup.plain.has("queue", 0).await;
    let letters = queue.dead_letters().read(0, 10).await.unwrap();
    let attempts: Vec<_> = letters.iter().map(|letter| letter.attempts()).collect();
    assert_eq!(attempts, [2, 2]);
    assert!(letters.iter().all(|letter| letter.reason().contains("last of 2 attempts")));
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_a_dead_letter() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send_bytes("wrong", "{".to_owned()).await;
    setup.plain.send([8]).await;
    let delivery = next(&receiver).await;
    assert_eq!(*delivery, 8);
    delivery.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
    let dead = queue.dead_letters();
    let letters = dead.read(0, 10).await.unwrap();
    assert!(letters[0].reason().starts_with("it cannot be decoded: "), "{:?}", letters[0]);
    assert_eq!(&dead.bytes(&letters[0]).await.unwrap()[..], b"{");
    let error = dead.decode(&letters[0]).await.unwrap_err();
    assert!(matches!(error, DeadLetterError::Decode(_)), "{error}");
}

#[tokio::test]
async fn a_message_that_is_moved_twice_is_stored_once() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7, 8]).await;
    // It makes the stream.
    next(&receiver).await.reject("the first").await.unwrap();
    let delivery = next(&receiver).await;
    // A receiver that ended between the two steps has left this behind.
    let stored_at = setup.plain.stored_at("queue", 2).await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("{stored_at}-2"));
    let jetstream = &setup.plain.jetstream;
    let moved = jetstream.publish_with_headers("levada.dead.jobs", headers, "8".into()).await;
    assert!(!moved.unwrap().await.unwrap().duplicate);
    delivery.reject("the second").await.unwrap();
    assert_eq!(queue.dead_letters().len().await.unwrap(), 2);
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_redriven_message_has_new_attempts() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(Capacity::Messages(1)).max_attempts(2);
    let queue = queue.open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let dead = queue.dead_letters();
    setup.plain.send([7]).await;
    drop(next(&receiver).await);
    next(&receiver).await.retry(Duration::ZERO).await.unwrap();
    assert_eq!(dead.len().await.unwrap(), 1);
    // There is no room.
    setup.plain.send([8]).await;
    let blocking = next(&receiver).await;
    assert!(matches!(dead.redrive(1).await, Err(DeadLetterError::Full { seq: 1 })));
    assert_eq!(dead.len().await.unwrap(), 1);
    blocking.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
    dead.redrive(1).await.unwrap();
    assert!(matches!(dead.redrive(1).await, Err(DeadLetterError::NotFound { seq: 1 })));
    let again = next(&receiver).await;
    assert_eq!((*again, again.attempt(), again.max_attempts()), (7, 3, 4));
    assert_eq!(again.id(), Some("job-7"));
    drop(again);
    let last = next(&receiver).await;
    assert_eq!(last.attempt(), 4);
    drop(last);
    until("the dead letter", async || {
        let letters = dead.read(0, 10).await.unwrap();
        if letters.len() == 1 && letters[0].attempts() == 4 { Ok(()) } else { Err(letters.len()) }
    })
    .await;
}

#[tokio::test]
async fn a_message_as_large_as_the_server_takes_moves_with_an_object() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<String>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let dead = queue.dead_letters();
    // With the headers of a dead letter it is too large.
    let text = "x".repeat(setup.plain.client.max_payload() - 100);
    setup.plain.send_bytes("large", format!("{text:?}")).await;
    next(&receiver).await.reject("it is large").await.unwrap();
    setup.plain.has("queue", 0).await;
    let letters = dead.read(0, 1).await.unwrap();
    assert_eq!(letters[0].reason(), "it is large");
    assert_eq!(dead.decode(&letters[0]).await.unwrap(), text);
    assert!(setup.plain.stream("dead-objects").await.messages > 0);
    // Back in the queue it has an object there, which goes with it.
    dead.redrive(1).await.unwrap();
    setup.plain.has("dead-objects", 0).await;
    let again = next(&receiver).await;
    assert_eq!(*again, text);
    assert!(setup.plain.stream("queue-objects").await.messages > 0);
    again.ack().await.unwrap();
    setup.plain.has("queue-objects", 0).await;
}

#[tokio::test]
async fn a_message_whose_object_is_missing_is_a_dead_letter() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<String>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let dead = queue.dead_letters();
    let text = "x".repeat(setup.plain.client.max_payload() - 100);
    setup.plain.send_bytes("large", format!("{text:?}")).await;
    next(&receiver).await.reject("it is large").await.unwrap();
    dead.redrive(1).await.unwrap();
    next(&receiver).await.retry(Duration::from_secs(1)).await.unwrap();
    let store = setup.plain.jetstream.get_stream("levada_queue-objects_jobs").await.unwrap();
    store.purge().await.unwrap();
    setup.plain.has("dead", 1).await;
    setup.plain.has("queue", 0).await;
    let letters = dead.read(0, 1).await.unwrap();
    assert!(letters[0].reason().contains("missing"), "{}", letters[0].reason());
}

#[tokio::test]
async fn a_codec_that_panics_leaves_the_message_in_the_queue() {
    struct Panics;
    impl levada_nats::Codec<u32> for Panics {
        fn encode(&self, _: &u32) -> Result<bytes::Bytes, levada_nats::codec::CodecError> {
            Ok(bytes::Bytes::new())
        }
        fn decode(&self, _: &bytes::Bytes) -> Result<u32, levada_nats::codec::CodecError> {
            panic!("the codec")
        }
    }
    let setup = Setup::start().await;
    let queue = setup.queue().open_with::<u32>(Panics).await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let panicking = tokio::spawn({
        let receiver = receiver.clone();
        async move { receiver.recv().await.map(drop) }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    drop(receiver);
    let sane = setup.queue().open::<u32>().await.unwrap().receiver(1).await.unwrap();
    let delivery = next(&sane).await;
    assert_eq!(*delivery, 7);
    assert!(delivery.attempt() >= 2);
    delivery.ack().await.unwrap();
}
