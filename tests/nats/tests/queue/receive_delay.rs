//! Messages that are delivered again after a long time.

use crate::receiving::{Setup, next};
use levada_nats::queue::Capacity;
use levada_nats_test::until;
use std::time::{Duration, Instant};

/// The shortest delay that is not the consumer's own.
const LONG: Duration = Duration::from_millis(10_500);

#[tokio::test]
async fn a_long_retry_leaves_the_queue_and_comes_after_its_delay() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(Capacity::Messages(1)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    let began = Instant::now();
    delivery.retry(LONG).await.unwrap();
    // Its place is free meanwhile.
    assert_eq!(setup.plain.stream("queue").await.messages, 0);
    assert_eq!(setup.plain.stream("delay").await.messages, 1);
    setup.plain.send([8]).await;
    next(&receiver).await.ack().await.unwrap();
    let again = next(&receiver).await;
    let took = began.elapsed();
    assert_eq!((*again, again.attempt()), (7, 2));
    assert_eq!(again.id(), Some("job-7"));
    assert!(again.queued_for() >= LONG);
    // The clock of the server is another, so a little may be missing.
    assert!(took >= LONG - Duration::from_millis(100), "{took:?}");
    println!("{:?} late", took.saturating_sub(LONG));
    again.ack().await.unwrap();
    setup.plain.has("delay", 0).await;
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_due_message_waits_for_room() {
    let setup = Setup::start().await;
    let queue = setup.queue().capacity(Capacity::Messages(1)).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    next(&receiver).await.retry(LONG).await.unwrap();
    setup.plain.send([8]).await;
    let blocking = next(&receiver).await;
    is_due(&setup).await;
    assert_eq!(setup.plain.stream("queue").await.messages, 1);
    blocking.ack().await.unwrap();
    let again = next(&receiver).await;
    assert_eq!((*again, again.attempt()), (7, 2));
    again.ack().await.unwrap();
    setup.plain.has("delay", 0).await;
}

#[tokio::test]
async fn a_delayed_message_outlives_its_receiver_and_the_server() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    next(&receiver).await.retry(LONG).await.unwrap();
    receiver.close().await;
    setup.server.kill();
    setup.server.restart().await;
    is_due(&setup).await;
    let receiver = queue.receiver(1).await.unwrap();
    let again = next(&receiver).await;
    assert_eq!((*again, again.attempt()), (7, 2));
    again.ack().await.unwrap();
    setup.plain.has("delay", 0).await;
}

/// Waits until the waiting message has become one that is due.
async fn is_due(setup: &Setup) {
    until("a message that is due", async || {
        let state = setup.plain.stream("delay").await;
        if state.last_sequence >= 2 && state.messages == 1 { Ok(()) } else { Err(state) }
    })
    .await;
}
