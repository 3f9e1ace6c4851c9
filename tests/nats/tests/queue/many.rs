//! `send_many`.

use crate::support::{Plain, as_stored, connect, queue, replicated, soon};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use levada_nats::codec::Raw;
use levada_nats::queue::SendError;
use levada_nats_test::{Cluster, PATIENCE, Server, until};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test]
async fn many_messages_are_stored_in_their_order_in_few_batches() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10_000).await.sender();
    let accepted = tx.send_many(0..2_500).await.unwrap();
    let seqs: Vec<_> = accepted.iter().map(|accepted| accepted.seq).collect();
    assert_eq!(seqs, (1..=2_500).collect::<Vec<_>>());
    assert!(accepted.iter().all(|accepted| !accepted.duplicate));
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, (0..2_500).collect::<Vec<_>>());
    assert_eq!(tx.send_many([]).await.unwrap(), []);
    assert_eq!(tx.send_many([7]).await.unwrap()[0].seq, 2_501);
}

#[tokio::test]
async fn the_messages_of_a_batch_stand_together() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    // More than the server takes at once, which is 50: eight for each time that it is opened.
    let mut all = Vec::new();
    for n in 0..70 {
        let tx = queue(&connection, "jobs", 100_000).await.sender();
        let numbers = n * 50..n * 50 + 50;
        // With ids of their own: others are sent one by one to a lazy queue.
        all.push(tx.send_many(numbers.clone()).ids(numbers.map(|n| n.to_string())).into_future());
    }
    for sent in join_all(all).await {
        assert_eq!(sent.unwrap().len(), 50);
    }
    let plain = Plain::connect(&server.url(), "jobs").await;
    let stored = plain.payloads().await;
    assert_eq!(stored.len(), 3_500);
    for batch in stored.chunks(50) {
        let first = batch[0];
        assert_eq!(batch, (first..first + 50).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_in_order_and_each_is_there_once_while_others_send() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        // Each from a handle of its own, as in another process: they come between each other.
        let tx = queue(&connection, "jobs", 100_000).await.sender();
        tasks.spawn(async move {
            let mut seqs = Vec::new();
            for batch in 0..10 {
                let first = task * 10_000 + batch * 150;
                seqs.extend(tx.send_many(first..first + 149).await.unwrap());
                seqs.push(tx.send(first + 149).await.unwrap());
            }
            assert!(seqs.iter().all(|accepted| !accepted.duplicate));
            (task, seqs.iter().map(|accepted| accepted.seq).collect::<Vec<_>>())
        });
    }
    let accepted = soon(tasks.join_all()).await;
    let stored = Plain::connect(&server.url(), "jobs").await.stored().await;
    assert_eq!(stored.len(), 6 * 1_500);
    for (task, seqs) in accepted {
        let own = stored.iter().filter(|stored| seqs.binary_search(&stored.seq).is_ok());
        let own: Vec<u32> = own.map(|stored| stored.payload.parse().unwrap()).collect();
        assert_eq!(own, (task * 10_000..task * 10_000 + 1_500).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_fits_is_accepted_and_the_rest_is_given_back_in_order() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 100).await.sender();
    tx.send_many(0..37).await.unwrap();
    let error = tx.send_many(37..300).within(Duration::from_secs(2)).await.unwrap_err();
    assert!(error.cause.is_full(), "{error}");
    assert_eq!(error.accepted.len(), 63);
    assert_eq!(error.rest, (100..300).collect::<Vec<_>>());
    assert_eq!(error.ids.len(), 200);
    let plain = Plain::connect(&server.url(), "jobs").await;
    assert_eq!(plain.payloads().await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_messages_get_through_a_small_queue_in_their_order() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10).await.sender();
    let plain = Plain::connect(&server.url(), "jobs").await;
    let consumer = plain.consumer().await;
    let sending = tokio::spawn(tx.send_many(0..500).within(PATIENCE).into_future());
    // Another sender of the process gets in between.
    let other = tokio::spawn(tx.send(1_000).within(PATIENCE).into_future());
    let mut received = Vec::new();
    let mut messages = consumer.messages().await.unwrap();
    while received.len() < 501 {
        let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap().unwrap();
        message.ack().await.unwrap();
        received.push(as_stored(&message).payload.parse::<u32>().unwrap());
    }
    soon(other).await.unwrap().unwrap();
    assert_eq!(soon(sending).await.unwrap().unwrap().len(), 500);
    received.retain(|n| *n != 1_000);
    assert_eq!(received, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn duplicates_are_accepted_once_and_do_not_hold_up_their_batch() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 1_000).await.sender();
    let ids = |range: std::ops::Range<u32>| range.map(|n| n.to_string());
    tx.send_many(0..50).ids(ids(0..50)).await.unwrap();
    let accepted = tx.send_many(20..80).ids(ids(20..80)).await.unwrap();
    let duplicates = accepted.iter().filter(|accepted| accepted.duplicate).count();
    assert_eq!((accepted.len(), duplicates), (60, 30));
    assert_eq!(accepted[0].seq, 21);
    // Twice in one batch, too.
    let accepted = tx.send_many([7, 7]).ids(["seven", "seven"]).await.unwrap();
    assert_eq!(accepted[0].seq, accepted[1].seq);
    let plain = Plain::connect(&server.url(), "jobs").await;
    let expected: Vec<_> = (0..80).chain([7]).collect();
    assert_eq!(plain.payloads().await, expected);
}

#[tokio::test]
async fn large_messages_are_bounded_by_the_bytes_of_a_batch() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let options = connection.queue("jobs".parse().unwrap());
    let tx = options.open_with::<Bytes>(Raw).await.unwrap().sender();
    let large = Bytes::from(vec![b'x'; 900_000]);
    let accepted = tx.send_many(vec![large; 80]).within(PATIENCE).await.unwrap();
    assert_eq!(accepted.last().unwrap().seq, 80);
    assert!(connection.state().borrow().is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_survive_kill_9_of_the_server() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let tx = queue(&connection, "jobs", 10_000_000).await.sender();
    // Each task sends batch after batch until the server was killed twice.
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let (tx, is_over) = (tx.clone(), is_over.clone());
        tasks.spawn(async move {
            let mut count = 0;
            // ORDERING: a request to end soon, and no more.
            while !is_over.load(Ordering::Relaxed) && count < 1_000_000 {
                let messages = task * 1_000_000 + count..task * 1_000_000 + count + 300;
                let accepted = tx.send_many(messages).within(PATIENCE).await.unwrap();
                assert_eq!(accepted.len(), 300);
                count += 300;
            }
            (task, count)
        });
    }
    let plain = Plain::connect(&server.url(), "jobs").await;
    let mut before = 0;
    for _ in 0..2 {
        before = until("more batches", async || {
            let stream = plain.jetstream.get_stream(plain.stream()).await;
            match stream.map(|stream| stream.cached_info().state.messages) {
                Ok(count) if count > before => Ok(count),
                other => Err(other),
            }
        })
        .await;
        server.kill();
        server.restart().await;
    }
    // ORDERING: as above.
    is_over.store(true, Ordering::Relaxed);
    let mut of_task = BTreeMap::<u32, Vec<u32>>::new();
    let ends = soon(tasks.join_all()).await;
    for n in plain.payloads().await {
        of_task.entry(n / 1_000_000).or_default().push(n);
    }
    for (task, count) in ends {
        let expected: Vec<_> = (task * 1_000_000..task * 1_000_000 + count).collect();
        assert!(of_task[&task] == expected, "{task}: each once, in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn many_messages_survive_a_leader_that_steps_down() {
    let cluster = Cluster::start(3).await;
    let connection = connect(&cluster.urls().join(",")).await;
    let tx = replicated(&connection, 5_000).await.sender();
    let plain = Plain::connect(&cluster.url(0), "jobs").await;
    let ids = (0..4_000).map(|n| n.to_string());
    let sending = tokio::spawn(tx.send_many(0..4_000).ids(ids).within(PATIENCE).into_future());
    cluster.step_down(&plain.stream()).await;
    assert_eq!(soon(sending).await.unwrap().unwrap().len(), 4_000);
    assert_eq!(plain.payloads().await, (0..4_000).collect::<Vec<_>>());
    // A full queue of a cluster: the first ones fit.
    let error = tx.send_many(0..2_000).within(Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error.cause, SendError::Full(())), "{error}");
    assert_eq!((error.accepted.len(), error.rest.len()), (1_000, 1_000));
}
