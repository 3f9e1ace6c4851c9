//! What becomes of a value that is sent.

use crate::support::{cell, is_connected, name, shows, stall};
use bytes::Bytes;
use levada_nats::cell::SendError;
use levada_nats::codec::{Codec, CodecError};
use levada_nats::{ConnectOptions, OpenError, connect};
use levada_nats_test::{Proxy, Server};
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guarantee_4_a_compare_and_set_has_one_winner() {
    let server = Server::start().await;
    let mut cells = Vec::new();
    for _ in 0..4 {
        cells.push(cell(&server.url(), "winner", 0).await);
    }
    let seen = cells[0].borrow().revision();
    let mut racing = JoinSet::new();
    for value in 1..=32 {
        let cell = cells[value as usize % 4].clone();
        racing.spawn(async move { (value, cell.compare_and_set(seen, value).await) });
    }
    let ended = racing.join_all().await;
    assert_eq!(ended.len(), 32);
    let won: Vec<_> = ended.iter().filter(|(_, end)| end.is_ok()).collect();
    let [(winner, Ok(revision))] = &won[..] else { panic!("{won:?}") };
    for (value, end) in &ended {
        match end {
            Ok(_) => assert_eq!(value, winner),
            Err(SendError::Changed { value: back, current }) => {
                assert_eq!((back, current), (value, revision));
            }
            Err(error) => panic!("{error}"),
        }
    }
    for cell in &cells {
        shows(cell, winner).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guarantee_4_send_if_loses_no_increment() {
    let server = Server::start().await;
    let mut counting = JoinSet::new();
    for _ in 0..4 {
        let cell = cell(&server.url(), "total", 0).await;
        for _ in 0..2 {
            let cell = cell.clone();
            counting.spawn(async move {
                for _ in 0..25 {
                    cell.send_if(|total| Some(total + 1)).await.unwrap().unwrap();
                }
            });
        }
    }
    assert_eq!(counting.join_all().await.len(), 8);
    assert_eq!(*cell(&server.url(), "total", 0).await.borrow(), 200);
}

#[tokio::test]
async fn send_if_that_leaves_the_value_has_seen_the_newest() {
    let server = Server::start().await;
    let (blind, other) =
        (cell(&server.url(), "seen", 0).await, cell(&server.url(), "seen", 0).await);
    stall(&server.url(), "seen").await;
    other.send(1).await.unwrap();
    // What it knows is 0, unless the comparison with the server was just now.
    let mut seen = Vec::new();
    let sent = blind.send_if(|value| {
        seen.push(*value);
        (*value == 1).then_some(2)
    });
    assert!(sent.await.unwrap().is_some());
    assert_eq!(seen.last(), Some(&1));
    assert_eq!(*blind.borrow(), 2);
    assert_eq!(blind.send_if(|_| None).await.unwrap(), None);
}

/// A codec that has no bytes for odd numbers.
struct Even;

impl Codec<u8> for Even {
    fn encode(&self, value: &u8) -> Result<Bytes, CodecError> {
        if value.is_multiple_of(2) { Ok(vec![*value].into()) } else { Err("it is odd".into()) }
    }

    fn decode(&self, bytes: &Bytes) -> Result<u8, CodecError> {
        bytes.first().copied().ok_or_else(|| "it is empty".into())
    }
}

#[tokio::test]
async fn an_error_has_the_value_and_says_what_to_do() {
    let server = Server::builder().max_payload(1024).start().await;
    let connection = connect(&server.url()).await.unwrap();
    let texts = connection.cell(name("texts")).open(String::new()).await.unwrap();
    let long = "x".repeat(2000);
    let error = texts.send(long.clone()).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { len: 2002, max: 1024, .. }), "{error}");
    assert!(error.to_string().contains("max_payload"), "{error}");
    assert_eq!(error.into_value(), long);
    let error = connection.cell(name("long")).open(long).await.unwrap_err();
    assert!(matches!(&error, OpenError::Settings(text) if text.contains("2002 bytes")), "{error}");

    let even = connection.cell(name("even")).open_with(2, Even).await.unwrap();
    let error = even.send(3).await.unwrap_err();
    assert!(matches!(error, SendError::Encode { value: 3, .. }), "{error}");
    assert!(error.to_string().contains("it is odd"), "{error}");
    let error = connection.cell(name("odd")).open_with(5, Even).await.unwrap_err();
    assert!(matches!(&error, OpenError::Settings(text) if text.contains("it is odd")), "{error}");
    assert_eq!(*even.borrow(), 2);
}

#[tokio::test]
async fn guarantee_5_what_was_not_sent_is_not_sent_later() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let options = connection.cell(name("late")).send_timeout(Duration::from_millis(300));
    let cell = options.open(1).await.unwrap();
    server.kill();
    is_connected(&connection, false).await;
    let SendError::Disconnected(2) = cell.send(2).await.unwrap_err() else { panic!() };
    server.restart().await;
    is_connected(&connection, true).await;
    // Whatever the client had kept would have been sent before this.
    connection.client().flush().await.unwrap();
    let fresh = connect(&server.url()).await.unwrap().cell(name("late")).open(0).await.unwrap();
    assert_eq!(*fresh.borrow(), 1);
}

#[tokio::test]
async fn guarantee_5_a_send_whose_answer_is_lost_is_stored_once() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let options = connection.cell(name("once")).send_timeout(Duration::from_secs(60));
    let cut_off = options.open(1_u64).await.unwrap();
    let other = cell(&server.url(), "once", 0).await;
    proxy.drop_replies();
    let sending = cut_off.clone();
    let sent = tokio::spawn(async move { sending.send(2).await });
    shows(&other, &2).await;
    let stored = other.borrow().revision();
    other.send(3).await.unwrap();
    proxy.cut();
    proxy.heal();
    // The answer is that of the first attempt, and 3 is not overwritten.
    assert_eq!(sent.await.unwrap().unwrap(), stored);
    shows(&cut_off, &3).await;
    assert_eq!(*other.borrow(), 3);
}

#[tokio::test]
async fn guarantee_5_an_increment_whose_answer_is_lost_counts_once() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let options = connection.cell(name("plus")).send_timeout(Duration::from_secs(60));
    let cut_off = options.open(0_u64).await.unwrap();
    let other = cell(&server.url(), "plus", 0).await;
    for round in 1..=3 {
        proxy.drop_replies();
        let counting = cut_off.clone();
        let sent = tokio::spawn(async move { counting.send_if(|count| Some(count + 1)).await });
        shows(&other, &round).await;
        proxy.cut();
        proxy.heal();
        sent.await.unwrap().unwrap().unwrap();
        assert_eq!(*cut_off.borrow(), round);
    }
    assert_eq!(*other.borrow(), 3);
}

#[tokio::test]
async fn guarantee_5_without_an_answer_the_outcome_is_unknown() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let options = ConnectOptions::new().request_timeout(Duration::from_millis(300));
    let connection = options.connect(&proxy.url()).await.unwrap();
    let options = connection.cell(name("unknown")).send_timeout(Duration::from_secs(1));
    let cell = options.open(1).await.unwrap();
    proxy.drop_replies();
    let error = cell.send(2).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown(2)), "{error}");
    proxy.cut();
    proxy.heal();
    // It was stored: the cell finds out.
    shows(&cell, &2).await;
}

#[tokio::test]
async fn no_timeout_is_too_long() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let options = connection.cell(name("patient")).send_timeout(Duration::MAX);
    let cell = options.open(1).await.unwrap();
    cell.send(2).await.unwrap();
    assert_eq!(cell.send_if(|value| (*value > 2).then_some(3)).await.unwrap(), None);
}
