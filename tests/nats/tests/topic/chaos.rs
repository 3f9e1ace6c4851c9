//! Faults at random, and an account of every message.

use crate::support::{STREAM, consumers, delete_consumer, options};
use levada_nats::topic::{RecvError, SendError, Subscriber, Topic};
use levada_nats::{ConnectOptions, Connection, Durability};
use levada_nats_test::{Cluster, PATIENCE, Proxy, Server, is_deep, until};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn connection(url: &str) -> Connection {
    // Each by its own server.
    let options = ConnectOptions::new().ignore_discovered_servers();
    options.request_timeout(Duration::from_secs(1)).connect(url).await.unwrap()
}

/// Sends until it should end, each message until it is known to be stored. Returns the number of
/// each message, by its sequence number.
async fn send(topic: Topic<u64>, ends: Arc<AtomicBool>) -> BTreeMap<u64, u64> {
    let mut stored = BTreeMap::new();
    for number in 1.. {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let sent = timeout(PATIENCE, async {
            loop {
                match topic.send(number).id(number.to_string()).await {
                    Ok(sent) => break sent,
                    Err(SendError::Unknown(_) | SendError::Disconnected(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let seq = sent.await.unwrap().seq;
        assert_eq!(stored.insert(seq, number), None, "{seq} is given twice");
        sleep(Duration::from_millis(1)).await;
    }
    stored
}

/// What a subscriber got: the number of each message by its sequence number, and how many are gone.
type Received = (BTreeMap<u64, u64>, u64);

/// Receives everything up to the number `u64::MAX`, with pauses.
async fn receive(mut subscriber: Subscriber<u64>, pace: u64) -> Received {
    let mut random = fastrand::Rng::with_seed(pace);
    let (mut received, mut missed, mut expected) = (BTreeMap::new(), 0, subscriber.position());
    while received.last_key_value().map(|(_, number)| *number) != Some(u64::MAX) {
        if random.u64(..50) < pace {
            sleep(Duration::from_millis(random.u64(..100 * pace))).await;
        }
        match timeout(PATIENCE, subscriber.recv()).await.expect("a message or an error") {
            Ok(message) => {
                assert_eq!(message.seq(), expected);
                received.insert(message.seq(), *message);
                expected += 1;
            }
            Err(RecvError::Lagged(n)) => {
                missed += n;
                expected += n;
            }
            Err(error) => panic!("{error} at {expected}"),
        }
        assert_eq!(subscriber.position(), expected);
    }
    (received, missed)
}

/// One fault, after which everything works again.
async fn fault(random: &mut fastrand::Rng, server: &Server, proxy: &Proxy) {
    let moment = Duration::from_millis(random.u64(..400));
    match random.u8(..6) {
        0 => {
            server.kill();
            sleep(moment).await;
            server.restart().await;
        }
        1 => {
            server.pause();
            sleep(moment).await;
            server.resume();
        }
        2 => {
            proxy.cut();
            sleep(moment).await;
            proxy.heal();
        }
        3 => {
            proxy.freeze();
            sleep(moment).await;
            proxy.heal();
        }
        4 => {
            proxy.drop_replies();
            sleep(moment).await;
            proxy.heal();
        }
        _ => {
            for name in consumers(&server.url()).await.unwrap() {
                // It may be gone by now.
                let _ = delete_consumer(&server.url(), &name).await;
            }
        }
    }
}

/// One fault of a cluster, after which it is whole again.
async fn fault_of_cluster(random: &mut fastrand::Rng, cluster: &Cluster) {
    let (moment, node) = (Duration::from_millis(random.u64(..3_000)), random.usize(..3));
    match random.u8(..5) {
        0 => {
            cluster.step_down(STREAM).await;
        }
        1 => {
            cluster.kill(node);
            sleep(moment).await;
            cluster.restart(node).await;
        }
        2 => {
            cluster.partition(node);
            sleep(moment).await;
            cluster.heal(node);
        }
        3 => {
            cluster.pause(node);
            sleep(moment).await;
            cluster.resume(node);
        }
        _ => {
            for name in consumers(&cluster.url(node)).await.unwrap_or_default() {
                // It may be gone by now.
                let _ = delete_consumer(&cluster.url(node), &name).await;
            }
        }
    }
    cluster.ready().await;
}

/// Sends by the first of these servers, receives by all of them, each at its pace, while faults
/// happen, and accounts for every message.
async fn account(
    servers: &[(String, u64)],
    durability: Durability,
    faults: impl Future<Output = ()>,
) {
    let ends = Arc::new(AtomicBool::new(false));
    let (mut topics, mut receivers) = (Vec::new(), Vec::new());
    for (url, pace) in servers {
        let connection = connection(url).await;
        let topic = until("a topic", async || {
            let options = options(&connection).keep(60).durability(durability);
            options.read_ahead(1 + 20 * *pace as usize).open::<u64>().await
        })
        .await;
        let subscriber = until("a subscriber", async || topic.subscribe().await).await;
        receivers.push(tokio::spawn(receive(subscriber, *pace)));
        topics.push(topic);
    }
    let topic = topics[0].clone();
    let sender = tokio::spawn(send(topic.clone(), ends.clone()));
    faults.await;
    ends.store(true, Ordering::Relaxed);
    let mut stored = sender.await.unwrap();
    let last = until("the last message", async || topic.send(u64::MAX).id("last").await).await.seq;
    stored.insert(last, u64::MAX);
    // Each number is that of a message: none was stored twice.
    assert!(stored.keys().copied().eq(1..=last));
    for receiver in receivers {
        let (received, missed) = receiver.await.unwrap();
        println!("{} of {last} received, {missed} missed", received.len());
        assert_eq!(received.len() as u64 + missed, last);
        assert!(received.iter().all(|(seq, number)| stored[seq] == *number));
    }
    until("no consumer is left", async || match consumers(&servers[0].0).await {
        Ok(names) if names.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

fn dice() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

#[tokio::test]
async fn faults_at_random_lose_repeat_and_reorder_nothing() {
    let mut random = dice();
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let servers = [(server.url(), 2), (proxy.url(), 0), (proxy.url(), 1), (proxy.url(), 4)];
    account(&servers, Durability::Lazy, async {
        for _ in 0..if is_deep() { 200 } else { 12 } {
            fault(&mut random, &server, &proxy).await;
            sleep(Duration::from_millis(random.u64(..300))).await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn faults_of_a_cluster_at_random_lose_repeat_and_reorder_nothing() {
    let mut random = dice();
    let cluster = Cluster::start(3).await;
    let servers: Vec<_> = cluster.urls().into_iter().zip([0, 1, 3]).collect();
    account(&servers, Durability::Replicated, async {
        for _ in 0..if is_deep() { 40 } else { 4 } {
            fault_of_cluster(&mut random, &cluster).await;
            sleep(Duration::from_millis(random.u64(..500))).await;
        }
    })
    .await;
}
