//! Three servers.

use crate::support::{STREAM, expect, insist, options, subscribe, until_consumers};
use levada_nats::topic::{Position, Topic};
use levada_nats::{ConnectOptions, Durability};
use levada_nats_test::Cluster;
use std::time::Duration;

/// The topic through the node `index`, and only through it.
async fn topic(cluster: &Cluster, index: usize) -> Topic<u64> {
    let timeout = Duration::from_secs(3);
    let connecting = ConnectOptions::new().request_timeout(timeout).ignore_discovered_servers();
    let connection = connecting.connect(&cluster.url(index)).await.unwrap();
    levada_nats_test::until("a topic with three replicas", async || {
        options(&connection).durability(Durability::Replicated).open().await
    })
    .await
}

/// The node that is neither of these.
fn third(one: usize, two: usize) -> usize {
    (0..3).find(|index| *index != one && *index != two).unwrap()
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn leaders_that_step_down_lose_and_repeat_nothing() {
    let cluster = Cluster::start(3).await;
    let topic = topic(&cluster, 0).await;
    let mut subscriber = subscribe(&topic, Position::Next).await;
    for round in 0..4 {
        let sending = async {
            for number in round * 30..round * 30 + 30 {
                insist(&topic, number).await;
            }
        };
        let (_, ()) = tokio::join!(cluster.step_down(STREAM), sending);
        expect(&mut subscriber, round * 30..round * 30 + 30).await;
    }
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_killed_node_that_has_the_consumer_loses_and_repeats_nothing() {
    let cluster = Cluster::start(3).await;
    let first = topic(&cluster, 0).await;
    let leader = cluster.stream_leader(STREAM).await;
    // Three subscribers: their consumers are on nodes that the server chooses.
    let mut subscribers = Vec::new();
    for _ in 0..3 {
        subscribers.push(subscribe(&first, Position::Next).await);
    }
    let mut at = Vec::new();
    for name in until_consumers(&cluster.url(0), 3).await {
        at.push(cluster.consumer_leader(STREAM, &name).await);
    }
    let victim = at.into_iter().find(|node| *node != 0).unwrap_or(third(0, leader));
    for number in 0..20 {
        insist(&first, number).await;
    }
    let sending = async {
        for number in 20..60 {
            insist(&first, number).await;
        }
    };
    let killing = async {
        cluster.kill(victim);
    };
    tokio::join!(sending, killing);
    for subscriber in &mut subscribers {
        expect(subscriber, 0..60).await;
    }
    cluster.restart(victim).await;
    cluster.ready().await;
    insist(&first, 60).await;
    for subscriber in &mut subscribers {
        expect(subscriber, [60]).await;
    }
    drop(subscribers);
    until_consumers(&cluster.url(0), 0).await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_partitioned_node_delivers_what_was_sent_meanwhile_once_it_is_back() {
    let cluster = Cluster::start(3).await;
    let here = topic(&cluster, 0).await;
    let there = topic(&cluster, 1).await;
    let mut subscriber = subscribe(&here, Position::Next).await;
    for number in 0..10 {
        insist(&there, number).await;
    }
    expect(&mut subscriber, 0..10).await;
    cluster.partition(0);
    for number in 10..30 {
        insist(&there, number).await;
    }
    cluster.heal(0);
    for number in 30..40 {
        insist(&there, number).await;
    }
    expect(&mut subscriber, 10..40).await;
    let mut all = subscribe(&there, Position::First).await;
    expect(&mut all, 0..40).await;
}
