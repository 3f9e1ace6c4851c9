//! Questions that were given up: guarantee 8, and cancel safety.

use crate::support::{LONG, NAME, SUBJECT, answerer, asker, connect, plain, squares};
use async_nats::HeaderMap;
use futures_util::StreamExt;
use levada_nats::ask::AnswerError;
use levada_nats_test::{PATIENCE, Server};
use tokio::time::timeout;

#[tokio::test]
async fn a_dropped_future_closes_its_question_at_once() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let mut answerer = answerer(&there).await;
    let asker = asker(&here);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG * 10).await });
    let question = answerer.recv().await.unwrap();
    assert!(!question.is_closed());
    asking.abort();
    timeout(PATIENCE, question.closed()).await.expect("it is cancelled");
    let error = question.answer(49).await.unwrap_err();
    assert!(matches!(error, AnswerError::Closed(49)), "{error:?}");
}

#[tokio::test]
async fn a_question_that_is_held_for_long_is_cancelled_as_well() {
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let mut answerer = answerer(&there).await;
    let asker = asker(&here);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG * 10).await });
    let question = answerer.recv().await.unwrap();
    // Until the asker knows by whom it is held: then the cancellation goes there.
    let other = plain(&server).await;
    let mut letters = other.subscribe("_INBOX.*.held").await.unwrap();
    timeout(PATIENCE, letters.next()).await.expect("it is announced").unwrap();
    asking.abort();
    timeout(PATIENCE, question.closed()).await.expect("it is cancelled");
}

#[tokio::test]
async fn a_cancelled_question_is_not_handed_out() {
    let server = Server::start().await;
    let mut answerer = answerer(&connect(&server).await).await;
    // An asker by hand, which knows when its cancellation has arrived.
    let asker = plain(&server).await;
    let inbox = asker.new_inbox();
    let mut letters = asker.subscribe(format!("{inbox}.*")).await.unwrap();
    let send = async |id: u64, number: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("Levada-Within", "600000000");
        let reply = format!("{inbox}.{id}");
        let sent = asker.publish_with_reply_and_headers(SUBJECT, reply, headers, number.into());
        sent.await.unwrap();
    };
    send(1, "7").await;
    let held = letters.next().await.unwrap();
    assert_eq!(held.subject.as_str(), format!("{inbox}.held"));
    let reply = held.reply.unwrap();
    let (answers_at, _) = reply.rsplit_once('.').unwrap();
    let first = 1_u64.to_be_bytes();
    let cancellation = [inbox.as_bytes(), b"\n", &first].concat();
    asker.publish(format!("{answers_at}.cancel"), cancellation.into()).await.unwrap();
    let asked = format!("{answers_at}.asked");
    let unknown = format!("{inbox}.unknown");
    asker.publish_with_reply(asked, unknown.clone(), first.to_vec().into()).await.unwrap();
    let letter = until_subject(&mut letters, &unknown).await;
    assert_eq!(&letter.payload[..], first, "it is cancelled");
    send(2, "8").await;
    assert_eq!(*answerer.recv().await.unwrap(), 8);
}

/// The next message to this subject.
async fn until_subject(letters: &mut async_nats::Subscriber, subject: &str) -> async_nats::Message {
    loop {
        let letter = timeout(PATIENCE, letters.next()).await.expect("a letter").unwrap();
        if letter.subject.as_str() == subject {
            return letter;
        }
    }
}

#[tokio::test]
async fn a_lost_cancellation_is_made_up_for() {
    let server = Server::start().await;
    let mut answerer = answerer(&connect(&server).await).await;
    // An asker by hand, which cancels nothing, and says that it waits for nothing.
    let asker = plain(&server).await;
    let inbox = asker.new_inbox();
    let mut letters = asker.subscribe(format!("{inbox}.*")).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Levada-Within", "600000000");
    let reply = format!("{inbox}.5");
    asker.publish_with_reply_and_headers(SUBJECT, reply, headers, "7".into()).await.unwrap();
    let question = answerer.recv().await.unwrap();
    let letter = letters.next().await.unwrap();
    assert_eq!(letter.subject.as_str(), format!("{inbox}.held"));
    assert_eq!(&letter.payload[..], &5_u64.to_be_bytes());
    asker.publish(letter.reply.unwrap(), letter.payload).await.unwrap();
    timeout(PATIENCE, question.closed()).await.expect("nothing waits for it");
}

#[tokio::test]
async fn a_cancelled_receive_loses_no_question() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut answerer = answerer(&connection).await;
    let asker = asker(&connection);
    for number in 0..50 {
        let asker = asker.clone();
        tokio::spawn(async move { asker.ask(number).within(LONG).await });
    }
    let mut received = Vec::new();
    let mut cancelled = 0;
    while received.len() < 50 {
        // Polled once, and dropped if it is not ready.
        match futures_util::FutureExt::now_or_never(answerer.recv()) {
            Some(question) => received.push(question.unwrap()),
            None => {
                cancelled += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    let mut numbers: Vec<u64> = received.iter().map(|question| **question).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert!(cancelled > 0);
}

#[tokio::test]
async fn futures_that_are_dropped_at_any_poll_leave_no_question_behind() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let answerer = connection.answerer::<u64, u64>(NAME.parse().unwrap()).seats(2);
    squares(answerer.await.unwrap());
    let asker = asker(&connection);
    for polls in 0..200 {
        let mut asking = Box::pin(asker.ask(7).within(LONG).into_future());
        for _ in 0..polls % 5 {
            if futures_util::FutureExt::now_or_never(asking.as_mut()).is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // If one of them kept a seat, there would be none left after two.
    levada_nats_test::until("an answer", async || asker.ask(7).await.map(|_| ())).await;
    for number in 0..20 {
        assert_eq!(asker.ask(number).await.unwrap(), number * number);
    }
}

#[tokio::test]
async fn what_is_no_cancellation_is_ignored() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let mut answerer = answerer(&connection).await;
    let asker = asker(&connection);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    let other = plain(&server).await;
    let wrong: [&'static [u8]; 4] = [b"", b"\n", b"\xff\n\0\0\0\0\0\0\0\0", b"_INBOX.x\n\0"];
    for payload in wrong {
        other.publish(format!("{SUBJECT}.cancel"), payload.into()).await.unwrap();
    }
    other.flush().await.unwrap();
    question.answer(49).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), 49);
}
