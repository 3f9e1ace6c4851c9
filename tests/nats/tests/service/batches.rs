//! Accepts that come together, on a server that syncs each write: they share atomic batches.

use crate::http::{Answer, Call, send};
use crate::member::Member;
use crate::site::Site;
use async_nats::jetstream::{self, stream};
use futures_util::future::join_all;
use levada_nats_test::{Proxy, Server, until};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// How many jobs are submitted at once.
const JOBS: usize = 64;

/// The streams that an accept writes to, in this order.
const STREAMS: [&str; 3] =
    ["levada_service_bodies", "levada_queue_default", "levada_service_records"];

async fn stream(server: &Server, name: &str) -> stream::Stream {
    let client = async_nats::connect(server.url()).await.unwrap();
    jetstream::new(client).get_stream(name).await.unwrap()
}

async fn count(server: &Server, name: &str) -> u64 {
    stream(server, name).await.get_info().await.unwrap().state.messages
}

/// How many messages each batch has of which a message is in the stream.
async fn batches(server: &Server, name: &str) -> BTreeMap<String, usize> {
    let stream = stream(server, name).await;
    let mut batches = BTreeMap::new();
    for sequence in 1..=stream.get_info().await.unwrap().state.last_sequence {
        let Ok(message) = stream.get_raw_message(sequence).await else { continue };
        if let Some(id) = message.headers.get("Nats-Batch-Id") {
            *batches.entry(id.to_string()).or_default() += 1;
        }
    }
    batches
}

fn call(number: usize) -> Call {
    let name = format!("b-{number}");
    Call::post("/", name.clone()).key(&name).without_waiting()
}

/// Submits the jobs at once, so that all but the first wait for the server, which stands still
/// until they do.
async fn submit_together(server: &Server, front_end: &Member) -> Vec<Answer> {
    let address = front_end.ready().await;
    server.pause();
    let answers = join_all((0..JOBS).map(async |number| send(address, &call(number)).await));
    let resume = async {
        until("all jobs have a place", async || {
            let metrics = send(address, &Call::get("/metrics")).await.unwrap().text();
            let depth = format!("levada_queue_depth{{queue=\"default\"}} {JOBS}");
            if metrics.lines().any(|line| line == depth) { Ok(()) } else { Err(metrics) }
        })
        .await;
        server.resume();
    };
    let (answers, ()) = tokio::join!(answers, resume);
    answers.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn accepts_that_come_together_share_a_batch_in_each_stream() {
    let server = Server::builder().sync_always().start().await;
    let site = Site::new(&["--durability", "fsync"]);
    let front_end = site.front_end(&server.url());
    let answers = submit_together(&server, &front_end).await;
    let ids: BTreeSet<_> =
        answers.into_iter().map(|it| it.expect(202).job().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), JOBS);
    for name in STREAMS {
        let batches = batches(&server, name).await;
        let largest = batches.values().max().copied().unwrap_or_default();
        assert!(largest >= JOBS / 2, "{name}: {batches:?}");
    }
    let _worker = site.worker(&server.url());
    for id in &ids {
        assert_eq!(front_end.ended_job(id).await["state"], "succeeded");
    }
    assert_eq!(site.all_effects().len(), JOBS, "each runs once");
}

#[tokio::test]
async fn a_server_that_syncs_now_and_then_gets_no_batches() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    for answer in submit_together(&server, &front_end).await {
        answer.expect(202);
    }
    for name in STREAMS {
        assert!(count(&server, name).await >= JOBS as u64);
        assert!(batches(&server, name).await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn those_of_a_batch_for_which_there_is_no_room_are_refused_and_the_others_accepted() {
    const ROOM: usize = 40;
    let server = Server::builder().sync_always().start().await;
    let site = Site::new(&["--durability", "fsync"]);
    let front_end = site.front_end(&server.url());
    front_end.ready().await;
    let mut config = stream(&server, STREAMS[1]).await.get_info().await.unwrap().config;
    config.max_messages = ROOM as i64;
    let client = async_nats::connect(server.url()).await.unwrap();
    jetstream::new(client).update_stream(config).await.unwrap();

    let answers = submit_together(&server, &front_end).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status < 300);
    assert_eq!((accepted.len(), refused.len()), (ROOM, JOBS - ROOM));
    for answer in refused {
        assert_eq!(answer.expect(503).problem(), "queue-full");
    }
    assert_eq!(count(&server, STREAMS[1]).await, ROOM as u64);
    // What was refused leaves nothing behind: a record and a key for each of the others.
    assert_eq!(count(&server, STREAMS[0]).await, ROOM as u64);
    assert_eq!(count(&server, STREAMS[2]).await, 2 * ROOM as u64);
    let _worker = site.worker(&server.url());
    for answer in accepted {
        assert_eq!(front_end.ended_job(answer.job().unwrap()).await["state"], "succeeded");
    }
    assert_eq!(site.all_effects().len(), ROOM);
}

#[tokio::test]
async fn batches_whose_answers_are_lost_are_stored_once() {
    let server = Server::builder().sync_always().start().await;
    let proxy = Proxy::start(server.port());
    let site = Site::new(&["--durability", "fsync"]);
    let front_end = site.front_end(&proxy.url());
    let address = front_end.ready().await;
    // A client that is told to come back does so, with its key.
    let submit = async |number: usize| {
        until("a place", async || {
            let answer = send(address, &call(number)).await.unwrap();
            match answer.job() {
                Some(id) if answer.status == 202 || answer.status == 200 => Ok(id.to_owned()),
                _ => Err(answer.text()),
            }
        })
        .await
    };
    // While something of each stream is under way.
    let faults = async {
        for name in STREAMS {
            until(name, async || if count(&server, name).await > 0 { Ok(()) } else { Err(()) })
                .await;
            proxy.drop_replies();
            sleep(Duration::from_millis(100)).await;
            proxy.heal();
        }
    };
    let (ids, ()) = tokio::join!(join_all((0..JOBS).map(submit)), faults);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), JOBS);
    for (name, each) in [(STREAMS[0], 1), (STREAMS[1], 1), (STREAMS[2], 2)] {
        assert_eq!(count(&server, name).await, each * JOBS as u64, "{name}");
    }
    let _worker = site.worker(&server.url());
    for id in &ids {
        assert_eq!(front_end.ended_job(id).await["state"], "succeeded");
    }
    assert_eq!(site.all_effects().len(), JOBS, "each runs once");
}
