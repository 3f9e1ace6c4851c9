//! What a cell shows while servers and networks fail.

use crate::support::{cell, is_in_state, name, shows, stall};
use levada_nats::cell::{SendError, State};
use levada_nats::connect;
use levada_nats_test::{Proxy, Server};

#[tokio::test]
async fn guarantee_1_and_6_a_server_that_is_killed_and_restarted() {
    let server = Server::start().await;
    let (writer, reader) =
        (cell(&server.url(), "killed", 0).await, cell(&server.url(), "killed", 0).await);
    for round in 1..=3 {
        writer.send(round).await.unwrap();
        server.kill();
        is_in_state(&reader, State::Stale).await;
        server.restart().await;
        assert_eq!(*cell(&server.url(), "killed", 0).await.borrow(), round);
        for cell in [&writer, &reader] {
            is_in_state(cell, State::Current).await;
            assert_eq!(*cell.borrow(), round);
        }
    }
    writer.send(7).await.unwrap();
    shows(&reader, &7).await;
}

#[tokio::test]
async fn guarantee_1_a_partition() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (writer, reader) =
        (cell(&server.url(), "cut", 0).await, cell(&proxy.url(), "cut", 0).await);
    for value in 1..=3 {
        proxy.cut();
        is_in_state(&reader, State::Stale).await;
        writer.send(value).await.unwrap();
        // Reading goes on meanwhile.
        assert_eq!(*reader.borrow(), value - 1);
        proxy.heal();
        shows(&reader, &value).await;
        is_in_state(&reader, State::Current).await;
    }
}

#[tokio::test]
async fn guarantee_1_a_connection_that_is_half_open() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let (writer, reader) =
        (cell(&server.url(), "half", 0).await, cell(&proxy.url(), "half", 0).await);
    proxy.freeze();
    writer.send(1).await.unwrap();
    // No end of the connection says so: the comparison with the server stays without an answer.
    is_in_state(&reader, State::Stale).await;
    assert_eq!(*reader.borrow(), 0);
    proxy.heal();
    shows(&reader, &1).await;
    is_in_state(&reader, State::Current).await;
}

#[tokio::test]
async fn guarantee_1_a_paused_server() {
    let server = Server::start().await;
    let (writer, reader) =
        (cell(&server.url(), "paused", 0).await, cell(&server.url(), "paused", 0).await);
    server.pause();
    is_in_state(&reader, State::Stale).await;
    server.resume();
    writer.send(1).await.unwrap();
    shows(&reader, &1).await;
    is_in_state(&reader, State::Current).await;
}

#[tokio::test]
async fn guarantee_1_a_stalled_watch_is_noticed() {
    let server = Server::start().await;
    let (writer, reader) =
        (cell(&server.url(), "stalled", 0).await, cell(&server.url(), "stalled", 0).await);
    stall(&server.url(), "stalled").await;
    for value in 1..=2 {
        writer.send(value).await.unwrap();
        shows(&reader, &value).await;
    }
    assert_eq!(*reader.state().borrow(), State::Current);
}

#[tokio::test]
async fn a_closed_connection_is_the_end() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let cell = connection.cell(name("closed")).open(1).await.unwrap();
    let mut values = cell.subscribe();
    connection.close().await;
    is_in_state(&cell, State::Closed).await;
    values.changed().await.unwrap_err();
    assert_eq!(*cell.borrow(), 1);
    let SendError::Disconnected(2) = cell.send(2).await.unwrap_err() else { panic!() };
}
