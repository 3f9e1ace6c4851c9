//! Cells on three servers.

use crate::support::{is_in_state, name, shows};
use levada_nats::cell::{Cell, SendError, SendIfError, State};
use levada_nats::{ConnectOptions, Durability};
use levada_nats_test::Cluster;
use std::time::Duration;
use tokio::task::JoinSet;

const STREAM: &str = "KV_levada_cell_replicated";

/// A replicated cell on a connection of its own, to these servers and no others.
async fn replicated(addresses: &str) -> Cell<u64> {
    let options = ConnectOptions::new().ignore_discovered_servers();
    let connection = options.connect(addresses).await.unwrap();
    let options = connection.cell(name("replicated")).durability(Durability::Replicated);
    options.send_timeout(Duration::from_secs(60)).open(0).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn guarantee_1_and_6_leaders_that_step_down_or_are_killed() {
    let cluster = Cluster::start(3).await;
    let addresses = cluster.urls().join(",");
    let (writer, reader) = (replicated(&addresses).await, replicated(&addresses).await);
    writer.send(1).await.unwrap();
    shows(&reader, &1).await;
    cluster.step_down(STREAM).await;
    writer.send_if(|value| Some(value + 1)).await.unwrap().unwrap();
    shows(&reader, &2).await;
    let leader = cluster.stream_leader(STREAM).await;
    cluster.kill(leader);
    writer.send_if(|value| Some(value + 1)).await.unwrap().unwrap();
    shows(&reader, &3).await;
    cluster.restart(leader).await;
    writer.send(4).await.unwrap();
    shows(&reader, &4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn guarantee_1_a_server_that_is_cut_off_from_the_others() {
    let cluster = Cluster::start(3).await;
    let leader = {
        let first = replicated(&cluster.url(0)).await;
        first.send(1).await.unwrap();
        cluster.stream_leader(STREAM).await
    };
    let other = (leader + 1) % 3;
    let (cut_off, writer) =
        (replicated(&cluster.url(leader)).await, replicated(&cluster.url(other)).await);
    cluster.partition(leader);
    // The former leader gives up after some seconds without the others.
    is_in_state(&cut_off, State::Stale).await;
    writer.send(2).await.unwrap();
    assert_eq!(*cut_off.borrow(), 1);
    cluster.heal(leader);
    shows(&cut_off, &2).await;
    is_in_state(&cut_off, State::Current).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn guarantee_4_one_winner_and_no_lost_increment_while_leaders_change() {
    let cluster = Cluster::start(3).await;
    let mut cells = Vec::new();
    for node in 0..3 {
        cells.push(replicated(&cluster.url(node)).await);
    }
    let seen = cells[0].borrow().revision();
    let mut racing = JoinSet::new();
    for _ in 0..24 {
        let cell = cells[racing.len() % 3].clone();
        racing.spawn(async move { cell.compare_and_set(seen, 0).await });
    }
    let ended = racing.join_all().await;
    let won = ended.iter().filter(|end| end.is_ok()).count();
    assert!(won == 1, "{ended:?}");

    let mut counting = JoinSet::new();
    for cell in &cells {
        let cell = cell.clone();
        counting.spawn(async move {
            let (mut stored, mut unknown) = (0, 0);
            for _ in 0..40 {
                match cell.send_if(|total| Some(total + 1)).await {
                    Ok(sent) => stored += u64::from(sent.is_some()),
                    Err(SendIfError::Send(SendError::Unknown(_))) => unknown += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (stored, unknown)
        });
    }
    for _ in 0..3 {
        cluster.step_down(STREAM).await;
    }
    let (stored, unknown) = counting
        .join_all()
        .await
        .into_iter()
        .fold((0, 0), |sum, end| (sum.0 + end.0, sum.1 + end.1));
    assert_eq!(stored + unknown, 120);
    let total = *replicated(&cluster.url(0)).await.borrow();
    assert!((stored..=stored + unknown).contains(&total), "{total}: {stored} and {unknown}");
    for cell in &cells {
        shows(cell, &total).await;
    }
}
