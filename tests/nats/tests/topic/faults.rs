//! Servers that are killed and paused, links that break.

use crate::support::{expect, insist, next, options, send, subscribe, topic};
use levada_nats::topic::{Position, RecvError, SubscribeError, Subscriber, Topic};
use levada_nats::{ConnectOptions, connect};
use levada_nats_test::{Proxy, Server};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sends these numbers, each until it is stored, while `fault` happens.
async fn send_meanwhile(
    topic: &Topic<u64>,
    numbers: impl IntoIterator<Item = u64>,
    fault: impl Future<Output = ()>,
) {
    let sending = async {
        for number in numbers {
            insist(topic, number).await;
        }
    };
    tokio::join!(sending, fault);
}

/// The numbers that a subscriber received, which must be `1..=last` in this order.
async fn receive_all(mut subscriber: Subscriber<u64>, last: u64) {
    expect(&mut subscriber, 1..=last).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_server_was_killed() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    for round in 0..3 {
        send(&topic, round * 50 + 1..=round * 50 + 50).await;
        server.kill();
        server.restart().await;
        let subscriber = subscribe(&topic, Position::First).await;
        receive_all(subscriber, round * 50 + 50).await;
    }
}

#[tokio::test]
async fn a_killed_server_loses_and_repeats_nothing_for_a_subscriber() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let subscribers = [topic.subscribe().await.unwrap(), topic.subscribe().await.unwrap()];
    let receivers = subscribers.map(|subscriber| tokio::spawn(receive_all(subscriber, 400)));
    for round in 0..4 {
        let numbers = round * 100 + 1..=round * 100 + 100;
        send_meanwhile(&topic, numbers, async {
            server.kill();
            server.restart().await;
        })
        .await;
    }
    for receiver in receivers {
        receiver.await.unwrap();
    }
    let again = subscribe(&topic, Position::First).await;
    receive_all(again, 400).await;
}

#[tokio::test]
async fn a_subscriber_that_is_not_polled_during_a_restart_goes_on() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=5).await;
    expect(&mut subscriber, 1..=1).await;
    for round in 1..=3 {
        server.kill();
        server.restart().await;
        // Its task polls, whether or not the subscriber does.
        for number in round * 5 + 1..=round * 5 + 5 {
            insist(&topic, number).await;
        }
    }
    expect(&mut subscriber, 2..=20).await;
}

#[tokio::test]
async fn a_link_that_breaks_again_and_again_loses_and_repeats_nothing() {
    let server = Server::start().await;
    let (_connection, sender) = topic(&server).await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let topic = options(&connection).open::<u64>().await.unwrap();
    let subscriber = topic.subscribe().await.unwrap();
    let receiver = tokio::spawn(receive_all(subscriber, 600));
    for round in 0..12 {
        let numbers = round * 50 + 1..=round * 50 + 50;
        send_meanwhile(&sender, numbers, async {
            proxy.cut();
            proxy.heal();
        })
        .await;
    }
    receiver.await.unwrap();
}

#[tokio::test]
async fn messages_that_are_lost_on_the_way_are_no_lag() {
    let server = Server::start().await;
    let (_connection, sender) = topic(&server).await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let topic = options(&connection).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    for round in 0..3 {
        let first = round * 20 + 1;
        send(&sender, first..first + 10).await;
        expect(&mut subscriber, first..first + 10).await;
        // The server sends them, and counts them as sent.
        proxy.drop_replies();
        send(&sender, first + 10..first + 20).await;
        proxy.heal();
        expect(&mut subscriber, first + 10..first + 20).await;
    }
}

#[tokio::test]
async fn a_half_open_link_is_noticed_and_nothing_is_lost_or_repeated() {
    let server = Server::start().await;
    let (_connection, sender) = topic(&server).await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let topic = options(&connection).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&sender, 1..=5).await;
    expect(&mut subscriber, 1..=5).await;
    proxy.freeze();
    send(&sender, 6..=10).await;
    // The subscriber sees no heartbeat, and cannot make another consumer.
    tokio::time::timeout(Duration::from_secs(15), next(&mut subscriber)).await.unwrap_err();
    send(&sender, 11..=15).await;
    proxy.heal();
    // What was frozen arrives as well, late.
    expect(&mut subscriber, 6..=15).await;
}

#[tokio::test]
async fn a_paused_server_loses_and_repeats_nothing() {
    let server = Server::start().await;
    let options = ConnectOptions::new().request_timeout(Duration::from_secs(2));
    let connection = options.connect(&server.url()).await.unwrap();
    let topic = crate::support::options(&connection).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=5).await;
    expect(&mut subscriber, 1..=3).await;
    server.pause();
    // It may do one thing or another before it stops. Then an outcome is unknown.
    let mut number = 6;
    while topic.send(number).id(number.to_string()).await.is_ok() {
        number += 1;
    }
    // Longer than it takes to notice that nothing comes. What was stored may come before.
    let mut received = 3;
    let silence = tokio::time::timeout(Duration::from_secs(12), async {
        loop {
            assert_eq!(next(&mut subscriber).await.unwrap(), received + 1);
            received += 1;
        }
    });
    silence.await.unwrap_err();
    server.resume();
    let last = number + 10;
    for number in number..=last {
        insist(&topic, number).await;
    }
    expect(&mut subscriber, received + 1..=last).await;
}

/// The folder where a server stores. Its configuration names it, and its command line that.
fn store(server: &Server) -> PathBuf {
    let line = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    let line = String::from_utf8(line).unwrap();
    let config = line.split('\0').find(|word| word.ends_with("server.conf")).unwrap();
    PathBuf::from(config).with_file_name("store")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_that_lost_its_newest_messages_is_noticed() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=10).await;
    expect(&mut subscriber, 1..=10).await;
    let store = store(&server);
    let copied = store.with_file_name("copied");
    server.kill();
    copy(&store, &copied);
    server.restart().await;
    for number in 11..=20 {
        insist(&topic, number).await;
    }
    expect(&mut subscriber, 11..=20).await;
    let position = subscriber.position();

    // As after a loss of power: the server is back where it was.
    server.kill();
    std::fs::remove_dir_all(&store).unwrap();
    copy(&copied, &store);
    server.restart().await;
    assert!(matches!(
        next(&mut subscriber).await,
        Err(RecvError::Rewound { expected: 21, next: 11 })
    ));
    assert!(matches!(
        topic.subscribe_from(position).await,
        Err(SubscribeError::Ahead { position: 21, next: 11 })
    ));
    for number in 31..=40 {
        insist(&topic, number).await;
    }
    expect(&mut subscriber, 31..=40).await;
}
