//! A subscriber has one consumer, and leaves none.

use crate::support::{
    consumers, delete_consumer, expect, insist, options, send, topic, until_consumers,
};
use levada_nats::{ConnectOptions, connect};
use levada_nats_test::{Proxy, Server, until};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_dropped_subscriber_has_no_consumer() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let kept = topic.subscribe().await.unwrap();
    let mut subscribers = Vec::new();
    for _ in 0..5 {
        subscribers.push(topic.subscribe().await.unwrap());
    }
    until_consumers(&server.url(), 6).await;
    // One that has messages, and one that waits.
    send(&topic, 1..=5).await;
    expect(&mut subscribers[0], 1..=2).await;
    drop(subscribers);
    until_consumers(&server.url(), 1).await;
    drop(kept);
    until_consumers(&server.url(), 0).await;
}

#[tokio::test]
async fn the_server_removes_the_consumer_of_a_program_that_is_gone() {
    let server = Server::start().await;
    let (kept, topic) = topic(&server).await;
    let connection = connect(&server.url()).await.unwrap();
    let other = options(&connection).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    let gone = other.subscribe().await.unwrap();
    until_consumers(&server.url(), 2).await;
    // It ends without a request for its consumer.
    connection.close().await;
    until_consumers(&server.url(), 1).await;
    insist(&topic, 7).await;
    expect(&mut subscriber, [7]).await;
    drop((gone, kept));
}

#[tokio::test]
async fn a_subscriber_whose_consumer_is_deleted_loses_and_repeats_nothing() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    let mut before = until_consumers(&server.url(), 1).await;
    for round in 0..8 {
        let numbers = round * 100..round * 100 + 100;
        let middle = numbers.start + 50;
        send(&topic, numbers.start..middle).await;
        for name in &before {
            delete_consumer(&server.url(), name).await.unwrap();
        }
        send(&topic, middle..numbers.end).await;
        expect(&mut subscriber, numbers).await;
        let after = until_consumers(&server.url(), 1).await;
        assert!(after.is_disjoint(&before));
        before = after;
    }
}

#[tokio::test]
async fn reconnect_storms_leak_no_consumer() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let options = ConnectOptions::new().request_timeout(Duration::from_millis(500));
    let connection = options.connect(&proxy.url()).await.unwrap();
    let topic = crate::support::options(&connection).keep(100_000).open::<u64>().await.unwrap();
    let mut subscribers = Vec::new();
    for _ in 0..10 {
        subscribers.push(topic.subscribe().await.unwrap());
    }
    until_consumers(&server.url(), 10).await;
    let mut most = 0;
    for round in 0..30 {
        proxy.cut();
        proxy.heal();
        insist(&topic, round).await;
        most = most.max(consumers(&server.url()).await.unwrap().len());
    }
    assert!(most <= 10, "{most} consumers of 10 subscribers");
    for subscriber in &mut subscribers {
        expect(subscriber, 0..30).await;
    }
    until_consumers(&server.url(), 10).await;
    drop(subscribers);
    until_consumers(&server.url(), 0).await;
    // The client's own subscriptions are gone with them.
    until("no subscription to an inbox of a subscriber", async || {
        let subscriptions = server.monitor("/subsz?subs=1").await.map_err(|e| e.to_string())?;
        let list = subscriptions["subscriptions_list"].as_array().cloned().unwrap_or_default();
        let inboxes = list.iter().filter_map(|entry| entry["subject"].as_str());
        let inboxes: Vec<_> = inboxes
            .filter(|subject| subject.starts_with("_INBOX.") && !subject.ends_with('*'))
            .map(str::to_owned)
            .collect();
        if inboxes.is_empty() { Ok(()) } else { Err(format!("{inboxes:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_may_lose_its_consumer_and_goes_on() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).read_ahead(4).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=100).await;
    // It has no free seat and asks for nothing: it cannot notice.
    for name in until_consumers(&server.url(), 1).await {
        delete_consumer(&server.url(), &name).await.unwrap();
    }
    until_consumers(&server.url(), 0).await;
    expect(&mut subscriber, 1..=100).await;
    until_consumers(&server.url(), 1).await;
}

/// The number in the name of a subscriber's consumer, which counts those that it made.
fn serial(names: &BTreeSet<String>) -> u64 {
    names.iter().filter_map(|name| name.rsplit('-').next()?.parse::<u64>().ok()).max().unwrap()
}

#[tokio::test]
async fn a_consumer_that_is_always_deleted_is_not_made_in_a_hot_loop() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    let mut made = BTreeSet::new();
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        for name in consumers(&server.url()).await.unwrap() {
            delete_consumer(&server.url(), &name).await.unwrap();
            made.insert(name);
        }
    }
    // After at most a tenth of a second, then 1, 2 and 4 seconds, of each at least a half; or
    // later, if a request is on the way when the consumer is deleted: the server does not answer it
    // then.
    assert!((2..=6).contains(&made.len()), "{made:?}");
    send(&topic, 1..=10).await;
    expect(&mut subscriber, 1..=10).await;
    let serial = serial(&until_consumers(&server.url(), 1).await);
    assert!(serial <= 7, "{serial}");
}

#[tokio::test]
async fn subscribers_that_get_nothing_or_take_nothing_keep_their_consumer() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let options = options(&connection).read_ahead(8);
    let topic = options.open::<u64>().await.unwrap();
    let [mut idle, mut half, mut full] = [
        topic.subscribe().await.unwrap(),
        topic.subscribe().await.unwrap(),
        topic.subscribe().await.unwrap(),
    ];
    // One has room for more and takes nothing, one has no room.
    send(&topic, 1..=6).await;
    expect(&mut idle, 1..=6).await;
    let before = until_consumers(&server.url(), 3).await;
    // Longer than two heartbeats, after which a subscriber would make another one.
    assert!(timeout(Duration::from_secs(13), idle.recv()).await.is_err());
    send(&topic, 7..=20).await;
    expect(&mut full, 1..=20).await;
    expect(&mut half, 1..=20).await;
    expect(&mut idle, 7..=20).await;
    assert_eq!(until_consumers(&server.url(), 3).await, before);
}
