//! How fast messages are received and acknowledged, beside async-nats by hand on the same server.
//!
//! Both wait until the server has every acknowledgement.

use crate::compare::{Effort, Outcome, Run};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use levada_nats::queue::{Capacity, Queue};
use levada_nats_test::Server;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

struct Ends {
    queue: Queue<String>,
    jetstream: jetstream::Context,
}

impl Ends {
    /// Puts so many messages into the queue.
    async fn fill(&self, messages: usize) -> Outcome<()> {
        let sender = self.queue.sender();
        for _ in 0..messages / 1_000 {
            sender.send_many(vec!["x".repeat(100); 1_000]).await?;
        }
        Ok(())
    }

    /// Takes them out, with a task for each seat.
    async fn receive(&self, seats: usize, messages: usize) -> Outcome<Run> {
        self.fill(messages).await?;
        let receiver = self.queue.receiver(seats).await?;
        let begin = Instant::now();
        let left = Arc::new(AtomicUsize::new(messages));
        let one = || {
            let (receiver, left) = (receiver.clone(), left.clone());
            tokio::spawn(async move {
                while take_one(&left) {
                    receiver.recv().await?.ack().await?;
                }
                Outcome::Ok(())
            })
        };
        for ended in try_join_all((0..seats).map(|_| one())).await? {
            ended?;
        }
        let run = Run::since(begin, messages);
        receiver.close().await;
        Ok(run)
    }

    /// The same by hand. It fetches ahead, and renews no lease.
    async fn by_hand(&self, seats: usize, messages: usize) -> Outcome<Run> {
        self.fill(messages).await?;
        let consumer: PullConsumer =
            self.jetstream.get_consumer_from_stream("receivers", "levada_queue_bench").await?;
        let begin = Instant::now();
        let stream: pull::Stream =
            consumer.stream().max_messages_per_batch(seats).messages().await?;
        let stream = stream.map_err(Box::<dyn Error + Send + Sync>::from).take(messages);
        stream
            .try_for_each_concurrent(seats, |message| async move {
                let _: String = serde_json::from_slice(&message.payload)?;
                message.double_ack().await
            })
            .await?;
        Ok(Run::since(begin, messages))
    }
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

pub(crate) async fn run(effort: &Effort) -> Outcome<()> {
    let server = Server::start().await;
    let connection = levada_nats::connect(&server.url()).await?;
    let options = connection.queue("bench".parse()?).capacity(Capacity::Messages(100_000_000));
    let queue: Queue<String> = options.open().await?;
    let jetstream = jetstream::new(async_nats::connect(server.url()).await?);
    let ends = &Ends { queue, jetstream };
    ends.queue.receiver(1).await?.close().await;
    let table = effort.table("receive and acknowledge");
    for seats in [1, 16, 256] {
        let batches = effort.messages / if seats == 1 { 4_000 } else { 1_000 };
        let messages = batches.max(1) * 1_000;
        let ours = async || ends.receive(seats, messages).await;
        let theirs = async || ends.by_hand(seats, messages).await;
        table.row(&format!("{seats} seats"), ours, theirs).await?;
    }
    Ok(())
}
