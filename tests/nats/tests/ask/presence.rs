//! Sides that die, and sides that only seem to: guarantees 9 and 10.

use crate::support::{LONG, answerer, asker, connect, plain, squares};
use futures_util::StreamExt;
use levada_nats::ask::{AnswerError, AskError};
use levada_nats_test::{PATIENCE, Proxy, Server};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Where a process that a test starts finds the server.
const URL: &str = "LEVADA_ASK_TEST_URL";

/// The test that runs here, in a process of its own, which plays the other side.
struct Other(Child);

impl Other {
    fn start(test: &str, server: &Server) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test]).env(URL, server.url());
        Self(command.stdout(Stdio::null()).stdin(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this is the process that a test started, and its server.
fn is_other() -> Option<String> {
    std::env::var(URL).ok()
}

#[tokio::test]
async fn the_questions_of_a_killed_asker_are_closed() {
    if let Some(url) = is_other() {
        let asker = asker(&levada_nats::connect(&url).await.unwrap());
        panic!("{:?}", asker.ask(7).within(LONG * 100).await);
    }
    let server = Server::start().await;
    let mut answerer = answerer(&connect(&server).await).await;
    let mut other = Other::start("presence::the_questions_of_a_killed_asker_are_closed", &server);
    let question = timeout(PATIENCE, answerer.recv()).await.expect("it asks").unwrap();
    assert!(question.deadline() > Instant::now() + LONG);
    other.kill();
    timeout(PATIENCE, question.closed()).await.expect("its asker is gone");
    let error = question.answer(49).await.unwrap_err();
    assert!(matches!(error, AnswerError::Closed(49)), "{error:?}");
}

#[tokio::test]
async fn the_asker_of_a_killed_answerer_is_not_left_waiting() {
    if let Some(url) = is_other() {
        let connection = levada_nats::connect(&url).await.unwrap();
        let mut answerer = answerer(&connection).await;
        let _question = answerer.recv().await.unwrap();
        return std::future::pending().await;
    }
    let server = Server::start().await;
    let asker = asker(&connect(&server).await);
    let mut letters = plain(&server).await.subscribe("_INBOX.*.held").await.unwrap();
    let test = "presence::the_asker_of_a_killed_answerer_is_not_left_waiting";
    let mut other = Other::start(test, &server);
    let asking = tokio::spawn(async move {
        loop {
            match asker.ask(7).within(LONG * 100).await {
                // It is starting.
                Err(AskError::NoResponder(7)) => tokio::time::sleep(LONG / 1000).await,
                end => break end,
            }
        }
    });
    timeout(PATIENCE, letters.next()).await.expect("it holds the question").unwrap();
    other.kill();
    let end = timeout(PATIENCE, asking).await.expect("the answerer is gone").unwrap();
    let error = end.unwrap_err();
    assert!(matches!(error, AskError::Gone(7)), "{error:?}");
}

#[tokio::test]
async fn an_answerer_that_is_only_stopped_is_not_gone() {
    if let Some(url) = is_other() {
        let connection = levada_nats::connect(&url).await.unwrap();
        let mut answerer = answerer(&connection).await;
        let question = answerer.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        question.answer(49).await.unwrap();
        return std::future::pending().await;
    }
    let server = Server::start().await;
    let asker = asker(&connect(&server).await);
    let mut letters = plain(&server).await.subscribe("_INBOX.*.held").await.unwrap();
    let test = "presence::an_answerer_that_is_only_stopped_is_not_gone";
    let other = Other::start(test, &server);
    let asking = tokio::spawn(async move {
        loop {
            match asker.ask(7).within(LONG).await {
                Err(AskError::NoResponder(7)) => tokio::time::sleep(LONG / 1000).await,
                end => break end,
            }
        }
    });
    timeout(PATIENCE, letters.next()).await.expect("it holds the question").unwrap();
    other.signal(Signal::STOP);
    // Three times as long as a dead one needs to be found.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!asking.is_finished());
    other.signal(Signal::CONT);
    assert_eq!(asking.await.unwrap().unwrap(), 49);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_not_waited_for() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let here = levada_nats::connect(&proxy.url()).await.unwrap();
    let there = connect(&server).await;
    let mut answerer = answerer(&there).await;
    let asker = asker(&here);
    let mut letters = plain(&server).await.subscribe("_INBOX.>").await.unwrap();
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG * 100).await });
    let question = answerer.recv().await.unwrap();
    // The asker has heard by whom it is held when it has replied to that.
    let held = letters.next().await.unwrap();
    assert!(held.subject.ends_with(".held"), "{}", held.subject);
    letters.next().await.unwrap();
    proxy.cut();
    question.answer(49).await.unwrap();
    let lost = letters.next().await.unwrap();
    assert_eq!(&lost.payload[..], b"49", "{}", lost.subject);
    proxy.heal();
    let end = timeout(PATIENCE, asking).await.expect("the answer was lost").unwrap();
    let error = end.unwrap_err();
    assert!(matches!(error, AskError::Gone(7)), "{error:?}");
}

#[tokio::test]
async fn an_asker_that_comes_back_gets_its_answer() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let here = levada_nats::connect(&proxy.url()).await.unwrap();
    let mut answerer = answerer(&connect(&server).await).await;
    let asker = asker(&here);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    let mut state = here.state();
    proxy.cut();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    proxy.heal();
    state.wait_for(|state| state.is_connected()).await.unwrap();
    assert!(!question.is_closed());
    // The server has its subscription again before it answers its next request.
    let jetstream = async_nats::jetstream::new(plain(&server).await);
    jetstream.query_account().await.unwrap();
    levada_nats_test::until("the answer, or the next question", async || {
        let probe = here.asker::<u64, u64>("nothing".parse().unwrap()).ask(1).await;
        match probe {
            Err(AskError::NoResponder(1)) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    question.answer(49).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), 49);
}

#[tokio::test]
async fn an_answerer_that_comes_back_answers() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port());
    let there = levada_nats::connect(&proxy.url()).await.unwrap();
    let mut answerer = answerer(&there).await;
    let asker = asker(&connect(&server).await);
    let asking = tokio::spawn(async move { asker.ask(7).within(LONG).await });
    let question = answerer.recv().await.unwrap();
    let mut state = there.state();
    proxy.cut();
    state.wait_for(|state| !state.is_connected()).await.unwrap();
    proxy.heal();
    // It waits for the connection.
    question.answer(49).await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), 49);
    squares(answerer);
}
