//! Lag is exact, and nothing else is lag.

use crate::support::{expect, next, options, purge, receive_to, send, topic};
use levada_nats::connect;
use levada_nats::topic::{Position, RecvError};
use levada_nats_test::{Server, request, until};
use std::time::Duration;

#[tokio::test]
async fn a_slow_subscriber_gets_the_exact_number_of_missed_messages_and_the_rest_in_order() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(8).read_ahead(4).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    // It fetches the first four, and has no seat for another one.
    send(&topic, 1..=4).await;
    expect(&mut subscriber, 1..=1).await;
    let ahead = subscriber.position();
    assert_eq!(ahead, 2);
    send(&topic, 5..=100).await;

    let (received, missed) = receive_to(&mut subscriber, 100).await;
    assert_eq!(received.len() as u64 + missed, 99);
    assert!(received.ends_with(&[93, 94, 95, 96, 97, 98, 99, 100]), "{received:?}");
    assert!(received.is_sorted());
    assert!(missed > 0);
}

#[tokio::test]
async fn lag_comes_in_the_place_of_what_is_gone_and_only_there() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(8).read_ahead(4).open::<u64>().await.unwrap();
    send(&topic, 1..=100).await;

    let mut subscriber = topic.subscribe_from(1).await.unwrap();
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Lagged(92))));
    assert_eq!(subscriber.position(), 93);
    expect(&mut subscriber, 93..=100).await;
    send(&topic, [101]).await;
    expect(&mut subscriber, [101]).await;
}

#[tokio::test]
async fn one_seat_is_enough() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(2).read_ahead(1).open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    for round in 0..20 {
        send(&topic, round * 5..round * 5 + 5).await;
        let (received, missed) = receive_to(&mut subscriber, round * 5 + 4).await;
        assert_eq!(received.len() as u64 + missed, 5, "{received:?} {missed}");
    }
}

#[tokio::test]
async fn purged_messages_are_missed_messages_even_if_none_follows() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    send(&topic, 1..=10).await;
    let mut subscriber = topic.subscribe_from(Position::First).await.unwrap();
    // Nothing was fetched beyond this if the purge comes first; if not, it is received.
    purge(&server.url()).await;
    let (mut received, mut missed) = (0, 0);
    while received + missed < 10 {
        match next(&mut subscriber).await {
            Ok(number) => {
                received += 1;
                assert_eq!(number, received);
            }
            Err(RecvError::Lagged(n)) => missed += n,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(received + missed, 10);
    // A purge of what was received already is no lag.
    send(&topic, [11]).await;
    expect(&mut subscriber, [11]).await;
    purge(&server.url()).await;
    send(&topic, [12]).await;
    expect(&mut subscriber, [12]).await;
}

#[tokio::test]
async fn messages_that_a_slow_subscriber_let_expire_are_missed_even_if_none_follows() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let options = options(&connection).max_age(Duration::from_millis(200)).read_ahead(1);
    let topic = options.open::<u64>().await.unwrap();
    let mut subscriber = topic.subscribe().await.unwrap();
    send(&topic, 1..=10).await;
    until("messages that are expired", async || {
        let info = request(&server.url(), "$JS.API.STREAM.INFO.levada_topic_numbers", "").await;
        let left =
            info.map(|info| info["state"]["messages"].as_u64()).map_err(|e| e.to_string())?;
        if left == Some(0) { Ok(()) } else { Err(format!("{left:?} left")) }
    })
    .await;

    let (mut received, mut missed) = (0, 0);
    while received + missed < 10 {
        match next(&mut subscriber).await {
            Ok(_) => received += 1,
            Err(RecvError::Lagged(n)) => missed += n,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(received + missed, 10);
    assert!(missed >= 8, "{missed}");
}

#[tokio::test]
async fn duplicates_and_refused_messages_are_no_lag() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    let mut subscriber = topic.subscribe().await.unwrap();
    for number in 1..=20 {
        for _ in 0..3 {
            topic.send(number).id(number.to_string()).await.unwrap();
        }
        topic.send(0).id("").await.unwrap_err();
    }
    expect(&mut subscriber, 1..=20).await;
}

#[tokio::test]
async fn a_message_that_was_deleted_alone_is_one_missed_message_in_its_place() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    send(&topic, 1..=5).await;
    let subject = "$JS.API.STREAM.MSG.DELETE.levada_topic_numbers";
    request(&server.url(), subject, r#"{"seq":3}"#).await.unwrap();
    let mut subscriber = topic.subscribe_from(1).await.unwrap();
    expect(&mut subscriber, 1..=2).await;
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Lagged(1))));
    expect(&mut subscriber, 4..=5).await;
}

#[tokio::test]
async fn the_last_message_that_was_deleted_alone_is_missed_even_if_none_follows() {
    let server = Server::start().await;
    let (_connection, topic) = topic(&server).await;
    send(&topic, 1..=3).await;
    let subject = "$JS.API.STREAM.MSG.DELETE.levada_topic_numbers";
    request(&server.url(), subject, r#"{"seq":3}"#).await.unwrap();
    let mut subscriber = topic.subscribe_from(1).await.unwrap();
    expect(&mut subscriber, 1..=2).await;
    assert!(matches!(next(&mut subscriber).await, Err(RecvError::Lagged(1))));
    send(&topic, [4]).await;
    expect(&mut subscriber, [4]).await;
}

#[tokio::test]
async fn no_pace_of_a_subscriber_makes_lag_that_is_none() {
    const LAST: u64 = 3_000;
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let mut receivers = Vec::new();
    for read_ahead in [1, 2, 3, 7, 64, 1_000] {
        let options = options(&connection).keep(LAST).read_ahead(read_ahead);
        let mut subscriber = options.open::<u64>().await.unwrap().subscribe().await.unwrap();
        receivers.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(read_ahead as u64);
            for number in 1..=LAST {
                if random.u32(..50) == 0 {
                    tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
                }
                assert_eq!(next(&mut subscriber).await.unwrap(), number);
            }
        }));
    }
    let topic = options(&connection).keep(LAST).open::<u64>().await.unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 1..=LAST {
        send(&topic, [number]).await;
        if random.u32(..200) == 0 {
            tokio::time::sleep(Duration::from_millis(random.u64(..50))).await;
        }
    }
    for receiver in receivers {
        receiver.await.unwrap();
    }
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_holds_neither_senders_nor_others_back() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let topic = options(&connection).keep(10).read_ahead(2).open::<u64>().await.unwrap();
    let mut stalled = topic.subscribe().await.unwrap();
    let mut quick = topic.subscribe().await.unwrap();
    for number in 1..=200 {
        send(&topic, [number]).await;
        expect(&mut quick, [number]).await;
    }
    let (received, missed) = receive_to(&mut stalled, 200).await;
    assert_eq!(received.len() as u64 + missed, 200);
    assert!(missed >= 180, "{missed}");
}
