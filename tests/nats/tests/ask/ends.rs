//! Each question has an end, and at most one answer: guarantees 1 to 4, 6 and 7.

use crate::support::{LONG, NAME, SUBJECT, answerer, asker, connect, plain, squares};
use futures_util::StreamExt;
use futures_util::future::join_all;
use levada_nats::ask::{AnswerError, AskError};
use levada_nats_test::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_answer_comes_back() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    squares(answerer(&there).await);
    let asker = asker(&here);
    for number in 0..100 {
        assert_eq!(asker.ask(number).await.unwrap(), number * number);
    }
}

#[tokio::test]
async fn no_answerer_is_an_error_at_once() {
    let server = Server::start().await;
    let asker = asker(&connect(&server).await);
    let start = Instant::now();
    let error = asker.ask(7).within(LONG).await.unwrap_err();
    assert!(matches!(error, AskError::NoResponder(7)), "{error:?}");
    assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_questions_at_once_learn_that_there_is_no_answerer() {
    let server = Server::start().await;
    let asker = asker(&connect(&server).await);
    let asking = (0..1000).map(|number| {
        let asker = asker.clone();
        tokio::spawn(async move { asker.ask(number).within(LONG).await })
    });
    for (number, ended) in (0..1000).zip(join_all(asking).await) {
        let error = ended.unwrap().unwrap_err();
        assert!(matches!(&error, AskError::NoResponder(_)), "{error:?}");
        assert_eq!(error.into_question(), number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answerers_come_and_go_and_every_question_is_answered() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let mut current = squares(answerer(&there).await);
    let asker = asker(&here);
    // Its inbox is among the subscriptions that are counted below.
    assert_eq!(asker.ask(7).within(LONG).await.unwrap(), 49);
    let stop = Arc::new(AtomicBool::new(false));
    let asking = (0..10).map(|worker| {
        let (asker, stop) = (asker.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut answered, mut dropped, mut lost) = (0, 0, 0);
            for number in worker * 1_000_000.. {
                match asker.ask(number).within(LONG / 10).await {
                    Ok(answer) => assert_eq!(answer, number * number),
                    // It waited for an answerer that was dropped, and may be asked again.
                    Err(AskError::Dropped(_)) => dropped += 1,
                    Err(AskError::TimedOut { .. }) => lost += 1,
                    Err(other) => panic!("{other:?}"),
                }
                answered += 1;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            (answered, dropped, lost)
        })
    });
    let asking: Vec<_> = asking.collect();
    let subscriptions = async || server.monitor("/varz").await.unwrap()["subscriptions"].as_u64();
    let with_one = subscriptions().await;
    for _ in 0..30 {
        let next = squares(answerer(&there).await);
        current.abort();
        let _ = current.await;
        current = next;
        levada_nats_test::until("the end of its subscriptions", async || {
            match subscriptions().await {
                now if now <= with_one => Ok(()),
                now => Err((now, with_one)),
            }
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut sums = (0, 0, 0);
    for ended in join_all(asking).await {
        let (answered, dropped, lost) = ended.unwrap();
        sums = (sums.0 + answered, sums.1 + dropped, sums.2 + lost);
    }
    println!("{} answered, {} dropped, {} lost", sums.0, sums.1, sums.2);
    assert!(sums.0 > 300, "{sums:?}");
    assert_eq!(sums.2, 0, "{sums:?}");
}

#[tokio::test]
async fn an_answerer_that_was_dropped_is_none() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let asker = asker(&connection);
    let answering = squares(answerer(&connection).await);
    assert_eq!(asker.ask(7).await.unwrap(), 49);
    answering.abort();
    let _ = answering.await;
    levada_nats_test::until("no responder", async || match asker.ask(7).await {
        Err(AskError::NoResponder(7)) => Ok(()),
        other => Err(other),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_goes_to_one_answerer_and_all_share_them() {
    let server = Server::start().await;
    let here = connect(&server).await;
    let mut answering = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..4 {
        let connection = connect(&server).await;
        let answerer = connection.answerer::<u64, u64>(NAME.parse().unwrap()).seats(400);
        answering.push(squares(answerer.await.unwrap()));
        connections.push(connection);
    }
    let asker = asker(&here);
    let asking = (0..400).map(|number| asker.ask(number).within(LONG).into_future());
    let answers = join_all(asking).await;
    for (number, answer) in (0..400_u64).zip(answers) {
        assert_eq!(answer.unwrap(), number * number);
    }
    for connection in connections {
        connection.close().await;
    }
    let mut counts = Vec::new();
    for answering in answering {
        counts.push(answering.await.unwrap());
    }
    assert_eq!(counts.iter().sum::<u64>(), 400, "{counts:?}");
    // By chance one of them gets none in one of 10^49 runs.
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test]
async fn one_answer_arrives_though_two_were_sent() {
    let server = Server::start().await;
    let other = plain(&server).await;
    let mut questions = other.subscribe(SUBJECT).await.unwrap();
    other.flush().await.unwrap();
    let asker = asker(&connect(&server).await);
    let asking = tokio::spawn(async move {
        let first = asker.ask(7).within(LONG).await.unwrap();
        (first, asker.ask(8).within(LONG).await.unwrap())
    });
    let first = questions.next().await.unwrap().reply.unwrap();
    for answer in ["1", "2", "3"] {
        other.publish(first.clone(), answer.into()).await.unwrap();
    }
    let second = questions.next().await.unwrap().reply.unwrap();
    assert_ne!(first, second);
    other.publish(first, "4".into()).await.unwrap();
    other.publish(second, "5".into()).await.unwrap();
    assert_eq!(asking.await.unwrap(), (1, 5));
}

#[tokio::test]
async fn a_dropped_question_ends_at_once() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut answerer = answerer(&connection).await;
    let asker = asker(&connection);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    drop(answerer.recv().await.unwrap());
    let start = Instant::now();
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, AskError::Dropped(7)), "{error:?}");
    assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn questions_that_a_dropped_answerer_had_not_handed_out_go_to_another_one() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut leaving = answerer(&connection).await;
    let asker = asker(&connection);
    let ask = |number| {
        let asker = asker.clone();
        tokio::spawn(async move { asker.ask(number).within(LONG).await })
    };
    let first = ask(1);
    let handed_out = leaving.recv().await.unwrap();
    let others = (2..10).map(ask).collect::<Vec<_>>();
    // It holds some of them, and others may be under way.
    let one_more = leaving.recv().await.unwrap();
    let number = *one_more;
    squares(answerer(&connection).await);
    drop(leaving);
    one_more.answer(number * number).await.unwrap();
    for (number, ended) in (2..10_u64).zip(join_all(others).await) {
        assert_eq!(ended.unwrap().unwrap(), number * number);
    }
    handed_out.answer(10).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 10);
}

#[tokio::test]
async fn the_deadline_travels() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut answerer = answerer(&connection).await;
    let asker = asker(&connection);
    let start = Instant::now();
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    let left = question.deadline() - start;
    // Never earlier than that of the asker, less a microsecond that the header rounds away.
    assert!(left >= LONG - Duration::from_micros(1), "{left:?}");
    assert!(left < LONG * 2, "{left:?}");
    drop(question);
    asking.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn an_asker_waits_until_its_deadline_and_the_answer_is_an_error_then() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut answerer = answerer(&connection).await;
    let asker = asker(&connection);
    let within = Duration::from_millis(300);
    let asking = tokio::spawn(async move { (asker.ask(7).within(within).await, Instant::now()) });
    let question = answerer.recv().await.unwrap();
    question.closed().await;
    assert!(question.is_closed());
    let error = question.answer(49).await.unwrap_err();
    assert!(matches!(error, AnswerError::Closed(49)), "{error:?}");
    let (answer, _) = asking.await.unwrap();
    match answer.unwrap_err() {
        AskError::TimedOut { question: 7, within: waited } => assert_eq!(waited, within),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_time_at_all_is_a_timeout() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    squares(answerer(&connection).await);
    let asker = asker(&connection);
    let error = asker.ask(7).within(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, AskError::TimedOut { question: 7, .. }), "{error:?}");
    assert_eq!(asker.ask(7).within(Duration::MAX).await.unwrap(), 49);
}
