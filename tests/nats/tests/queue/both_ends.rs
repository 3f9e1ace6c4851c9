//! Senders and receivers together.

use crate::support::{connect, queue, soon};
use levada_nats::queue::{Queue, SendError, Sender};
use levada_nats_test::{PATIENCE, Server, until};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often each message was acknowledged.
type Received = Arc<Mutex<BTreeMap<u32, u32>>>;

/// Acknowledges all that comes, in so many tasks.
async fn receive(queue: &Queue<u32>, seats: usize) -> (Received, JoinSet<()>) {
    let received = Received::default();
    let receiver = Arc::new(queue.receiver(seats).await.unwrap());
    let mut tasks = JoinSet::new();
    for _ in 0..seats {
        let (receiver, received) = (receiver.clone(), received.clone());
        tasks.spawn(async move {
            loop {
                let delivery = receiver.recv().await.unwrap();
                let message = *delivery;
                // Without an answer, the message is delivered again.
                if delivery.ack().await.is_ok() {
                    *received.lock().unwrap().entry(message).or_default() += 1;
                }
            }
        });
    }
    (received, tasks)
}

/// Sends numbers from `first` until the switch is set, and returns how many. What is unknown is
/// sent again with its id.
async fn send(tx: Sender<u32>, first: u32, is_over: Arc<AtomicBool>) -> u32 {
    let mut count = 0;
    // ORDERING: a request to end soon, and no more.
    while !is_over.load(Ordering::Relaxed) {
        let message = first + count;
        let mut sending = tx.send(message).id(message.to_string());
        loop {
            match sending.within(Duration::from_secs(2)).await {
                Ok(_) => break,
                Err(SendError::Full(m) | SendError::Disconnected(m)) => {
                    sending = tx.send(m).id(m.to_string());
                }
                Err(SendError::Unknown { message, id }) => sending = tx.send(message).id(id),
                Err(other) => panic!("{message}: {other}"),
            }
        }
        count += 1;
    }
    count
}

async fn reaches(received: &Received, count: usize) {
    until("received messages", async || match received.lock().unwrap().len() {
        enough if enough >= count => Ok(()),
        few => Err(few),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_accepted_arrives_through_a_small_queue_while_the_server_is_killed() {
    let server = Server::start().await;
    // Two processes that send, each with its line, and one that receives.
    let (one, two) = (connect(&server.url()).await, connect(&server.url()).await);
    let three = connect(&server.url()).await;
    let (received, receiving) = receive(&queue(&three, "jobs", 8).await, 4).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut sending = JoinSet::new();
    for (n, connection) in [&one, &two, &one, &two, &one, &two, &one, &two].iter().enumerate() {
        let tx = queue(connection, "jobs", 8).await.sender();
        let first = u32::try_from(n).unwrap() * 1_000_000;
        let is_over = is_over.clone();
        sending.spawn(async move { (first, send(tx, first, is_over).await) });
    }
    for _ in 0..2 {
        let before = received.lock().unwrap().len();
        reaches(&received, before + 100).await;
        server.kill();
        server.restart().await;
    }
    let before = received.lock().unwrap().len();
    reaches(&received, before + 100).await;
    // ORDERING: as above.
    is_over.store(true, Ordering::Relaxed);
    let sent = soon(sending.join_all()).await;
    let all: Vec<_> = sent.iter().flat_map(|(first, count)| *first..first + count).collect();
    until("every message", async || {
        let received = received.lock().unwrap();
        match all.iter().filter(|message| !received.contains_key(message)).count() {
            0 => Ok(()),
            missing => Err(missing),
        }
    })
    .await;
    assert!(sent.iter().all(|(_, count)| *count > 0), "every sender gets through: {sent:?}");
    assert_eq!(received.lock().unwrap().len(), all.len(), "nothing else arrives");
    drop(receiving);
}

/// A full queue costs a waiting sender round trips, and not the 250 ms after which it looks for
/// room by itself.
#[tokio::test]
async fn a_receiver_lets_waiting_senders_in_at_once() {
    let server = Server::start().await;
    let connection = connect(&server.url()).await;
    let queue = queue(&connection, "jobs", 1).await;
    let (received, receiving) = receive(&queue, 1).await;
    let tx = queue.sender();
    let begin = Instant::now();
    for _ in 0..5 {
        let mut sending = JoinSet::new();
        for n in 0..40 {
            sending.spawn(tx.send(n).within(PATIENCE).into_future());
        }
        for sent in soon(sending.join_all()).await {
            sent.unwrap();
        }
    }
    let took = begin.elapsed();
    reaches(&received, 40).await;
    assert!(took < Duration::from_millis(250) * 200 / 2, "200 messages took {took:?}");
    drop(receiving);
}
