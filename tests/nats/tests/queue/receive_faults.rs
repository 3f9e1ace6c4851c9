//! Servers, consumers and streams that go away under working receivers.

use crate::receiving::{Plain, Setup, connect, next};
use futures_util::future::join_all;
use levada_nats::Durability;
use levada_nats::queue::{Queue, RecvError};
use levada_nats_test::{Cluster, PATIENCE, Proxy, is_deep, until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const LEASE: Duration = Duration::from_secs(2);

/// Accounts for every message.
#[derive(Clone, Default)]
struct Oracle {
    /// What a receiver has acknowledged, and how often.
    acked: Arc<Mutex<BTreeMap<u32, u32>>>,
    accepted: Arc<AtomicU32>,
    enough: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Oracle {
    /// Works on messages: acknowledges most, drops and rejects some.
    async fn work(self, queue: Queue<u32>, seats: usize) {
        let receiver = queue.receiver(seats).await.unwrap();
        let tasks = (0..seats).map(|_| async {
            while !self.stopped.load(Ordering::Relaxed) {
                let Ok(delivery) = timeout(Duration::from_millis(200), receiver.recv()).await
                else {
                    continue;
                };
                let delivery = delivery.unwrap();
                match *delivery % 10 {
                    3 if delivery.attempt() == 1 => drop(delivery),
                    // What has no answer may be there.
                    7 => drop(delivery.reject("a seven").await),
                    _ => {
                        *self.acked.lock().unwrap().entry(*delivery).or_default() += 1;
                        let _ = delivery.ack().await;
                    }
                }
            }
        });
        join_all(tasks).await;
        receiver.close().await;
    }

    /// Sends numbers, in turn, until there are enough.
    async fn send(self, plain: Plain) {
        while !self.enough.load(Ordering::Relaxed) {
            let number = self.accepted.load(Ordering::Relaxed);
            plain.send([number]).await;
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for this many more accepted messages.
    async fn more(&self, count: u32) {
        let goal = self.accepted.load(Ordering::Relaxed) + count;
        until("accepted messages", async || {
            let accepted = self.accepted.load(Ordering::Relaxed);
            if accepted >= goal { Ok(()) } else { Err(accepted) }
        })
        .await;
    }

    /// Every accepted message was acknowledged, or is a dead letter.
    async fn check(&self, plain: &Plain, queue: &Queue<u32>) {
        until("an empty queue", async || {
            let messages = plain.stream("queue").await.messages;
            if messages == 0 { Ok(()) } else { Err(messages) }
        })
        .await;
        let dead = queue.dead_letters();
        let letters = until("the dead letters", async || dead.read(0, 100_000).await).await;
        let mut numbers = BTreeSet::new();
        for letter in &letters {
            numbers.insert(dead.decode(letter).await.unwrap());
        }
        let acked = self.acked.lock().unwrap();
        let accepted = self.accepted.load(Ordering::Relaxed);
        let lost: Vec<u32> = (0..accepted)
            .filter(|number| !acked.contains_key(number) && !numbers.contains(number))
            .collect();
        assert!(lost.is_empty(), "of {accepted} accepted messages are lost: {lost:?}");
        let sevens = numbers.iter().filter(|number| **number % 10 == 7).count();
        assert_eq!(sevens, (0..accepted).filter(|number| number % 10 == 7).count());
        let twice = acked.values().filter(|times| **times > 1).count();
        println!("{accepted} messages, {twice} more than once, {} dead", numbers.len());
    }
}

/// Runs senders and receivers, and `fault` so many times in between.
async fn under_load(
    plain: &Plain,
    queue: &Queue<u32>,
    times: u32,
    mut fault: impl AsyncFnMut(),
) -> Oracle {
    let oracle = Oracle::default();
    let working = [4, 2].map(|seats| tokio::spawn(oracle.clone().work(queue.clone(), seats)));
    let sending = tokio::spawn(oracle.clone().send(plain.clone()));
    for _ in 0..times {
        oracle.more(100).await;
        fault().await;
    }
    oracle.more(100).await;
    // The sender ends first; the receivers work until nothing is left.
    oracle.enough.store(true, Ordering::Relaxed);
    timeout(PATIENCE, sending).await.unwrap().unwrap();
    until("an empty queue", async || {
        let messages = plain.stream("queue").await.messages;
        if messages == 0 { Ok(()) } else { Err(messages) }
    })
    .await;
    oracle.stopped.store(true, Ordering::Relaxed);
    for worker in working {
        timeout(PATIENCE, worker).await.unwrap().unwrap();
    }
    oracle
}

fn times(short: u32) -> u32 {
    if is_deep() { 10 * short } else { short }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_loses_no_message() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).max_attempts(100).open::<u32>().await.unwrap();
    let oracle = under_load(&setup.plain, &queue, times(3), async || {
        setup.server.kill();
        setup.server.restart().await;
    })
    .await;
    oracle.check(&setup.plain, &queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_under_load_loses_no_message() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).max_attempts(100).open::<u32>().await.unwrap();
    let oracle = under_load(&setup.plain, &queue, times(2), async || {
        setup.server.pause();
        sleep(LEASE + LEASE / 2).await;
        setup.server.resume();
    })
    .await;
    oracle.check(&setup.plain, &queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_deleted_under_load_is_made_again() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).max_attempts(100).open::<u32>().await.unwrap();
    let oracle = under_load(&setup.plain, &queue, times(3), async || {
        let stream = setup.plain.jetstream.get_stream("levada_queue_jobs").await.unwrap();
        // The one before may not have been made again yet.
        until("a consumer", async || stream.delete_consumer("receivers").await).await;
    })
    .await;
    oracle.check(&setup.plain, &queue).await;
    let consumer = setup.plain.consumer().await;
    assert_eq!(consumer.config.ack_wait, LEASE);
    assert_eq!(consumer.config.max_deliver, -1);
}

#[tokio::test]
async fn leases_of_a_deleted_consumer_are_lost() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let other = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    let delivery = tokio::select! {
        delivery = next(&receiver) => delivery,
        delivery = next(&other) => delivery,
    };
    let stream = setup.plain.jetstream.get_stream("levada_queue_jobs").await.unwrap();
    stream.delete_consumer("receivers").await.unwrap();
    // One of the two has no request at the server that would be told. It finds out.
    timeout(PATIENCE, delivery.lost()).await.unwrap();
    drop(delivery);
    let again = tokio::select! {
        delivery = next(&receiver) => delivery,
        delivery = next(&other) => delivery,
    };
    again.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_deleted_stream_ends_receivers() {
    let setup = Setup::start().await;
    let queue = setup.queue().open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.jetstream.delete_stream("levada_queue_jobs").await.unwrap();
    let end = timeout(PATIENCE, receiver.recv()).await.unwrap();
    assert_eq!(end.unwrap_err(), RecvError::NoStream);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn leaders_that_step_down_under_load_lose_no_message() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let plain = Plain::connect(&cluster.url(0)).await;
    let options = connection.queue("jobs".parse().unwrap()).lease(Duration::from_secs(5));
    let options = options.max_attempts(100).durability(Durability::Replicated);
    let queue = until("a queue", async || options.clone().open::<u32>().await).await;
    // The first receiver makes the consumer.
    until("a receiver", async || queue.receiver(1).await.map(drop)).await;
    let mut turn = 0;
    let oracle = under_load(&plain, &queue, times(4), async || {
        turn += 1;
        if turn % 2 == 0 {
            cluster.step_down("levada_queue_jobs").await;
        } else {
            cluster.step_down_consumer("levada_queue_jobs", "receivers").await;
        }
    })
    .await;
    oracle.check(&plain, &queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reconnects_leaves_nothing_behind() {
    let setup = Setup::start().await;
    let proxy = Proxy::start(setup.server.port());
    let distant = connect(&proxy.url()).await;
    let queue = distant.queue("jobs".parse().unwrap()).open::<u32>().await.unwrap();
    let receiver = queue.receiver(4).await.unwrap();
    setup.plain.send([0]).await;
    next(&receiver).await.ack().await.unwrap();
    let before = subscriptions(&setup).await;
    let mut state = distant.state();
    for number in 1..=times(15) {
        proxy.cut();
        let lost = state.wait_for(|state| !state.is_connected());
        timeout(PATIENCE, lost).await.unwrap().unwrap();
        proxy.heal();
        timeout(PATIENCE, state.wait_for(|state| state.is_connected())).await.unwrap().unwrap();
        setup.plain.send([number]).await;
        let delivery = next(&receiver).await;
        assert_eq!(*delivery, number);
        delivery.ack().await.unwrap();
    }
    assert!(receiver.recoveries() >= u64::from(times(15)));
    until("as many subscriptions as before", async || {
        let now = subscriptions(&setup).await;
        if now <= before { Ok(()) } else { Err((now, before)) }
    })
    .await;
    let account = setup.plain.jetstream.query_account().await.unwrap();
    assert_eq!(account.consumers, 1);
    assert!(setup.plain.consumer().await.num_waiting <= 4);
}

#[tokio::test]
async fn a_connection_that_is_half_open_is_made_anew() {
    let setup = Setup::start().await;
    let proxy = Proxy::start(setup.server.port());
    let distant = connect(&proxy.url()).await;
    let queue = distant.queue("jobs".parse().unwrap()).lease(LEASE).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    next(&receiver).await.ack().await.unwrap();
    let before = proxy.counts().connections;
    proxy.freeze();
    // The client itself would wait for two minutes.
    until("another connection", async || {
        let now = proxy.counts().connections;
        if now > before { Ok(()) } else { Err(now) }
    })
    .await;
    proxy.heal();
    setup.plain.send([8]).await;
    let delivery = next(&receiver).await;
    assert_eq!(*delivery, 8);
    delivery.ack().await.unwrap();
}

/// How many subscriptions the clients of the server have.
async fn subscriptions(setup: &Setup) -> u64 {
    let answer = setup.server.monitor("/connz?subs=1").await.unwrap();
    let connections = answer["connections"].as_array().unwrap();
    connections.iter().map(|c| c["subscriptions"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn attempts_go_on_after_the_server_was_killed() {
    let setup = Setup::start().await;
    let queue = setup.queue().lease(LEASE).max_attempts(100).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.send([7]).await;
    for _ in 0..2 {
        drop(next(&receiver).await);
    }
    let delivery = next(&receiver).await;
    assert_eq!(delivery.attempt(), 3);
    // Renewals are written to the store of the consumer, with the number of deliveries.
    sleep(LEASE).await;
    assert!(!delivery.is_lost());
    setup.server.kill();
    setup.server.restart().await;
    drop(delivery);
    let delivery = next(&receiver).await;
    assert_eq!(delivery.attempt(), 4);
    delivery.ack().await.unwrap();
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn attempts_go_on_after_the_leader_of_the_consumer_stepped_down() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let plain = Plain::connect(&cluster.url(0)).await;
    let options = connection.queue("jobs".parse().unwrap()).lease(Duration::from_secs(3));
    let options = options.max_attempts(100).durability(Durability::Replicated);
    let queue = until("a queue", async || options.clone().open::<u32>().await).await;
    let receiver = until("a receiver", async || queue.receiver(1).await).await;
    plain.send([7]).await;
    for _ in 0..2 {
        drop(next(&receiver).await);
    }
    let mut last = 2;
    for _ in 0..times(2) {
        let delivery = next(&receiver).await;
        // More, if a new leader did not know of a lease and the message was delivered meanwhile.
        assert!(delivery.attempt() > last, "{} after {last}", delivery.attempt());
        last = delivery.attempt();
        // It is renewed at least once.
        sleep(Duration::from_secs(2)).await;
        cluster.step_down_consumer("levada_queue_jobs", "receivers").await;
        drop(delivery);
    }
    let delivery = next(&receiver).await;
    assert!(delivery.attempt() > last, "{} after {last}", delivery.attempt());
    delivery.ack().await.unwrap();
}
