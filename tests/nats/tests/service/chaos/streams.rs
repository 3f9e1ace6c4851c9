//! Faults of what the servers keep.

use super::world::World;
use fastrand::Rng;
use serde_json::{Value, json};
use std::io;

const QUEUE: &str = "levada_queue_chaos";
const BALLAST: &str = "ballast";

/// How many bytes a message of the ballast has: as many as a server takes.
const PIECE: usize = 1_000_000;
/// How many messages of the ballast are removed when the store is to have room again: more than the
/// jobs take until it is filled the next time.
const ROOM: u64 = 64;

async fn api(world: &World, method: &str, payload: &Value) -> io::Result<Value> {
    world.servers.request(&format!("$JS.API.{method}"), &payload.to_string()).await
}

async fn names(world: &World, method: &str, field: &str) -> Vec<String> {
    let listed = api(world, method, &json!({})).await.unwrap_or_default();
    let names = listed[field].as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Deletes most consumers of all streams, also of those that are read.
pub(super) async fn delete_consumers(world: &World, rng: &mut Rng) {
    for stream in names(world, "STREAM.NAMES", "streams").await {
        for consumer in names(world, &format!("CONSUMER.NAMES.{stream}"), "consumers").await {
            if rng.u8(..4) > 0 {
                // It may be gone, and the servers may not answer just then.
                drop(api(world, &format!("CONSUMER.DELETE.{stream}.{consumer}"), &json!({})).await);
            }
        }
    }
}

/// The queue's stream takes nothing more, as if it had as many jobs as it can have.
pub(super) async fn fill_queue(world: &World) {
    // If the servers do not answer, it is not full.
    drop(
        set_size(world, |config| {
            assert_eq!(config["discard"], "new", "what is too much is refused");
            json!(1)
        })
        .await,
    );
}

/// The same as a front end makes it.
pub(super) async fn free_queue(world: &World) -> io::Result<()> {
    set_size(world, |_| json!(1_024)).await
}

async fn set_size(world: &World, size: impl FnOnce(&Value) -> Value) -> io::Result<()> {
    let info = api(world, &format!("STREAM.INFO.{QUEUE}"), &json!({})).await?;
    let mut config = info["config"].clone();
    config["max_msgs"] = size(&config);
    api(world, &format!("STREAM.UPDATE.{QUEUE}"), &config).await.map(drop)
}

/// Fills the servers' store until it takes nothing more.
pub(super) async fn fill_store(world: &World) {
    let replicas = world.servers.all().count();
    let stream = json!({
        "name": BALLAST, "subjects": [BALLAST], "num_replicas": replicas, "storage": "file",
        "retention": "limits", "discard": "new",
    });
    // It is there already, or is not made because the servers do not answer.
    drop(api(world, &format!("STREAM.CREATE.{BALLAST}"), &stream).await);
    let piece = "x".repeat(PIECE);
    while world.servers.request(BALLAST, &piece).await.is_ok() {}
}

/// It has room again.
pub(super) async fn free_store(world: &World) -> io::Result<()> {
    let info = api(world, &format!("STREAM.INFO.{BALLAST}"), &json!({})).await?;
    let keep = info["state"]["messages"].as_u64().unwrap().saturating_sub(ROOM);
    // To keep none is to keep all.
    let purge = if keep == 0 { json!({}) } else { json!({ "keep": keep }) };
    api(world, &format!("STREAM.PURGE.{BALLAST}"), &purge).await.map(drop)
}
