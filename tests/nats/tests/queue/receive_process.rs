//! A receiver is a process, which is killed or stopped.

use crate::receiving::{Acks, Setup, connect, next};
use levada_nats::queue::Options;
use levada_nats_test::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Where the process finds the server. Without it this is no process of a test.
const URL: &str = "LEVADA_TEST_RECEIVER_OF";
const LEASE: Duration = Duration::from_secs(2);

fn options(options: Options) -> Options {
    options.lease(LEASE).max_attempts(3)
}

/// Not a test: the process that the tests of this file start. It receives one message, says its
/// attempt, and acknowledges it when it reads a line.
#[tokio::test]
#[ignore = "the other tests of this file start it"]
async fn process() {
    let Ok(url) = std::env::var(URL) else { return };
    let connection = connect(&url).await;
    let queue = options(connection.queue("jobs".parse().unwrap())).open::<u32>().await.unwrap();
    let receiver = queue.receiver(1).await.unwrap();
    let delivery = next(&receiver).await;
    println!("\nattempt {}", delivery.attempt());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    lines.next_line().await.unwrap();
    println!("\nresult {:?}", delivery.ack().await);
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "receive_process::process", "--nocapture"]);
        command.env(URL, url).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// What the process says after this word.
    async fn hears(&mut self, word: &str) -> String {
        let reading = async {
            loop {
                let mut line = String::new();
                let read = self.stdout.read_line(&mut line).await.unwrap();
                assert!(read > 0, "the process has ended");
                if let Some(rest) = line.strip_prefix(word) {
                    return rest.trim().to_owned();
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("a word of the process")
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

#[tokio::test]
async fn a_message_of_a_killed_process_comes_after_its_lease_with_the_next_attempt() {
    let setup = Setup::start().await;
    let queue = options(setup.queue()).open::<u32>().await.unwrap();
    setup.plain.send([7]).await;
    let mut process = Process::start(&setup.server.url());
    assert_eq!(process.hears("attempt ").await, "1");
    process.signal(Signal::KILL);
    let killed = Instant::now();
    let receiver = queue.receiver(1).await.unwrap();
    let delivery = next(&receiver).await;
    assert_eq!((*delivery, delivery.attempt()), (7, 2));
    // The machine is loaded: a second more than the lease is what the design wants.
    println!("after {:?}", killed.elapsed());
    delivery.ack().await.unwrap();
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_process_that_was_stopped_beyond_its_lease_sends_no_acknowledgement() {
    let setup = Setup::start().await;
    let queue = options(setup.queue()).open::<u32>().await.unwrap();
    setup.plain.send([7]).await;
    let mut process = Process::start(&setup.server.url());
    assert_eq!(process.hears("attempt ").await, "1");
    let mut acks = Acks::watch(&setup.plain).await;
    process.signal(Signal::STOP);
    let receiver = queue.receiver(1).await.unwrap();
    let delivery = next(&receiver).await;
    assert_eq!((*delivery, delivery.attempt()), (7, 2));
    process.stdin.write_all(b"ack\n").await.unwrap();
    process.signal(Signal::CONT);
    assert_eq!(process.hears("result ").await, "Err(Lost)");
    assert_eq!(setup.plain.stream("queue").await.messages, 1);
    assert!(!delivery.is_lost());
    delivery.ack().await.unwrap();
    acks.expect_one_ack().await;
    setup.plain.has("queue", 0).await;
}

#[tokio::test]
async fn a_message_that_kills_its_receivers_is_a_dead_letter() {
    let setup = Setup::start().await;
    let queue = options(setup.queue()).open::<u32>().await.unwrap();
    setup.plain.send([7]).await;
    for attempt in ["1", "2", "3"] {
        let mut process = Process::start(&setup.server.url());
        assert_eq!(process.hears("attempt ").await, attempt);
        process.signal(Signal::KILL);
        process.child.wait().await.unwrap();
    }
    // No advisory of the server is listened to: a receiver moves it when it comes once more.
    let receiver = queue.receiver(1).await.unwrap();
    setup.plain.has("dead", 1).await;
    setup.plain.has("queue", 0).await;
    assert!(receiver.try_recv().is_err());
    let letters = queue.dead_letters().read(0, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert!(
        letters[0].reason().contains("3 attempts ended without a verdict"),
        "{}",
        letters[0].reason()
    );
    assert_eq!(letters[0].id(), Some("job-7"));
}
