//! How long a new value takes to all that watch a cell, beside a key of a bucket by hand.
//!
//! Both sides have a connection for sending and one for watching.

use crate::compare::{Effort, Outcome, Run, in_task};
use async_nats::jetstream;
use async_nats::jetstream::kv;
use futures_util::StreamExt;
use levada_nats::Connection;
use levada_nats::cell::Cell;
use levada_nats_test::Server;

const BUCKET: &str = "by_hand";
const KEY: &str = "value";

struct Ends {
    cell: Cell<u64>,
    watching: Connection,
    store: kv::Store,
    watched: kv::Store,
}

impl Ends {
    /// One value after the other, each when all have the one before.
    async fn send(&self, watching: usize, values: usize) -> Outcome<Run> {
        let cell = self.cell.clone();
        let mut cells = Vec::new();
        for _ in 0..watching {
            cells.push(self.watching.cell("bench".parse()?).open(0).await?);
        }
        let mut receivers: Vec<_> = cells.iter().map(Cell::subscribe).collect();
        in_task(values, |mut laps| async move {
            let _cells = cells;
            let mut value = 0;
            while laps.next() {
                cell.send(value).await?;
                for receiver in &mut receivers {
                    receiver.wait_for(|seen| *seen == value).await?;
                }
                value += 1;
            }
            Ok(laps)
        })
        .await
    }

    async fn put(&self, watching: usize, values: usize) -> Outcome<Run> {
        let store = self.store.clone();
        let mut watches = Vec::new();
        for _ in 0..watching {
            watches.push(self.watched.watch(KEY).await?);
        }
        in_task(values, |mut laps| async move {
            let mut value = 0;
            while laps.next() {
                store.put(KEY, serde_json::to_vec(&value)?.into()).await?;
                for watch in &mut watches {
                    let entry = watch.next().await.ok_or("no more values")??;
                    let seen: u64 = serde_json::from_slice(&entry.value)?;
                    if seen != value {
                        return Err(format!("{seen} was seen, and {value} was put").into());
                    }
                }
                value += 1;
            }
            Ok(laps)
        })
        .await
    }
}

pub(crate) async fn run(effort: &Effort) -> Outcome<()> {
    let server = Server::start().await;
    let open = async || Outcome::Ok(levada_nats::connect(&server.url()).await?);
    let connect = async || Outcome::Ok(jetstream::new(async_nats::connect(server.url()).await?));
    let config = kv::Config { bucket: BUCKET.to_owned(), history: 1, ..kv::Config::default() };
    let ends = &Ends {
        cell: open().await?.cell("bench".parse()?).open(0).await?,
        watching: open().await?,
        store: connect().await?.create_key_value(config).await?,
        watched: connect().await?.get_key_value(BUCKET).await?,
    };
    let table = effort.table("a new value");
    for watching in [0, 1, 3] {
        // Each value differs from the last one of the run before.
        let values = effort.messages.max(2);
        let ours = async || ends.send(watching, values).await;
        let theirs = async || ends.put(watching, values).await;
        table.row(&format!("seen by {watching}"), ours, theirs).await?;
    }
    Ok(())
}
