//! How long a message takes to all subscribers of a topic, beside ordered consumers by hand on the
//! same stream.
//!
//! Both sides have a connection for sending and one for receiving.

use crate::compare::{Effort, Outcome, Run, in_task, in_tasks};
use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use levada_nats::topic::{Subscriber, Topic};
use levada_nats_test::Server;
use tokio::task::JoinSet;
use tokio::time::Instant;

const SUBJECT: &str = "levada.topic.bench";
const STREAM: &str = "levada_topic_bench";
const TASKS: usize = 64;

#[derive(Clone)]
struct Ends {
    sending: Topic<String>,
    receiving: Topic<String>,
    publishing: jetstream::Context,
    consuming: jetstream::Context,
    message: String,
}

impl Ends {
    /// One message after the other, each when all subscribers have the one before.
    async fn one_by_one(&self, subscribers: usize, messages: usize) -> Outcome<Run> {
        let Self { sending, message, .. } = self.clone();
        let mut subscribers = self.subscribers(subscribers).await?;
        in_task(messages, |mut laps| async move {
            while laps.next() {
                sending.send(message.clone()).await?;
                for subscriber in &mut subscribers {
                    subscriber.recv().await?;
                }
            }
            Ok(laps)
        })
        .await
    }

    async fn one_by_one_by_hand(&self, consumers: usize, messages: usize) -> Outcome<Run> {
        let Self { publishing, message, .. } = self.clone();
        let mut consumers = self.consumers(consumers).await?;
        in_task(messages, |mut laps| async move {
            while laps.next() {
                publish(&publishing, &message).await?;
                for consumer in &mut consumers {
                    consume(consumer).await?;
                }
            }
            Ok(laps)
        })
        .await
    }

    /// From many tasks, until all subscribers have all.
    async fn at_once(&self, subscribers: usize, each: usize) -> Outcome<Run> {
        let mut receiving = JoinSet::new();
        let subscribers = self.subscribers(subscribers).await?;
        let begin = Instant::now();
        for mut subscriber in subscribers {
            receiving.spawn(async move {
                for _ in 0..TASKS * each {
                    subscriber.recv().await?;
                }
                Outcome::Ok(())
            });
        }
        in_tasks(TASKS, each, |mut laps| {
            let Self { sending, message, .. } = self.clone();
            async move {
                while laps.next() {
                    sending.send(message.clone()).await?;
                }
                Ok(laps)
            }
        })
        .await?;
        for ended in receiving.join_all().await {
            ended?;
        }
        Ok(Run::since(begin, TASKS * each))
    }

    async fn at_once_by_hand(&self, consumers: usize, each: usize) -> Outcome<Run> {
        let mut receiving = JoinSet::new();
        let consumers = self.consumers(consumers).await?;
        let begin = Instant::now();
        for mut consumer in consumers {
            receiving.spawn(async move {
                for _ in 0..TASKS * each {
                    consume(&mut consumer).await?;
                }
                Outcome::Ok(())
            });
        }
        in_tasks(TASKS, each, |mut laps| {
            let Self { publishing, message, .. } = self.clone();
            async move {
                while laps.next() {
                    publish(&publishing, &message).await?;
                }
                Ok(laps)
            }
        })
        .await?;
        for ended in receiving.join_all().await {
            ended?;
        }
        Ok(Run::since(begin, TASKS * each))
    }

    async fn subscribers(&self, count: usize) -> Outcome<Vec<Subscriber<String>>> {
        Ok(try_join_all((0..count).map(|_| self.receiving.subscribe())).await?)
    }

    async fn consumers(&self, count: usize) -> Outcome<Vec<Ordered>> {
        let stream = self.consuming.get_stream(STREAM).await?;
        let mut consumers = Vec::new();
        for _ in 0..count {
            let deliver_policy = DeliverPolicy::New;
            let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
            consumers.push(stream.create_consumer(config).await?.messages().await?);
        }
        Ok(consumers)
    }
}

async fn publish(jetstream: &jetstream::Context, message: &String) -> Outcome<()> {
    let message = serde_json::to_vec(message)?;
    jetstream.publish(SUBJECT, message.into()).await?.await?;
    Ok(())
}

async fn consume(consumer: &mut Ordered) -> Outcome<String> {
    let message = consumer.next().await.ok_or("no more messages")??;
    Ok(serde_json::from_slice(&message.payload)?)
}

pub(crate) async fn run(effort: &Effort) -> Outcome<()> {
    let server = Server::start().await;
    let name: levada_nats::Name = "bench".parse()?;
    let open = async || {
        Outcome::Ok(levada_nats::connect(&server.url()).await?.topic(name.clone()).open().await?)
    };
    let connect = async || Outcome::Ok(jetstream::new(async_nats::connect(server.url()).await?));
    let ends = &Ends {
        sending: open().await?,
        receiving: open().await?,
        publishing: connect().await?,
        consuming: connect().await?,
        message: "x".repeat(100),
    };
    let table = effort.table("topic");
    for subscribers in [1, 3] {
        let messages = (effort.messages / 4).max(1);
        let ours = async || ends.one_by_one(subscribers, messages).await;
        let theirs = async || ends.one_by_one_by_hand(subscribers, messages).await;
        table.row(&format!("to {subscribers}, one by one"), ours, theirs).await?;
        let each = (effort.messages / TASKS).max(1);
        let ours = async || ends.at_once(subscribers, each).await;
        let theirs = async || ends.at_once_by_hand(subscribers, each).await;
        table.row(&format!("to {subscribers}, from {TASKS} tasks"), ours, theirs).await?;
    }
    Ok(())
}
