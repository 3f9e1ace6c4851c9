//! Three servers.

use crate::support::{create, messages, store};
use levada_nats_test::{Cluster, Server, request, until};
use std::io;

/// The nodes but this one.
fn others(index: usize) -> impl Iterator<Item = usize> {
    (0..3).filter(move |other| *other != index)
}

/// Waits until a message is stored by way of the node `index`.
async fn store_by(cluster: &Cluster, index: usize) {
    until("a message that is stored", async || store(&cluster.url(index), "S").await).await;
}

/// Waits until the node `index` says that there are so many messages, or more: a store whose answer
/// was lost is repeated.
async fn wait_for_messages(cluster: &Cluster, index: usize, least: u64) {
    until("the messages", async || {
        let found = messages(&cluster.url(index), "S").await?;
        if found >= least { Ok(()) } else { Err(io::Error::other(format!("{found} messages"))) }
    })
    .await;
}

async fn routes(server: &Server) -> io::Result<usize> {
    let info = server.monitor("/routez").await?;
    Ok(info["routes"].as_array().map_or(0, Vec::len))
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn the_leader_is_killed_and_every_message_remains() {
    let cluster = Cluster::start(3).await;
    create(&cluster.url(0), "S", 3).await;
    store_by(&cluster, 0).await;
    let leader = cluster.stream_leader("S").await;
    cluster.kill(leader);
    let next = others(leader).next().unwrap();
    store_by(&cluster, next).await;
    assert_ne!(cluster.stream_leader("S").await, leader);
    cluster.restart(leader).await;
    cluster.ready().await;
    wait_for_messages(&cluster, leader, 2).await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn leaders_step_down() {
    let cluster = Cluster::start(3).await;
    create(&cluster.url(0), "S", 3).await;
    let consumer = r#"{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}"#;
    cluster.request("$JS.API.CONSUMER.DURABLE.CREATE.S.C", consumer).await.unwrap();
    let leader = cluster.stream_leader("S").await;
    assert_ne!(cluster.step_down("S").await, leader);
    let leader = cluster.consumer_leader("S", "C").await;
    assert_ne!(cluster.step_down_consumer("S", "C").await, leader);
    cluster.meta_leader().await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_partitioned_node_is_alone_until_it_is_healed() {
    let cluster = Cluster::start(3).await;
    create(&cluster.url(0), "S", 3).await;
    let leader = cluster.stream_leader("S").await;
    let next = others(leader).next().unwrap();
    cluster.partition(leader);
    store_by(&cluster, next).await;
    cluster.ready().await;
    assert_eq!(routes(cluster.server(leader)).await.unwrap(), 0, "there is no way around");
    store(&cluster.url(leader), "S").await.unwrap_err();
    cluster.heal(leader);
    cluster.ready().await;
    store_by(&cluster, leader).await;
    wait_for_messages(&cluster, leader, 2).await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn a_node_that_is_healed_stays_apart_from_one_that_is_not() {
    let cluster = Cluster::start(3).await;
    create(&cluster.url(0), "S", 3).await;
    cluster.partition(0);
    cluster.partition(1);
    cluster.heal(1);
    cluster.ready().await;
    store_by(&cluster, 1).await;
    assert_eq!(routes(cluster.server(0)).await.unwrap(), 0);
    cluster.heal(0);
    cluster.ready().await;
    // It may have led the stream, and believe for a moment that it still does.
    wait_for_messages(&cluster, 0, 1).await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn nodes_notice_frozen_routes_and_paused_nodes() {
    let cluster = Cluster::start(3).await;
    create(&cluster.url(0), "S", 3).await;
    let leader = cluster.stream_leader("S").await;
    let next = others(leader).next().unwrap();
    cluster.freeze_routes(leader);
    store_by(&cluster, next).await;
    cluster.heal(leader);
    cluster.ready().await;
    let leader = cluster.stream_leader("S").await;
    let next = others(leader).next().unwrap();
    cluster.pause(leader);
    store_by(&cluster, next).await;
    cluster.resume(leader);
    cluster.ready().await;
    request(&cluster.url(leader), "$JS.API.INFO", "").await.unwrap();
}
