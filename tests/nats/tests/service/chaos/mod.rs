//! Faults at random, while clients submit jobs. In the end everything heals, and an oracle
//! accounts for every job.
//!
//! | variable              | what it says                                                      |
//! |-----------------------|-------------------------------------------------------------------|
//! | `LEVADA_NATS_SEED`    | the seed of a run that failed: the same faults, in the same order |
//! | `LEVADA_NATS_FAULTS`  | how many faults there are                                         |
//! | `LEVADA_NATS_JOBS`    | how many jobs are accepted at least                               |
//! | `LEVADA_NATS_CLIENTS` | how many clients submit jobs at a time                            |
//!
//! A `levada` that is built with `--release` (`LEVADA` names it) does several times as many jobs.

mod clients;
mod driver;
mod faults;
mod oracle;
mod readers;
mod streams;
mod world;

use self::clients::{Ledger, work};
use self::driver::Driver;
use self::readers::Reader;
use self::world::World;
use fastrand::Rng;
use futures_util::future::join_all;
use levada_nats_test::is_deep;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How much of each there is at least.
#[derive(Clone, Copy, Debug)]
struct Amount {
    faults: usize,
    jobs: usize,
    clients: usize,
    /// The longest pause between two faults.
    pause: Duration,
}

const SHORT: Amount =
    Amount { faults: 18, jobs: 500, clients: 24, pause: Duration::from_millis(2_500) };
/// The faults that only a cluster has, and two more.
const SHORT_OF_CLUSTERS: Amount = Amount { faults: 6, ..SHORT };
const DEEP: Amount = Amount { faults: 500, jobs: 50_000, clients: 64, ..SHORT };

/// Names the seed if the test fails.
struct Seed(u64);

impl Seed {
    fn choose() -> Self {
        let given = env::var("LEVADA_NATS_SEED").ok();
        let given = given.map(|seed| seed.parse().expect("LEVADA_NATS_SEED is a number"));
        Self(given.unwrap_or_else(|| fastrand::u64(..)))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- once more with these faults: LEVADA_NATS_SEED={}", self.0);
        }
    }
}

/// The environment changes it.
fn amount(servers: usize) -> Amount {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let amount = match servers {
        _ if is_deep() => DEEP,
        1 => SHORT,
        _ => SHORT_OF_CLUSTERS,
    };
    let faults = number("LEVADA_NATS_FAULTS").unwrap_or(amount.faults);
    let jobs = number("LEVADA_NATS_JOBS").unwrap_or(amount.jobs);
    let clients = number("LEVADA_NATS_CLIENTS").unwrap_or(amount.clients);
    Amount { faults, jobs, clients, ..amount }
}

#[tokio::test]
#[ignore = "a minute of faults at random: run `cargo xtask nats --deep`"]
async fn no_job_is_lost_whatever_fails_around_one_server() {
    run(1).await;
}

#[tokio::test]
#[ignore = "three servers: run `cargo xtask nats --deep`"]
async fn no_job_is_lost_whatever_fails_around_three_servers() {
    run(3).await;
}

async fn run(servers: usize) {
    let (seed, amount) = (Seed::choose(), amount(servers));
    let mut rng = Rng::with_seed(seed.0);
    let world = World::start(servers).await;
    let (ledger, over) = (Ledger::default(), AtomicBool::new(false));
    let mut readers: Vec<_> = world.front_ends.iter().map(|_| Reader::default()).collect();
    let mut driver = Driver::new(&world, rng.fork());
    let clients = join_all(
        (0..amount.clients).map(|client| work(&world, client, rng.fork(), &ledger, &over)),
    );
    let reading = join_all(
        readers.iter_mut().zip(&world.front_ends).map(|(reader, from)| reader.read(from, &over)),
    );
    let breaking = async {
        driver.run(amount, || ledger.accepted()).await;
        // ORDERING: Relaxed, no pair: the others look at it now and then.
        over.store(true, Ordering::Relaxed);
        Instant::now()
    };
    let (_, _, ended) = tokio::join!(clients, reading, breaking);
    let report = oracle::check(&world, &ledger.into_jobs(), &mut readers, ended).await;
    println!("{servers} servers, seed {}: {}{report}", seed.0, driver.report());
}
