//! Cells on three servers.

use crate::support::{name, shows};
use levada_nats::cell::Cell;
use levada_nats::{Connection, Durability, connect};
use levada_nats_test::Cluster;
use std::time::Duration;

const STREAM: &str = "KV_levada_cell_replicated";

async fn replicated(connection: &Connection) -> Cell<u64> {
    let options = connection.cell(name("replicated")).durability(Durability::Replicated);
    options.send_timeout(Duration::from_secs(60)).open(0).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guarantee_1_and_6_leaders_that_step_down_or_are_killed() {
    let cluster = Cluster::start(3).await;
    let addresses = cluster.urls().join(",");
    let (ours, theirs) = (connect(&addresses).await.unwrap(), connect(&addresses).await.unwrap());
    let (writer, reader) = (replicated(&ours).await, replicated(&theirs).await);
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
