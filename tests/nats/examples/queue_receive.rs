//! How fast messages are received and acknowledged, beside async-nats by hand on the same server.
//!
//! `cargo run --release -p levada-nats-test --example queue_receive [MESSAGES]` with the servers
//! that `cargo xtask nats` installs. It prints messages per second, of each row the median of five
//! rounds, in which both take turns. Both wait until the server has every acknowledgement. The
//! machine should have nothing else to do.
#![forbid(unsafe_code)]

use async_nats::jetstream;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use levada_nats::queue::{Capacity, Queue};
use levada_nats_test::Server;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const ROUNDS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

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
    async fn receive(&self, seats: usize, messages: usize) -> Outcome<Duration> {
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
        for task in join_all((0..seats).map(|_| one())).await {
            task??;
        }
        let took = begin.elapsed();
        receiver.close().await;
        Ok(took)
    }

    /// The same by hand. It fetches ahead, and renews no lease.
    async fn by_hand(&self, seats: usize, messages: usize) -> Outcome<Duration> {
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
        Ok(begin.elapsed())
    }
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn rate(mut times: Vec<Duration>, messages: usize) -> f64 {
    times.sort_unstable();
    messages as f64 / times[times.len() / 2].as_secs_f64()
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let messages: usize = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let server = Server::start().await;
    let connection = levada_nats::connect(&server.url()).await?;
    let options = connection.queue("bench".parse()?).capacity(Capacity::Messages(100_000_000));
    let queue: Queue<String> = options.open().await?;
    let jetstream = jetstream::new(async_nats::connect(server.url()).await?);
    let ends = Ends { queue, jetstream };
    ends.queue.receiver(1).await?.close().await;
    println!("{:>20} {:>12} {:>12} {:>6}", "messages/s", "recv, ack", "by hand", "ratio");
    for seats in [1, 16, 256] {
        let messages = if seats == 1 { messages / 4 } else { messages } / 1_000 * 1_000;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ends.fill(messages).await?;
            ours.push(ends.receive(seats, messages).await?);
            ends.fill(messages).await?;
            theirs.push(ends.by_hand(seats, messages).await?);
        }
        let (ours, theirs) = (rate(ours, messages), rate(theirs, messages));
        println!("{:>20} {ours:>12.0} {theirs:>12.0} {:>6.2}", seats, ours / theirs);
    }
    Ok(())
}
