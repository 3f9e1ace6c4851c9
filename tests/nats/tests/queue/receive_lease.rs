//! How long a message is one receiver's.

use crate::receiving::{Acks, Setup, connect, next};
use levada_nats::queue::SettleError;
use levada_nats_test::{PATIENCE, Proxy, until};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const LEASE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_lease_is_renewed_while_the_delivery_lives() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).open::<u32>().await.unwrap();
    let receiver = queue.receiver(2).await.unwrap();
    setup.plain.send([7, 8]).await;
    let delivery = next(&receiver).await;
    // The other one stays in the buffer.
    setup.plain.leased(2).await;
    sleep(4 * LEASE).await;
    assert!(!delivery.is_lost());
    delivery.ack().await.unwrap();
    let other = next(&receiver).await;
    assert_eq!((*other, other.attempt()), (8, 1));
    other.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
    assert_eq!(setup.plain.consumer().await.num_redelivered, 0);
}

#[tokio::test]
async fn a_partition_longer_than_a_lease_loses_it() {
    let setup = Setup::start().await;
    let lease = Duration::from_secs(2);
    let proxy = Proxy::start(setup.server.port());
    let distant = connect(&proxy.url()).await;
    let queue = distant.queue("jobs".parse().unwrap()).lease(lease).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    let near = setup.queue().lease(lease).open::<u32>().await.unwrap();
    let near = near.receiver(1).await.unwrap();
    let mut acks = Acks::watch(&setup.plain).await;
    proxy.freeze();
    timeout(PATIENCE, delivery.lost()).await.unwrap();
    assert!(delivery.is_lost());
    let again = next(&near).await;
    assert_eq!((*again, again.attempt()), (7, 2));
    proxy.heal();
    assert_eq!(delivery.ack().await.unwrap_err(), SettleError::Lost);
    // The other holder is not disturbed by what the first one had sent before.
    assert!(!again.is_lost());
    again.ack().await.unwrap();
    acks.expect_one_ack().await;
    setup.plain.has("queue", 0).await;
    // The distant one recovers by itself.
    near.close().await;
    setup.plain.send([8]).await;
    next(&receiver).await.ack().await.unwrap();
}

#[tokio::test]
async fn a_lease_outlives_a_short_loss_of_the_connection() {
    let setup = Setup::start().await;
    let lease = Duration::from_secs(30);
    let proxy = Proxy::start(setup.server.port());
    let distant = connect(&proxy.url()).await;
    let queue = distant.queue("jobs".parse().unwrap()).lease(lease).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    proxy.cut();
    let mut state = distant.state();
    timeout(PATIENCE, state.wait_for(|state| !state.is_connected())).await.unwrap().unwrap();
    // It waits for the connection, and is sent then.
    let acking = tokio::spawn(delivery.ack());
    proxy.heal();
    acking.await.unwrap().unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn an_acknowledgement_without_an_answer_is_unknown() {
    let setup = Setup::start().await;
    let proxy = Proxy::start(setup.server.port());
    let distant = connect(&proxy.url()).await;
    let queue = distant.queue("jobs".parse().unwrap()).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = next(&receiver).await;
    proxy.drop_replies();
    assert_eq!(delivery.ack().await.unwrap_err(), SettleError::Unknown);
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn messages_of_a_receiver_whose_runtime_ends_come_after_its_lease() {
    let setup = Setup::start().await;
    let lease = Duration::from_secs(2);
    let queue = setup.queue().lease(lease).open::<u32>().await.unwrap();
    let url = setup.server.url();
    // Its runtime ends, and with it all tasks.
    let (given, taken) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let delivery = runtime.block_on(async {
            let connection = connect(&url).await;
            let queue = connection.queue("jobs".parse().unwrap()).lease(lease);
            let receiver = queue.open::<u32>().await.unwrap().receiver(1).await.unwrap();
            let delivery = next(&receiver).await;
            given.send(Instant::now()).unwrap();
            delivery
        });
        runtime.shutdown_background();
        drop(delivery);
    });
    setup.plain.send([7]).await;
    let since = timeout(PATIENCE, taken).await.unwrap().unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let delivery = next(&receiver).await;
    assert_eq!((*delivery, delivery.attempt()), (7, 2));
    // Not before the lease, of which a part had passed when the delivery was seen.
    assert!(since.elapsed() > lease / 2, "{:?}", since.elapsed());
    delivery.ack().await.unwrap();
    thread.join().unwrap();
    until("an empty queue", async || {
        let messages = setup.plain.stream("queue").await.messages;
        if messages == 0 { Ok(()) } else { Err(messages) }
    })
    .await;
}
