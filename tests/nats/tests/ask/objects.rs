//! Questions and answers that are larger than the server takes: guarantee 13, and the store of
//! objects beneath.

use crate::support::{LONG, NAME, connect, plain};
use async_nats::jetstream;
use levada_nats::Connection;
use levada_nats::ask::{Answerer, AskError, Asker};
use levada_nats::codec::Raw;
use levada_nats_test::{Server, until};
use std::time::Duration;

/// The server's limit by default.
const LIMIT: usize = 1 << 20;

const BUCKET: &str = "levada_ask-objects_squares";

type Bytes = Vec<u8>;

fn asker(connection: &Connection) -> Asker<Bytes, Bytes> {
    connection.asker_with(NAME.parse().unwrap(), Raw)
}

async fn answerer(connection: &Connection) -> Answerer<Bytes, Bytes> {
    connection.answerer_with(NAME.parse().unwrap(), Raw).await.unwrap()
}

fn bytes(len: usize) -> Bytes {
    (0..len).map(|at| (at % 251) as u8).collect()
}

async fn store(server: &Server) -> jetstream::stream::Stream {
    jetstream::new(plain(server).await).get_stream(BUCKET).await.unwrap()
}

async fn until_empty(server: &Server) {
    let store = store(server).await;
    until("an empty store", async || match store.get_info().await.unwrap().state.messages {
        0 => Ok(()),
        messages => Err(messages),
    })
    .await;
}

/// Answers each question with its bytes in the other order.
fn reverses(mut answerer: Answerer<Bytes, Bytes>) {
    tokio::spawn(async move {
        while let Ok(question) = answerer.recv().await {
            let answer = question.iter().rev().copied().collect();
            let _ = question.answer(answer).await;
        }
    });
}

#[tokio::test]
async fn what_is_larger_than_the_limit_passes_and_leaves_nothing_behind() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    reverses(answerer(&there).await);
    let asker = asker(&here);
    for len in [LIMIT - 2000, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT, 12 * LIMIT + 7] {
        let answer = asker.ask(bytes(len)).within(LONG).await.unwrap();
        assert_eq!(answer.len(), len);
        assert!(answer.iter().rev().eq(&bytes(len)), "{len} bytes differ");
    }
    until_empty(&server).await;
    let store = store(&server).await;
    let config = &store.cached_info().config;
    assert_eq!(config.max_age, Duration::from_secs(3600), "for what a killed process leaves");
}

#[tokio::test]
async fn what_fits_opens_no_store() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    reverses(answerer(&connection).await);
    let answer = asker(&connection).ask(bytes(1000)).await.unwrap();
    assert_eq!(answer.len(), 1000);
    jetstream::new(plain(&server).await).get_stream(BUCKET).await.unwrap_err();
}

#[tokio::test]
async fn the_object_of_a_question_without_an_answer_is_deleted() {
    let server = Server::start().await;
    let error = asker(&connect(&server).await).ask(bytes(2 * LIMIT)).within(LONG).await;
    assert!(matches!(error.unwrap_err(), AskError::NoResponder(_)));
    until_empty(&server).await;
}

#[tokio::test]
async fn a_missing_part_is_a_clear_error() {
    for part in [0, 1, 2] {
        let server = Server::start().await;
        let connection = connect(&server).await;
        let mut answerer = answerer(&connection).await;
        let asker = asker(&connection);
        let asking = tokio::spawn(async move { asker.ask(bytes(3 * LIMIT)).within(LONG).await });
        wait_for_parts(&server, 4).await;
        let parts = format!("levada.ask-objects.squares.*.{part}");
        let purged = store(&server).await.purge().filter(parts).await.unwrap();
        assert_eq!(purged.purged, 1);
        let reason = refused(&mut answerer, asking).await;
        assert!(reason.contains(&format!("part {} of 4", part + 1)), "{reason}");
        assert!(reason.contains(BUCKET), "{reason}");
    }
}

#[tokio::test]
async fn a_store_that_was_deleted_is_a_clear_error_and_is_made_again() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut receiving = answerer(&connection).await;
    let asker = asker(&connection);
    let asking = tokio::spawn({
        let asker = asker.clone();
        async move { asker.ask(bytes(2 * LIMIT)).within(LONG).await }
    });
    wait_for_parts(&server, 3).await;
    let jetstream = jetstream::new(plain(&server).await);
    jetstream.delete_stream(BUCKET).await.unwrap();
    let reason = refused(&mut receiving, asking).await;
    assert!(reason.contains("part 1 of 3"), "{reason}");
    reverses(receiving);
    let answer = asker.ask(bytes(2 * LIMIT)).within(LONG).await.unwrap();
    assert_eq!(answer.len(), 2 * LIMIT);
}

#[tokio::test]
async fn a_part_that_was_changed_or_cut_short_is_found() {
    for change in [bytes(100), vec![0; LIMIT - 1024]] {
        let server = Server::start().await;
        let connection = connect(&server).await;
        let mut answerer = answerer(&connection).await;
        let asker = asker(&connection);
        let asking = tokio::spawn(async move { asker.ask(bytes(3 * LIMIT)).within(LONG).await });
        wait_for_parts(&server, 4).await;
        let store = store(&server).await;
        let second = store.get_info().await.unwrap().state.last_sequence - 1;
        let second = store.get_raw_message(second).await.unwrap();
        let jetstream = jetstream::new(plain(&server).await);
        // One message a subject: it replaces the other one.
        jetstream.publish(second.subject, change.into()).await.unwrap().await.unwrap();
        let reason = refused(&mut answerer, asking).await;
        assert!(reason.contains("digest"), "{reason}");
    }
}

/// Waits until the question's object is complete. Its answerer reads it in `recv`.
async fn wait_for_parts(server: &Server, parts: u64) {
    let jetstream = jetstream::new(plain(server).await);
    until("the parts", async || {
        let stream = jetstream.get_stream(BUCKET).await.map_err(|error| error.to_string())?;
        match stream.cached_info().state.messages {
            messages if messages == parts => Ok(()),
            messages => Err(format!("{messages} parts")),
        }
    })
    .await;
}

/// The reason why the question is refused.
async fn refused(
    answerer: &mut Answerer<Bytes, Bytes>,
    asking: tokio::task::JoinHandle<Result<Bytes, AskError<Bytes>>>,
) -> String {
    let error = tokio::select! {
        ended = asking => ended.unwrap().unwrap_err(),
        question = answerer.recv() => panic!("{} bytes", question.unwrap().len()),
    };
    match error {
        AskError::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}
