//! How long a question and its answer take, beside a request and its reply by hand.
//!
//! On both sides, what asks has a connection, and what answers has another one.

use crate::compare::{Effort, Outcome, Run, in_tasks};
use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use levada_nats::ask::{Answerer, Asker};
use levada_nats_test::Server;

const SUBJECT: &str = "by.hand";

#[derive(Clone)]
struct Ends {
    asker: Asker<String, String>,
    client: Client,
    question: String,
}

impl Ends {
    async fn ask(&self, tasks: usize, each: usize) -> Outcome<Run> {
        in_tasks(tasks, each, |mut laps| {
            let Self { asker, question, .. } = self.clone();
            async move {
                while laps.next() {
                    asker.ask(question.clone()).await?;
                }
                Ok(laps)
            }
        })
        .await
    }

    async fn request(&self, tasks: usize, each: usize) -> Outcome<Run> {
        in_tasks(tasks, each, |mut laps| {
            let Self { client, question, .. } = self.clone();
            async move {
                while laps.next() {
                    let question = serde_json::to_vec(&question)?;
                    let answer = client.request(SUBJECT, question.into()).await?;
                    let _: String = serde_json::from_slice(&answer.payload)?;
                }
                Ok(laps)
            }
        })
        .await
    }
}

/// Answers each question with itself.
async fn answer(mut answerer: Answerer<String, String>) -> Outcome<()> {
    while let Ok(question) = answerer.recv().await {
        let answer = question.clone();
        question.answer(answer).await?;
    }
    Ok(())
}

async fn reply(client: Client, mut requests: Subscriber) -> Outcome<()> {
    while let Some(request) = requests.next().await {
        let question: String = serde_json::from_slice(&request.payload)?;
        let reply = request.reply.ok_or("a request without a reply subject")?;
        client.publish(reply, serde_json::to_vec(&question)?.into()).await?;
    }
    Ok(())
}

pub(crate) async fn run(effort: &Effort) -> Outcome<()> {
    let server = Server::start().await;
    let name: levada_nats::Name = "bench".parse()?;
    let answering = levada_nats::connect(&server.url()).await?;
    tokio::spawn(answer(answering.answerer(name.clone()).await?));
    let replying = async_nats::connect(server.url()).await?;
    let requests = replying.queue_subscribe(SUBJECT, "answerers".to_owned()).await?;
    replying.flush().await?;
    tokio::spawn(reply(replying, requests));
    let asker = levada_nats::connect(&server.url()).await?.asker(name);
    let client = async_nats::connect(server.url()).await?;
    let ends = &Ends { asker, client, question: "x".repeat(100) };
    let table = effort.table("question and answer");
    for tasks in [1, 64] {
        let each = (effort.messages / if tasks == 1 { 4 } else { tasks }).max(1);
        let ours = async || ends.ask(tasks, each).await;
        let theirs = async || ends.request(tasks, each).await;
        table.row(&format!("{tasks} tasks"), ours, theirs).await?;
    }
    Ok(())
}
