//! Askers and answerers for the tests.

use levada_nats::Connection;
use levada_nats::ask::{Answerer, Asker};
use levada_nats_test::Server;
use std::time::Duration;

/// Longer than any test waits for an answer that comes.
pub(crate) const LONG: Duration = Duration::from_secs(50);

/// The name of all questions: each test has a server of its own.
pub(crate) const NAME: &str = "squares";

/// Their subject.
pub(crate) const SUBJECT: &str = "levada.ask.squares";

pub(crate) async fn connect(server: &Server) -> Connection {
    levada_nats::connect(&server.url()).await.unwrap()
}

/// A client beside ours, which sees and sends what it wants.
pub(crate) async fn plain(server: &Server) -> async_nats::Client {
    async_nats::connect(server.url()).await.unwrap()
}

pub(crate) fn asker(connection: &Connection) -> Asker<u64, u64> {
    connection.asker(NAME.parse().unwrap())
}

pub(crate) async fn answerer(connection: &Connection) -> Answerer<u64, u64> {
    connection.answerer(NAME.parse().unwrap()).await.unwrap()
}

/// Answers each question with its square, until the connection is closed or the task is aborted.
pub(crate) fn squares(mut answerer: Answerer<u64, u64>) -> tokio::task::JoinHandle<u64> {
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok(question) = answerer.recv().await {
            let square = *question * *question;
            if question.answer(square).await.is_ok() {
                count += 1;
            }
        }
        count
    })
}
