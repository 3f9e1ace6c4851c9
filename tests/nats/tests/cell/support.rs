//! What the tests of cells share.

use levada_nats::cell::{Cell, State};
use levada_nats::{Connection, Name, connect};
use levada_nats_test::{PATIENCE, request, until};
use serde_json::{Value, json};
use std::fmt::Debug;
use tokio::time::timeout;

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A cell of numbers on a connection of its own.
pub(crate) async fn cell(url: &str, text: &str, initial: u64) -> Cell<u64> {
    connect(url).await.unwrap().cell(name(text)).open(initial).await.unwrap()
}

/// Waits until the cell shows this value.
pub(crate) async fn shows<T>(cell: &Cell<T>, expected: &T)
where
    T: PartialEq + Debug + Send + Sync + 'static,
{
    let mut values = cell.subscribe();
    let shown = timeout(PATIENCE, values.wait_for(|value| value == expected)).await;
    assert!(shown.is_ok(), "waited {PATIENCE:?} for {expected:?}; it is {cell:?}");
    shown.unwrap().unwrap();
}

/// Waits until the cell is in this state.
pub(crate) async fn is_in_state<T>(cell: &Cell<T>, expected: State)
where
    T: Debug + Send + Sync + 'static,
{
    let mut states = cell.state();
    let state = timeout(PATIENCE, states.wait_for(|state| *state == expected)).await;
    assert!(state.is_ok(), "waited {PATIENCE:?} for {expected:?}; it is {cell:?}");
    state.unwrap().unwrap();
}

/// Puts bytes into the cell, as another program would.
pub(crate) async fn put(url: &str, name: &str, bytes: &str) -> u64 {
    let answer = request(url, &format!("$KV.levada_cell_{name}.value"), bytes).await.unwrap();
    answer["seq"].as_u64().unwrap()
}

/// Asks the API of JetStream about the stream of the cell.
pub(crate) async fn api(url: &str, verb: &str, name: &str, payload: &Value) -> Value {
    let subject = format!("$JS.API.STREAM.{verb}.KV_levada_cell_{name}");
    request(url, &subject, &payload.to_string()).await.unwrap()
}

/// From now on the stream stores values and pushes none: a watch that stalls without a sign.
pub(crate) async fn stall(url: &str, name: &str) {
    let mut config = api(url, "INFO", name, &json!({})).await["config"].take();
    config.as_object_mut().unwrap().remove("republish").unwrap();
    let updated = api(url, "UPDATE", name, &config).await;
    assert!(updated["config"].get("republish").is_none(), "{updated}");
}

/// How many consumers all streams have.
pub(crate) async fn consumers(url: &str) -> u64 {
    request(url, "$JS.API.INFO", "").await.unwrap()["consumers"].as_u64().unwrap()
}

/// Waits until the connection stands so.
pub(crate) async fn is_connected(connection: &Connection, expected: bool) {
    until("the connection", async || {
        let state = *connection.state().borrow();
        if state.is_connected() == expected { Ok(()) } else { Err(state) }
    })
    .await;
}
