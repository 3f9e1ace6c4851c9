//! The service in this process. The test plays the database, or it is the file.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use levada::mpsc;
use levada_work::actor::{self, Address, Request};
use tokio::net::TcpListener;

use crate::client::{Account, EventReader, request, submit};
use crate::config::Config;
use crate::database::{self, Commit, NotWritten, Query};
use crate::reading::Reading;
use crate::service::{Limits, Service};
use crate::{enough_to_lag, large_value, within_deadline};

type WriteRequest = Request<Vec<Reading>, Result<Commit, NotWritten>>;

async fn start(
    database: Address<Query>,
    limits: Limits,
    batch_items: usize,
) -> (SocketAddr, Service) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let config = Config { batch_items, ..Config::default() };
    (address, Service::start(listener, database, limits, config).expect("it starts"))
}

/// The next batch. It is not written before the test says so.
async fn next_write(queries: &mut mpsc::Receiver<Query>) -> WriteRequest {
    match queries.recv().await.expect("the writer is there") {
        Query::Write(request) => request,
        Query::Latest(_) => panic!("the test has asked for none"),
    }
}

fn commit(request: WriteRequest) {
    let (rows, request) = request.split();
    request.reply(Ok(Commit { number: 1, first_row: 1, rows }));
}

fn texts(request: &WriteRequest) -> Vec<&str> {
    request.body.iter().map(Reading::as_str).collect()
}

async fn post(address: SocketAddr, reading: &str) -> u16 {
    request(address, "POST", "/readings", reading).await.status
}

#[tokio::test]
async fn full_queue_answers_503_and_batches_are_as_configured() {
    let (database, mut queries) = actor::mailbox(16);
    let limits = Limits { queue: 4, events: 16 };
    let (address, service) = start(database, limits, 3).await;

    within_deadline(async {
        assert_eq!(post(address, "a 0").await, 202);
        let first = next_write(&mut queries).await; // The writer waits for this answer,
        for reading in ["a 1", "a 2", "a 3", "a 4"] {
            assert_eq!(post(address, reading).await, 202); // and these fill the queue.
        }
        let refused = request(address, "POST", "/readings", "a 5").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert_eq!(refused.body, "the queue is full");

        // The new value holds for the next request.
        let changed = request(address, "PUT", "/config", "retry_after_seconds = 7").await;
        assert_eq!(changed.status, 204);
        let refused = request(address, "POST", "/readings", "a 6").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("7")));

        assert_eq!(texts(&first), ["a 0"]);
        commit(first);
        let second = next_write(&mut queries).await;
        assert_eq!(texts(&second), ["a 1", "a 2", "a 3"]); // A batch has three at most.
        assert_eq!(post(address, "a 7").await, 202); // There is room again.
        commit(second);
        let third = next_write(&mut queries).await;
        assert_eq!(texts(&third), ["a 4", "a 7"]); // The refused readings are nowhere.
        commit(third);

        let totals = service.stop(Duration::MAX, std::future::pending()).await.expect("it ends");
        assert_eq!((totals.flushed, totals.batches), (6, 3));
    })
    .await;
}

#[tokio::test]
async fn changed_batch_size_takes_effect_while_the_service_runs() {
    let (database, mut queries) = actor::mailbox(16);
    let (address, service) = start(database, Limits { queue: 6, events: 16 }, 6).await;

    within_deadline(async {
        let changed = request(address, "PUT", "/config", "batch_items = 2\n").await;
        assert_eq!(changed.status, 204);
        // The writer learns of it in its own time; from some batch on, it does as it was told.
        loop {
            assert_eq!(post(address, "first 0").await, 202);
            let first = next_write(&mut queries).await;
            for n in 0..6 {
                assert_eq!(post(address, &format!("a {n}")).await, 202);
            }
            commit(first);
            let mut sizes = Vec::new();
            while sizes.iter().sum::<usize>() < 6 {
                let batch = next_write(&mut queries).await;
                sizes.push(batch.body.len());
                commit(batch);
            }
            if sizes == [2, 2, 2] {
                break;
            }
        }
        service.stop(Duration::MAX, std::future::pending()).await.expect("it ends");
    })
    .await;
}

#[tokio::test]
async fn invalid_configuration_is_refused_as_a_whole() {
    let (database, _queries) = actor::mailbox(16);
    let (address, _service) = start(database, Limits::default(), 100).await;

    within_deadline(async {
        let changes = "retry_after_seconds = 9\nbatch_items = 0\n";
        let refused = request(address, "PUT", "/config", changes).await;
        assert_eq!((refused.status, &*refused.body), (400, "\"batch_items = 0\": at least 1"));
        let refused = request(address, "PUT", "/config", "batch = 1").await;
        assert_eq!((refused.status, &*refused.body), (400, "there is no setting \"batch\""));
        let shown = request(address, "GET", "/config", "").await;
        assert_eq!(shown.body, "batch_items = 100\nretry_after_seconds = 1\n");
        assert_eq!(post(address, "two\nlines").await, 400);
    })
    .await;
}

#[tokio::test]
async fn failed_batch_is_written_again_before_newer_readings() {
    let (database, mut queries) = actor::mailbox(16);
    let (address, service) = start(database, Limits::default(), 2).await;

    within_deadline(async {
        assert_eq!(post(address, "a 0").await, 202);
        let (rows, failed) = next_write(&mut queries).await.split();
        assert_eq!(post(address, "a 1").await, 202);
        let error = io::ErrorKind::StorageFull.into();
        failed.reply(Err(NotWritten { error, rows }));

        let again = next_write(&mut queries).await;
        assert_eq!(texts(&again), ["a 0", "a 1"]);
        commit(again);
        let totals = service.stop(Duration::MAX, std::future::pending()).await.expect("it ends");
        assert_eq!((totals.flushed, totals.failed), (2, 0));
    })
    .await;
}

/// A stop does not wait for ever for a database that never works, and counts what was lost.
#[tokio::test]
async fn stop_gives_up_on_a_database_that_is_gone() {
    let (database, queries) = actor::mailbox(16);
    let (address, service) = start(database, Limits::default(), 100).await;

    within_deadline(async {
        drop(queries);
        assert_eq!(post(address, "a 0").await, 202);
        let totals = service.stop(Duration::ZERO, std::future::pending()).await.expect("it ends");
        assert_eq!((totals.flushed, totals.failed), (0, 1));
    })
    .await;
}

/// A stop is bounded by its limit, also when the database neither answers nor fails.
#[tokio::test]
async fn stop_gives_up_on_a_database_that_does_not_answer() {
    let (database, mut queries) = actor::mailbox(16);
    let (address, service) = start(database, Limits::default(), 100).await;

    within_deadline(async {
        assert_eq!(post(address, "a 0").await, 202);
        let _unanswered = next_write(&mut queries).await;
        let stopped = service.stop(Duration::MAX, std::future::ready(())).await;
        let reason = stopped.expect_err("the writer waits").to_string();
        assert_eq!(reason, "the database does not answer: rows may be lost");
    })
    .await;
}

#[tokio::test]
async fn database_answers_from_memory_and_reads_its_file_at_the_start() {
    let directory = tempfile::tempdir().expect("there is a directory");
    let file = directory.path().join("readings.txt");
    // A commit, and what a crash left of the next one.
    fs::write(&file, "1 kitchen 20\n1 cellar 11\n2 kitc").expect("the file can be written");
    let database = database::open(&file).expect("the file is valid");
    let (address, service) = start(database, Limits::default(), 100).await;

    within_deadline(async {
        assert_eq!(request(address, "GET", "/readings/kitchen", "").await.body, "kitchen 20");
        assert_eq!(request(address, "GET", "/readings/attic", "").await.status, 404);
        submit(address, "kitchen 21.5").await;
        service.stop(Duration::MAX, std::future::pending()).await.expect("it ends");
        let text = fs::read_to_string(&file).expect("the file is there");
        assert_eq!(text, "1 kitchen 20\n1 cellar 11\n2 kitchen 21.5\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lagging_event_reader_learns_how_many_it_missed() {
    const EVENTS: usize = 16;
    let directory = tempfile::tempdir().expect("there is a directory");
    let database = database::open(&directory.path().join("readings.txt")).expect("it is new");
    let (address, service) = start(database, Limits { queue: 8, events: EVENTS }, 4).await;

    within_deadline(async {
        let mut reader = EventReader::open(address).await; // It does not read yet.
        let rows = enough_to_lag(EVENTS);
        for _ in 0..rows {
            submit(address, &format!("a {}", large_value())).await;
        }
        submit(address, "last 0").await;

        let mut account = Account::default();
        loop {
            let event = reader.next().await.expect("the stream is open");
            account.add(&event);
            if event.data.ends_with("last 0") {
                break;
            }
        }
        assert_eq!(account.received + account.missed, rows as u64 + 1);
        assert!(account.missed > 0 && account.received > 0, "{account:?}");

        // The end of the service is the end of the stream, after the last event.
        let stopped = tokio::spawn(service.stop(Duration::MAX, std::future::pending()));
        assert_eq!(reader.next().await, None);
        stopped.await.expect("it does not panic").expect("it ends");
    })
    .await;
}
