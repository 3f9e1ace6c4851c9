//! Askers and answerers whose connections break again and again: no question is worked on twice,
//! each ends in time, and no seat is lost.

use crate::support::{LONG, NAME, asker, connect};
use futures_util::future::join_all;
use levada_nats::ask::{Answerer, AskError};
use levada_nats_test::{Proxy, Server, is_deep, until};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const SEATS: usize = 8;

/// How long a question waits, and how much later it may end on a machine that does much else.
const WITHIN: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(10);

/// What happened to all questions.
#[derive(Default)]
struct Oracle {
    next: AtomicU64,
    is_over: AtomicBool,
    /// The questions that an answerer received.
    received: Mutex<HashSet<u64>>,
    ends: Mutex<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    answered: u64,
    failed: u64,
    given_up: u64,
}

impl Oracle {
    /// Asks, one question after another; gives some of them up.
    async fn ask(self: Arc<Self>, connection: levada_nats::Connection) {
        let asker = asker(&connection);
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let start = Instant::now();
            let patience =
                if number.is_multiple_of(5) { Duration::from_millis(number % 90) } else { LONG };
            let asking = asker.ask(number).within(WITHIN).into_future();
            match tokio::time::timeout(patience, asking).await {
                Ok(Ok(answer)) => {
                    assert_eq!(answer, number * number);
                    self.ends.lock().unwrap().answered += 1;
                }
                Ok(Err(error)) => {
                    let text = error.to_string();
                    assert_eq!(error.into_question(), number, "{text}");
                    self.ends.lock().unwrap().failed += 1;
                    sleep(Duration::from_millis(20)).await;
                }
                Err(_) => self.ends.lock().unwrap().given_up += 1,
            }
            assert!(start.elapsed() < WITHIN + LATE, "{number} took {:?}", start.elapsed());
        }
    }

    /// Answers, some questions at once and some after a while; drops some.
    async fn answer(self: Arc<Self>, mut answerer: Answerer<u64, u64>) {
        while let Ok(question) = answerer.recv().await {
            let is_new = self.received.lock().unwrap().insert(*question);
            assert!(is_new, "{} was received twice", *question);
            tokio::spawn(async move {
                let number = *question;
                let work = sleep(Duration::from_millis(number % 7 * 40));
                tokio::select! {
                    () = work => {}
                    () = question.closed() => return,
                }
                if number % 11 != 0 {
                    // An error means that the asker no longer waits.
                    let _ = question.answer(number * number).await;
                }
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_repeat_nothing_and_leave_no_seat_taken() {
    let faults = if is_deep() { 200 } else { 12 };
    let server = Server::start().await;
    let proxies: Vec<Proxy> = (0..4).map(|_| Proxy::start(server.port())).collect();
    let oracle = Arc::new(Oracle::default());
    let mut connections = Vec::new();
    for proxy in &proxies {
        connections.push(levada_nats::connect(&proxy.url()).await.unwrap());
    }
    let mut answering = Vec::new();
    for there in &connections[..2] {
        let answerer = there.answerer(NAME.parse().unwrap()).seats(SEATS).await.unwrap();
        answering.push(tokio::spawn(oracle.clone().answer(answerer)));
    }
    let asking = (0..20).map(|at| oracle.clone().ask(connections[2 + at % 2].clone()));
    let asking: Vec<_> = asking.map(tokio::spawn).collect();
    let mut dice = fastrand::Rng::new();
    println!("seed {}", dice.get_seed());
    for _ in 0..faults {
        let proxy = &proxies[dice.usize(..proxies.len())];
        match dice.u8(..4) {
            0 => proxy.cut(),
            1 => proxy.freeze(),
            2 => proxy.drop_replies(),
            _ => proxy.delay(Duration::from_millis(100)),
        }
        sleep(Duration::from_millis(dice.u64(50..600))).await;
        proxy.heal();
        sleep(Duration::from_millis(dice.u64(..300))).await;
    }
    oracle.is_over.store(true, Ordering::Relaxed);
    for ended in join_all(asking).await {
        ended.unwrap();
    }
    let asked = oracle.next.load(Ordering::Relaxed);
    let ends = std::mem::take(&mut *oracle.ends.lock().unwrap());
    assert_eq!(ends.answered + ends.failed + ends.given_up, asked, "{ends:?}");
    assert!(ends.answered > 0 && ends.given_up > 0, "{ends:?}");
    all_seats_are_free(&server, &connections, &answering).await;
}

/// As many questions as there are seats are held at one time.
async fn all_seats_are_free(
    server: &Server,
    connections: &[levada_nats::Connection],
    answering: &[tokio::task::JoinHandle<()>],
) {
    assert!(answering.iter().all(|answering| !answering.is_finished()));
    // One answerer is left: whether its seats are free does not depend on whom the server chooses.
    connections[1].close().await;
    let asker = asker(&connect(server).await);
    let mut next = 1_000_000_005_u64;
    until("free seats", async || {
        // New numbers, none of which is dropped, and all of which take the same while.
        let numbers: Vec<u64> = (0..SEATS as u64).map(|at| next + at * 7 * 11).collect();
        next += SEATS as u64 * 7 * 11;
        let asking = numbers.iter().map(|number| asker.ask(*number).within(LONG).into_future());
        let ends = join_all(asking).await;
        match ends.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some(AskError::Busy(number)) => Err(number),
            Some(other) => panic!("{other:?}"),
        }
    })
    .await;
}
