//! How fast messages are accepted, beside async-nats by hand on the same server and stream.

use crate::compare::{Effort, Outcome, Run, in_tasks};
use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use futures_util::future::try_join_all;
use levada_nats::Durability;
use levada_nats::queue::{Capacity, Queue, Sender};
use levada_nats_test::Server;
use tokio::time::Instant;

const SUBJECT: &str = "levada.queue.bench.0";
const STREAM: &str = "levada_queue_bench";

#[derive(Clone)]
struct Ends {
    tx: Sender<String>,
    jetstream: jetstream::Context,
    message: String,
}

impl Ends {
    /// One message after the other, in so many tasks.
    async fn send(&self, tasks: usize, each: usize) -> Outcome<Run> {
        self.empty().await?;
        in_tasks(tasks, each, |mut laps| {
            let Self { tx, message, .. } = self.clone();
            async move {
                while laps.next() {
                    tx.send(message.clone()).await?;
                }
                Ok(laps)
            }
        })
        .await
    }

    async fn publish(&self, tasks: usize, each: usize) -> Outcome<Run> {
        self.empty().await?;
        in_tasks(tasks, each, |mut laps| {
            let Self { jetstream, message, .. } = self.clone();
            async move {
                while laps.next() {
                    let message = serde_json::to_vec(&message)?;
                    jetstream.send_publish(SUBJECT, with_id(message)).await?.await?;
                }
                Ok(laps)
            }
        })
        .await
    }

    /// A thousand at a time.
    async fn send_many(&self, batches: usize) -> Outcome<Run> {
        self.empty().await?;
        let begin = Instant::now();
        for _ in 0..batches {
            self.tx.send_many(vec![self.message.clone(); 1_000]).await?;
        }
        Ok(Run::since(begin, batches * 1_000))
    }

    /// A thousand acknowledgements under way.
    async fn publish_many(&self, batches: usize) -> Outcome<Run> {
        self.empty().await?;
        let begin = Instant::now();
        for _ in 0..batches {
            let mut acks = Vec::with_capacity(1_000);
            for _ in 0..1_000 {
                let message = serde_json::to_vec(&self.message)?;
                let publish = self.jetstream.send_publish(SUBJECT, with_id(message)).await?;
                acks.push(publish.into_future());
            }
            try_join_all(acks).await?;
        }
        Ok(Run::since(begin, batches * 1_000))
    }

    async fn empty(&self) -> Outcome<()> {
        self.jetstream.get_stream(STREAM).await?.purge().await?;
        Ok(())
    }
}

/// With an id, without which a message cannot be sent again.
fn with_id(message: Vec<u8>) -> PublishMessage {
    let id = format!("{:022x}", fastrand::u128(..) >> 40);
    PublishMessage::build().payload(message.into()).message_id(id)
}

pub(crate) async fn run(effort: &Effort) -> Outcome<()> {
    let lazy = (Durability::Lazy, Server::builder());
    let fsync = (Durability::Fsync, Server::builder().sync_always());
    for (durability, server) in [lazy, fsync] {
        let server = server.start().await;
        let connection = levada_nats::connect(&server.url()).await?;
        let options = connection.queue("bench".parse()?).capacity(Capacity::Messages(100_000_000));
        let queue: Queue<String> = options.durability(durability).open().await?;
        let jetstream = jetstream::new(async_nats::connect(server.url()).await?);
        let ends = &Ends { tx: queue.sender(), jetstream, message: "x".repeat(100) };
        let messages = effort.messages / if durability == Durability::Lazy { 1 } else { 4 };
        let table = effort.table(&format!("{durability:?}"));
        for tasks in [1, 64] {
            let each = (messages / if tasks == 1 { 4 } else { tasks }).max(1);
            let (ours, theirs) =
                (async || ends.send(tasks, each).await, async || ends.publish(tasks, each).await);
            table.row(&format!("send, {tasks} tasks"), ours, theirs).await?;
        }
        let batches = (messages / 1_000).max(1);
        let (ours, theirs) =
            (async || ends.send_many(batches).await, async || ends.publish_many(batches).await);
        table.row("1,000 at a time", ours, theirs).await?;
    }
    Ok(())
}
