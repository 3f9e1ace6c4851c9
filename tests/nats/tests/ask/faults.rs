//! Servers that die and connections that break: guarantee 3.

use crate::support::{LONG, answerer, asker, connect, squares};
use futures_util::future::join_all;
use levada_nats::ask::{AnswerError, AskError, RecvError};
use levada_nats_test::{Proxy, Server, until};
use std::time::Duration;
use tokio::time::timeout;

/// For a question while something is broken.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_no_question_without_an_end() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    squares(answerer(&there).await);
    let asker = asker(&here);
    assert_eq!(asker.ask(7).await.unwrap(), 49);
    let asking = (0..20).map(|worker| {
        let asker = asker.clone();
        tokio::spawn(async move {
            let (mut answers, mut errors) = (0, 0);
            for number in worker * 1000.. {
                match timeout(LONG, asker.ask(number).within(SHORT)).await.expect("an end") {
                    Ok(answer) => {
                        assert_eq!(answer, number * number);
                        answers += 1;
                        if errors > 0 {
                            break;
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.into_question(), number);
                        errors += 1;
                    }
                }
            }
            (answers, errors)
        })
    });
    let asking: Vec<_> = asking.collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    tokio::time::sleep(SHORT * 2).await;
    server.restart().await;
    // Each of them meets an error, and then gets an answer.
    for ended in join_all(asking).await {
        let (answers, errors) = ended.unwrap();
        assert!(answers > 0 && errors > 0, "{answers} answers, {errors} errors");
    }
}

#[tokio::test]
async fn a_held_question_outlives_a_restart_of_the_server() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let mut answerer = answerer(&there).await;
    let asker = asker(&here);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    let (mut one, mut other) = (here.state(), there.state());
    server.kill();
    one.wait_for(|state| !state.is_connected()).await.unwrap();
    other.wait_for(|state| !state.is_connected()).await.unwrap();
    server.restart().await;
    // When a later request of the asker is answered, the server has its subscriptions again.
    let nothing = here.asker::<u64, u64>("nothing".parse().unwrap());
    until("the connection", async || match nothing.ask(1).await {
        Err(AskError::NoResponder(1)) => Ok(()),
        other => Err(other),
    })
    .await;
    assert!(!question.is_closed());
    question.answer(49).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), 49);
}

#[tokio::test]
async fn what_was_dropped_leaves_nothing_at_the_server() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let subscriptions = async || server.monitor("/varz").await.unwrap()["subscriptions"].as_u64();
    // The request of the client that made the connection has one that stays.
    let before = subscriptions().await;
    for round in 0..10 {
        let name = || format!("round-{round}").parse().unwrap();
        let mut answerer = connection.answerer::<u64, u64>(name()).await.unwrap();
        let asker = connection.asker::<u64, u64>(name());
        let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
        let question = answerer.recv().await.unwrap();
        assert!(subscriptions().await > before);
        drop(answerer);
        question.answer(49).await.unwrap();
        assert_eq!(asking.await.unwrap().unwrap(), 49);
    }
    until("as many subscriptions as before", async || match subscriptions().await {
        now if now == before => Ok(()),
        now => Err((now, before)),
    })
    .await;
}

#[tokio::test]
async fn without_a_server_a_question_ends_at_its_deadline() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let asker = asker(&connection);
    server.kill();
    connection.state().wait_for(|state| !state.is_connected()).await.unwrap();
    let asked = timeout(LONG, asker.ask(7).within(SHORT)).await.expect("an end");
    let error = asked.unwrap_err();
    assert!(matches!(error, AskError::Disconnected(7)), "{error:?}");
    // A question that still waits when the server is back is asked then.
    let asking = tokio::spawn(async move { asker.ask(8).within(LONG).await });
    server.restart().await;
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, AskError::NoResponder(8)), "{error:?}");
}

#[tokio::test]
async fn a_half_open_connection_ends_a_question_at_its_deadline() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let here = levada_nats::connect(&proxy.url()).await.unwrap();
    squares(answerer(&connect(&server).await).await);
    let asker = asker(&here);
    assert_eq!(asker.ask(7).await.unwrap(), 49);
    proxy.freeze();
    let asked = timeout(LONG, asker.ask(8).within(SHORT)).await.expect("an end");
    let error = asked.unwrap_err();
    assert!(matches!(error, AskError::TimedOut { question: 8, .. }), "{error:?}");
    proxy.heal();
    until("an answer", async || asker.ask(9).within(SHORT).await).await;
}

#[tokio::test]
async fn an_answerer_behind_a_half_open_connection_ends_no_question_late() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let there = levada_nats::connect(&proxy.url()).await.unwrap();
    squares(answerer(&there).await);
    let asker = asker(&connect(&server).await);
    assert_eq!(asker.ask(7).await.unwrap(), 49);
    proxy.freeze();
    let asked = timeout(LONG, asker.ask(8).within(SHORT)).await.expect("an end");
    let error = asked.unwrap_err();
    assert!(matches!(error, AskError::TimedOut { question: 8, .. }), "{error:?}");
    proxy.heal();
    until("an answer", async || asker.ask(9).within(SHORT).await).await;
}

#[tokio::test]
async fn a_server_that_is_stopped_ends_a_question_at_its_deadline() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    squares(answerer(&connection).await);
    let asker = asker(&connection);
    assert_eq!(asker.ask(7).await.unwrap(), 49);
    server.pause();
    // It may answer once more before it stops.
    let error = until("an error", async || {
        let asked = timeout(LONG, asker.ask(8).within(SHORT)).await.expect("an end");
        asked.err().ok_or(())
    })
    .await;
    server.resume();
    assert!(matches!(error, AskError::TimedOut { question: 8, .. }), "{error:?}");
    until("an answer", async || asker.ask(9).within(SHORT).await).await;
}

#[tokio::test]
async fn a_closed_connection_ends_everything_at_once() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let mut answerer = answerer(&there).await;
    let asker = asker(&here);
    let asking = tokio::spawn({
        let asker = asker.clone();
        async move { asker.ask(7).within(LONG * 10).await }
    });
    let question = answerer.recv().await.unwrap();
    here.close().await;
    let error = timeout(LONG, asking).await.expect("an end").unwrap().unwrap_err();
    assert!(matches!(error, AskError::Disconnected(7)), "{error:?}");
    let asked = timeout(LONG, asker.ask(8).within(LONG * 10)).await.expect("an end");
    assert!(matches!(asked, Err(AskError::Disconnected(8))), "{asked:?}");
    there.close().await;
    let error = timeout(LONG, answerer.recv()).await.expect("an end").unwrap_err();
    assert_eq!(error, RecvError);
    timeout(LONG, question.closed()).await.expect("an end");
    let error = question.answer(49).await.unwrap_err();
    assert!(matches!(error, AnswerError::Closed(49) | AnswerError::Disconnected(49)), "{error:?}");
    there.answerer::<u64, u64>("late".parse().unwrap()).await.unwrap_err();
}
