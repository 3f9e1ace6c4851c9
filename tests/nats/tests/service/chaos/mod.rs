//! Faults at random, while clients submit jobs. In the end everything heals, and an oracle
//! accounts for every job.
//!
//! `LEVADA_NATS_SEED` is the seed of a run that failed: the same faults, in the same order.

mod clients;
mod faults;
mod oracle;
mod readers;
mod world;

use self::clients::{Ledger, work};
use self::faults::Driver;
use self::readers::Reader;
use self::world::World;
use fastrand::Rng;
use futures_util::future::join_all;
use levada_nats_test::is_deep;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much of each there is at least.
#[derive(Clone, Copy, Debug)]
struct Amount {
    faults: usize,
    jobs: usize,
    /// The longest pause between two faults.
    pause: Duration,
}

const SHORT: Amount = Amount { faults: 13, jobs: 300, pause: Duration::from_secs(4) };
/// The faults that only a cluster has, and two more.
const SHORT_OF_CLUSTERS: Amount = Amount { faults: 6, ..SHORT };
const DEEP: Amount = Amount { faults: 500, jobs: 50_000, pause: Duration::from_millis(2_500) };

/// How many clients there are.
const CLIENTS: usize = 16;

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

/// `LEVADA_NATS_FAULTS` and `LEVADA_NATS_JOBS` change it.
fn amount(servers: usize) -> Amount {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let amount = match servers {
        _ if is_deep() => DEEP,
        1 => SHORT,
        _ => SHORT_OF_CLUSTERS,
    };
    let faults = number("LEVADA_NATS_FAULTS").unwrap_or(amount.faults);
    let jobs = number("LEVADA_NATS_JOBS").unwrap_or(amount.jobs);
    Amount { faults, jobs, ..amount }
}

#[tokio::test]
async fn no_job_is_lost_whatever_fails_around_one_server() {
    run(1).await;
}

#[tokio::test]
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
    let clients =
        join_all((0..CLIENTS).map(|client| work(&world, client, rng.fork(), &ledger, &over)));
    let reading = join_all(
        readers.iter_mut().zip(&world.front_ends).map(|(reader, from)| reader.read(from, &over)),
    );
    let breaking = async {
        driver.run(amount.faults, amount.pause, || ledger.accepted() < amount.jobs).await;
        let healed = driver.heal_all().await;
        // ORDERING: Relaxed, no pair: the others look at it now and then.
        over.store(true, Ordering::Relaxed);
        healed
    };
    let (_, _, healed) = tokio::join!(clients, reading, breaking);
    let report = oracle::check(&world, &ledger.into_jobs(), &mut readers, healed).await;
    println!("{servers} servers, seed {}: {} {report}", seed.0, driver.report());
}
