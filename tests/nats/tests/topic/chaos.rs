//! Faults at random, and an account of every message.

use crate::support::{consumers, delete_consumer, options};
use levada_nats::topic::{RecvError, SendError, Subscriber, Topic};
use levada_nats::{ConnectOptions, Connection};
use levada_nats_test::{PATIENCE, Proxy, Server, is_deep, until};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn connection(url: &str) -> Connection {
    ConnectOptions::new().request_timeout(Duration::from_secs(1)).connect(url).await.unwrap()
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

#[tokio::test]
async fn faults_at_random_lose_repeat_and_reorder_nothing() {
    let (faults, seed) = (if is_deep() { 200 } else { 12 }, fastrand::u64(..));
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let direct = connection(&server.url()).await;
    let topic = options(&direct).keep(60).open::<u64>().await.unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let mut receivers = Vec::new();
    let mut connections = Vec::new();
    for (url, pace) in [(proxy.url(), 0), (proxy.url(), 1), (proxy.url(), 4), (server.url(), 2)] {
        let connection = connection(&url).await;
        let options = options(&connection).keep(60).read_ahead(1 + 20 * pace as usize);
        let subscriber = options.open::<u64>().await.unwrap().subscribe().await.unwrap();
        receivers.push(tokio::spawn(receive(subscriber, pace)));
        connections.push(connection);
    }
    let sender = tokio::spawn(send(topic.clone(), ends.clone()));
    for _ in 0..faults {
        fault(&mut random, &server, &proxy).await;
        sleep(Duration::from_millis(random.u64(..300))).await;
    }
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
    until("no consumer is left", async || match consumers(&server.url()).await {
        Ok(names) if names.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
