//! How fast messages are accepted, beside async-nats by hand on the same server and stream.
//!
//! `cargo run --release -p levada-nats-test --example queue_send [MESSAGES]` with the servers that
//! `cargo xtask nats` installs. It prints messages per second, of each row the median of five
//! rounds, in which both take turns. The machine should have nothing else to do.
#![forbid(unsafe_code)]

use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use futures_util::future::{join_all, try_join_all};
use levada_nats::queue::{Capacity, Queue, Sender};
use levada_nats_test::Server;
use std::error::Error;
use std::time::Duration;
use tokio::time::Instant;

const ROUNDS: usize = 5;
const SUBJECT: &str = "levada.queue.bench.0";
const STREAM: &str = "levada_queue_bench";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone)]
struct Ends {
    tx: Sender<String>,
    jetstream: jetstream::Context,
    message: String,
}

impl Ends {
    /// One message after the other, in so many tasks.
    async fn send(&self, tasks: usize, each: usize) -> Outcome<()> {
        let one = || {
            let ends = self.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    ends.tx.send(ends.message.clone()).await?;
                }
                Outcome::Ok(())
            })
        };
        for task in join_all((0..tasks).map(|_| one())).await {
            task??;
        }
        Ok(())
    }

    async fn publish(&self, tasks: usize, each: usize) -> Outcome<()> {
        let one = || {
            let ends = self.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    let message = serde_json::to_vec(&ends.message)?;
                    ends.jetstream.send_publish(SUBJECT, with_id(message)).await?.await?;
                }
                Outcome::Ok(())
            })
        };
        for task in join_all((0..tasks).map(|_| one())).await {
            task??;
        }
        Ok(())
    }

    /// A thousand at a time: in a batch here, all acknowledgements under way there.
    async fn send_many(&self, batches: usize) -> Outcome<()> {
        for _ in 0..batches {
            self.tx.send_many(vec![self.message.clone(); 1_000]).await?;
        }
        Ok(())
    }

    async fn publish_many(&self, batches: usize) -> Outcome<()> {
        for _ in 0..batches {
            let mut acks = Vec::with_capacity(1_000);
            for _ in 0..1_000 {
                let message = serde_json::to_vec(&self.message)?;
                let publish = self.jetstream.send_publish(SUBJECT, with_id(message)).await?;
                acks.push(publish.into_future());
            }
            try_join_all(acks).await?;
        }
        Ok(())
    }
}

/// With an id, without which a message cannot be sent again.
fn with_id(message: Vec<u8>) -> PublishMessage {
    let id = format!("{:022x}", fastrand::u128(..) >> 40);
    PublishMessage::build().payload(message.into()).message_id(id)
}

async fn measure(run: impl Future<Output = Outcome<()>>) -> Outcome<Duration> {
    let begin = Instant::now();
    run.await?;
    Ok(begin.elapsed())
}

fn rate(mut times: Vec<Duration>, messages: usize) -> f64 {
    times.sort_unstable();
    messages as f64 / times[times.len() / 2].as_secs_f64()
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let messages: usize = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    for (disk, server) in [
        ("lazy", Server::builder().start().await),
        ("fsync", Server::builder().sync_always().start().await),
    ] {
        let connection = levada_nats::connect(&server.url()).await?;
        let options = connection.queue("bench".parse()?).capacity(Capacity::Messages(100_000_000));
        let queue: Queue<String> = options.open().await?;
        let jetstream = jetstream::new(async_nats::connect(server.url()).await?);
        let ends = Ends { tx: queue.sender(), jetstream, message: "x".repeat(100) };
        let messages = if disk == "lazy" { messages } else { messages / 4 };
        println!("{disk:8} {:>20} {:>12} {:>12} {:>6}", "messages/s", "send", "by hand", "ratio");
        for tasks in [1, 64] {
            let each = (messages / if tasks == 1 { 4 } else { tasks }).max(1);
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                ours.push(measure(ends.send(tasks, each)).await?);
                theirs.push(measure(ends.publish(tasks, each)).await?);
                ends.jetstream.get_stream(STREAM).await?.purge().await?;
            }
            print(&format!("{tasks} tasks"), ours, theirs, tasks * each);
        }
        let batches = (messages / 1_000).max(1);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(ends.send_many(batches)).await?);
            theirs.push(measure(ends.publish_many(batches)).await?);
            ends.jetstream.get_stream(STREAM).await?.purge().await?;
        }
        print("1,000 at a time", ours, theirs, batches * 1_000);
    }
    Ok(())
}

fn print(row: &str, ours: Vec<Duration>, theirs: Vec<Duration>, messages: usize) {
    let (ours, theirs) = (rate(ours, messages), rate(theirs, messages));
    println!("{:8} {row:>20} {ours:>12.0} {theirs:>12.0} {:>6.2}", "", ours / theirs);
}
