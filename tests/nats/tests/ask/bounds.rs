//! Seats and storms: guarantee 5.

use crate::support::{LONG, NAME, SUBJECT, asker, connect, plain, squares};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use levada_nats::OpenError;
use levada_nats::ask::AskError;
use levada_nats_test::{Server, until};

#[tokio::test]
async fn a_question_without_a_free_seat_is_refused_at_once() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let answerer = connection.answerer::<u64, u64>(NAME.parse().unwrap()).seats(2);
    let mut answerer = answerer.await.unwrap();
    let asker = asker(&connection);
    let mut asking = Vec::new();
    let mut held = Vec::new();
    for number in [1, 2] {
        let asker = asker.clone();
        asking.push(tokio::spawn(async move { asker.ask(number).within(LONG).await }));
        held.push(answerer.recv().await.unwrap());
    }
    let error = asker.ask(3).within(LONG).await.unwrap_err();
    assert!(matches!(error, AskError::Busy(3)), "{error:?}");
    // An answer frees the seat.
    held.pop().unwrap().answer(4).await.unwrap();
    let third = until("a free seat", async || {
        let asked = asker.ask(3).within(LONG).into_future();
        tokio::select! {
            refused = asked => Err(refused),
            question = answerer.recv() => Ok(question.unwrap()),
        }
    })
    .await;
    assert_eq!(*third, 3);
    drop(held);
    assert_eq!(asking.pop().unwrap().await.unwrap().unwrap(), 4);
    assert!(matches!(asking.pop().unwrap().await.unwrap(), Err(AskError::Dropped(1))));
}

#[tokio::test]
async fn no_seats_are_refused() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let answerer = connection.answerer::<u64, u64>(NAME.parse().unwrap()).seats(0);
    let error = answerer.await.unwrap_err();
    assert!(matches!(error, OpenError::Settings(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_ten_thousand_questions_at_once_is_answered_or_refused() {
    const QUESTIONS: u64 = 10_000;
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let answerer = there.answerer::<u64, u64>(NAME.parse().unwrap()).seats(100).await.unwrap();
    squares(answerer);
    let asker = asker(&here);
    let asking = (0..QUESTIONS).map(|number| {
        let asker = asker.clone();
        tokio::spawn(async move { (number, asker.ask(number).within(LONG).await) })
    });
    let mut asking: FuturesUnordered<_> = asking.collect();
    let (mut answered, mut refused) = (0, 0);
    while let Some(ended) = asking.next().await {
        match ended.unwrap() {
            (number, Ok(answer)) => {
                assert_eq!(answer, number * number);
                answered += 1;
            }
            (number, Err(AskError::Busy(question))) => {
                assert_eq!(question, number);
                refused += 1;
            }
            (number, Err(other)) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(answered + refused, QUESTIONS);
    assert!(answered >= 100, "{answered} answered, {refused} refused");
    assert_eq!(asker.ask(7).await.unwrap(), 49);
}

#[tokio::test]
async fn held_questions_cost_a_bounded_number_of_messages() {
    const HELD: u64 = 500;
    let server = Server::start().await;
    let (here, there) = (connect(&server).await, connect(&server).await);
    let answerer = there.answerer::<u64, u64>(NAME.parse().unwrap()).seats(1000);
    let mut answerer = answerer.await.unwrap();
    let asker = asker(&here);
    let mut held = Vec::new();
    for number in 0..HELD {
        let asker = asker.clone();
        tokio::spawn(async move { asker.ask(number).within(LONG).await });
        held.push(answerer.recv().await.unwrap());
    }
    // What passes in the inboxes of both while nothing else does.
    let other = plain(&server).await;
    let mut seen = other.subscribe("_INBOX.>").await.unwrap();
    let mut messages = 0;
    let second = tokio::time::sleep(std::time::Duration::from_secs(3));
    tokio::pin!(second);
    loop {
        tokio::select! {
            Some(_) = seen.next() => messages += 1,
            () = &mut second => break,
        }
    }
    // Two and their replies a second; twice as many are allowed, for a start in mid-period.
    assert!((1..=24).contains(&messages), "{messages} messages for {HELD} questions in 3 s");
    assert!(held.iter().all(|question| !question.is_closed()));
}

#[tokio::test]
async fn a_question_without_a_reply_subject_takes_no_seat() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let answerer = connection.answerer::<u64, u64>(NAME.parse().unwrap()).seats(1);
    squares(answerer.await.unwrap());
    let other = plain(&server).await;
    for _ in 0..10 {
        other.publish(SUBJECT, "7".into()).await.unwrap();
    }
    let answer = other.request(SUBJECT, "7".into()).await.unwrap();
    assert_eq!(&answer.payload[..], b"49");
}
