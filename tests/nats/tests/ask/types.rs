//! Other programs and other types on the other side: guarantee 12, and plain requests.

use crate::support::{LONG, NAME, SUBJECT, answerer, asker, connect, plain, squares};
use async_nats::HeaderMap;
use futures_util::StreamExt;
use levada_nats::ask::AskError;
use levada_nats::codec::Raw;
use levada_nats_test::Server;
use std::time::Duration;

#[tokio::test]
async fn an_answerer_that_cannot_read_a_question_says_so_and_goes_on() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    squares(answerer(&connection).await);
    let wrong = connection.asker::<String, u64>(NAME.parse().unwrap());
    match wrong.ask("seven".to_owned()).within(LONG).await.unwrap_err() {
        AskError::Refused { question, reason } => {
            assert_eq!(question, "seven");
            assert!(reason.contains("cannot read the question"), "{reason}");
            assert!(reason.contains("invalid type: string"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asker(&connection).ask(7).await.unwrap(), 49);
}

#[tokio::test]
async fn an_asker_that_cannot_read_an_answer_says_so() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    squares(answerer(&connection).await);
    let wrong = connection.asker::<u64, String>(NAME.parse().unwrap());
    let error = wrong.ask(7).within(LONG).await.unwrap_err();
    assert!(matches!(&error, AskError::Decode { question: 7, .. }), "{error:?}");
    assert!(error.to_string().contains("expected a string"), "{error}");
}

#[tokio::test]
async fn another_codec_passes_any_bytes() {
    let server = Server::start().await;
    let connection = connect(&server).await;
    let name = || NAME.parse().unwrap();
    let mut answerer = connection.answerer_with::<Vec<u8>, Vec<u8>>(name(), Raw).await.unwrap();
    let asker = connection.asker_with::<Vec<u8>, Vec<u8>>(name(), Raw);
    let asking = tokio::spawn(async move { asker.ask(vec![0, 255]).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    assert_eq!(*question, [0, 255]);
    // An empty answer is one.
    question.answer(Vec::new()).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), Vec::<u8>::new());
}

#[tokio::test]
async fn a_plain_request_is_answered() {
    let server = Server::start().await;
    let mut answerer = answerer(&connect(&server).await).await;
    let other = plain(&server).await;
    let asking = tokio::spawn(async move { other.request(SUBJECT, "7".into()).await });
    let question = answerer.recv().await.unwrap();
    // Longer than the time after which an asker of this crate hears that its question is held. A
    // plain request would take that for its answer.
    tokio::time::sleep(Duration::from_millis(300)).await;
    question.answer(49).await.unwrap();
    assert_eq!(&asking.await.unwrap().unwrap().payload[..], b"49");
}

#[tokio::test]
async fn a_plain_request_that_is_refused_gets_the_headers_of_services() {
    let server = Server::start().await;
    let mut answerer = answerer(&connect(&server).await).await;
    let other = plain(&server).await;
    let asking = tokio::spawn(async move { other.request(SUBJECT, "7".into()).await });
    drop(answerer.recv().await.unwrap());
    let headers = asking.await.unwrap().unwrap().headers.unwrap();
    assert_eq!(headers.get("Nats-Service-Error-Code").unwrap().as_str(), "410");
    assert!(headers.get("Nats-Service-Error").unwrap().as_str().contains("dropped"));
}

#[tokio::test]
async fn a_plain_program_answers_or_refuses() {
    let server = Server::start().await;
    let other = plain(&server).await;
    let mut questions = other.subscribe(SUBJECT).await.unwrap();
    other.flush().await.unwrap();
    let asker = asker(&connect(&server).await);
    let asking = tokio::spawn(async move {
        let answer = asker.ask(7).within(LONG).await.unwrap();
        (answer, asker.ask(8).within(LONG).await.unwrap_err())
    });
    let question = questions.next().await.unwrap();
    other.publish(question.reply.unwrap(), "49".into()).await.unwrap();
    let question = questions.next().await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Service-Error", "no squares today");
    headers.insert("Nats-Service-Error-Code", "503");
    let reply = question.reply.unwrap();
    other.publish_with_headers(reply, headers, "".into()).await.unwrap();
    let (answer, error) = asking.await.unwrap();
    assert_eq!(answer, 49);
    match error {
        AskError::Refused { question: 8, reason } => assert_eq!(reason, "no squares today"),
        other => panic!("{other:?}"),
    }
}
