//! What a cell leaves on the server: nothing.

use crate::support::{cell, consumers, is_in_state, name, shows};
use levada_nats::cell::{Cell, State};
use levada_nats::connect;
use levada_nats_test::{Proxy, Server, until};

/// How many subscriptions the server has of clients to pushes of cells.
async fn subscriptions(server: &Server) -> usize {
    let connections = server.monitor("/connz?subs=1&limit=1000").await.unwrap();
    let connections = connections["connections"].as_array().unwrap();
    let lists = connections.iter().filter_map(|client| client["subscriptions_list"].as_array());
    let subjects = lists.flatten().filter_map(|subject| subject.as_str());
    subjects.filter(|subject| subject.starts_with("levada.cell.")).count()
}

async fn has_subscriptions(server: &Server, expected: usize) {
    until("the subscriptions", async || {
        let found = subscriptions(server).await;
        if found == expected { Ok(()) } else { Err(found) }
    })
    .await;
}

#[tokio::test]
async fn guarantee_8_reconnect_storms_leave_nothing() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let connection = connect(&proxy.url()).await.unwrap();
    let mut cells: Vec<Cell<u64>> = Vec::new();
    for number in 0..20 {
        cells.push(connection.cell(name(&format!("storm-{number}"))).open(0).await.unwrap());
    }
    let writer = cell(&server.url(), "storm-7", 0).await;
    has_subscriptions(&server, 21).await;
    for round in 1..=10 {
        proxy.cut();
        writer.send(round).await.unwrap();
        proxy.heal();
        shows(&cells[7], &round).await;
        assert_eq!(consumers(&server.url()).await, 0);
    }
    for cell in &cells {
        is_in_state(cell, State::Current).await;
    }
    has_subscriptions(&server, 21).await;
    assert_eq!(consumers(&server.url()).await, 0);
}

#[tokio::test]
async fn guarantee_8_the_last_drop_ends_the_subscription() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await.unwrap();
    let cell: Cell<u64> = connection.cell(name("dropped")).open(0).await.unwrap();
    let (clone, mut values) = (cell.clone(), cell.subscribe());
    has_subscriptions(&server, 1).await;
    drop(cell);
    clone.send(1).await.unwrap();
    assert_eq!(*values.borrow_and_update(), 1);
    drop(clone);
    values.changed().await.unwrap_err();
    has_subscriptions(&server, 0).await;
    assert_eq!(consumers(&server.url()).await, 0);
}
