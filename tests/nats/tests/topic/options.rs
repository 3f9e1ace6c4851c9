//! What a topic is opened with.

use crate::support::{options, send};
use levada_nats::codec::Raw;
use levada_nats::topic::Position;
use levada_nats::{ConnectOptions, Durability, OpenError, connect};
use levada_nats_test::{Server, request};
use std::time::Duration;

#[tokio::test]
async fn other_settings_than_those_of_the_topic_are_an_error_that_names_them() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let hour = Duration::from_secs(3_600);
    let wanted = || options(&connection).keep(100).max_age(hour).max_bytes(1 << 20);
    let topic = wanted().open::<u64>().await.unwrap();
    send(&topic, [7]).await;
    // The same again is no difference, nor is what concerns this program alone.
    wanted().read_ahead(3).open::<u64>().await.unwrap();
    for (options, setting) in [
        (wanted().keep(101), "max_msgs is 100, not 101"),
        (wanted().max_age(hour * 2), "max_age is 3600000000000, not 7200000000000"),
        (wanted().max_bytes(1 << 21), "max_bytes is 1048576, not 2097152"),
        (wanted().max_age(Duration::from_secs(1)), "duplicate_window"),
    ] {
        let error = options.open::<u64>().await.unwrap_err();
        assert!(matches!(&error, OpenError::Differs { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(setting) && text.contains("levada_topic_numbers"), "{text}");
    }
    // Nothing of it changed the topic.
    let mut subscriber = topic.subscribe_from(Position::First).await.unwrap();
    assert_eq!(subscriber.recv().await.unwrap().seq(), 1);
}

#[tokio::test]
async fn a_limit_that_was_left_out_is_a_difference_as_well() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let limited = options(&connection).max_age(Duration::from_secs(60)).max_bytes(1_000);
    limited.open::<u64>().await.unwrap();
    let error = options(&connection).open::<u64>().await.unwrap_err().to_string();
    for setting in ["max_age", "max_bytes"] {
        assert!(error.contains(setting), "{error}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_before_anything_is_made() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    for options in [
        options(&connection).keep(0),
        options(&connection).keep(u64::MAX),
        options(&connection).max_bytes(0),
        options(&connection).max_bytes(u64::MAX),
        options(&connection).max_age(Duration::ZERO),
        options(&connection).max_age(Duration::from_millis(99)),
        options(&connection).max_age(Duration::MAX),
        options(&connection).read_ahead(0),
        options(&connection).read_ahead(usize::MAX),
    ] {
        let stored = options.clone().open::<u64>().await.unwrap_err();
        assert!(matches!(&stored, OpenError::Settings(text) if text.contains("numbers")));
        assert!(matches!(options.open_lossy::<u64>(), Err(OpenError::Settings(_))));
    }
    let account = request(&server.url(), "$JS.API.INFO", "").await.unwrap();
    assert_eq!(account["streams"], 0);
}

#[tokio::test]
async fn the_extremes_are_taken() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let shortest =
        connection.topic("shortest".parse().unwrap()).max_age(Duration::from_millis(100));
    shortest.open::<u64>().await.unwrap();
    let least = connection.topic("least".parse().unwrap()).keep(1).max_bytes(1).read_ahead(1);
    least.open::<u64>().await.unwrap();
    let most = connection.topic("most".parse().unwrap()).keep(i64::MAX as u64).read_ahead(32_768);
    let topic = most.open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, [7]).await;
    assert_eq!(*subscriber.recv().await.unwrap(), 7);
}

#[tokio::test]
async fn three_replicas_without_a_cluster_are_refused() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let replicated = options(&connection).durability(Durability::Replicated);
    let error = replicated.open::<u64>().await.unwrap_err();
    assert!(matches!(error, OpenError::Replicas { .. }), "{error}");
}

#[tokio::test]
async fn a_codec_of_ones_own_travels() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).open_with::<String>(Raw).await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    for text in ["", "\0\r\n\u{1f30a}"] {
        topic.send(text.to_owned()).await.unwrap();
        assert_eq!(*subscriber.recv().await.unwrap(), text);
    }
}

#[tokio::test]
async fn namespaces_see_nothing_of_each_other() {
    let server = Server::start().await;
    let mut topics = Vec::new();
    for namespace in ["one", "two"] {
        let options = ConnectOptions::new().namespace(namespace.parse().unwrap());
        let connection = options.connect(&server.url()).await.unwrap();
        topics.push(crate::support::options(&connection).open::<u64>().await.unwrap());
    }
    let mut subscriber = topics[0].subscribe().await.unwrap();
    send(&topics[1], 1..=5).await;
    send(&topics[0], [7]).await;
    assert_eq!(*subscriber.recv().await.unwrap(), 7);
}
