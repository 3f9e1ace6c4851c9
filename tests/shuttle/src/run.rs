use crate::{Counts, Ledger};
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::env;
use std::thread;
use std::time::Instant;

/// Schedules that come from one seed: as many as it takes to replay a failure.
const BATCH: usize = 100;
/// Schedules per scenario and scheduler, unless `SHUTTLE_SCHEDULES` says otherwise.
const SCHEDULES: usize = 2_000;
/// Steps after which a schedule is a livelock; the longest scenario takes some thousands.
const STEPS: usize = 200_000;
/// Snapshots beside one schedule: a number, since a schedule may prefer the thread that makes them.
#[cfg(feature = "observe")]
const SNAPSHOTS: usize = 4;

/// Runs `scenario` under random schedules, then under those of probabilistic concurrency testing
/// (few preemptions, at random places), and writes down how many.
///
/// # Panics
/// If the scenario does, or if it comes to a standstill; after the command that replays it.
pub fn check(scenario: fn()) {
    for (scheduler, run) in [("random", random as fn(u64, fn()) -> usize), ("pct", pct)] {
        let start = Instant::now();
        let mut schedules = 0;
        let mut seed = variable("SHUTTLE_SEED").unwrap_or(1);
        while schedules < self::schedules() {
            let _replay = Replay { scheduler, seed };
            schedules += run(seed, scenario);
            seed += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("scenario {}: {scheduler}, {schedules} schedules, {seconds:.2} s", name());
    }
}

/// How many schedules each scheduler runs of a scenario.
fn schedules() -> usize {
    variable("SHUTTLE_SCHEDULES").map_or(SCHEDULES, |number| number.try_into().expect("fits"))
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error}")))
}

/// libtest names its threads after the tests.
fn name() -> String {
    thread::current().name().unwrap_or("unnamed").to_owned()
}

fn random(seed: u64, scenario: fn()) -> usize {
    run(RandomScheduler::new_from_seed(seed, BATCH), scenario)
}

fn pct(seed: u64, scenario: fn()) -> usize {
    let preemptions = 1 + seed % 4;
    let depth = 1 + usize::try_from(preemptions).expect("is small");
    run(PctScheduler::new_from_seed(seed, depth, BATCH), scenario)
}

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) -> usize {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(STEPS);
    // A seed is shorter than the schedule, and says the same.
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    config.stack_size = 128 * 1024;
    Runner::new(scheduler, config).run(move || beside_snapshots(scenario))
}

/// Runs `scenario`; with the feature `observe`, beside a thread that makes snapshots.
fn beside_snapshots(scenario: fn()) {
    #[cfg(feature = "observe")]
    let snapshots = shuttle::thread::spawn(|| (0..SNAPSHOTS).for_each(|_| snapshot()));
    scenario();
    #[cfg(feature = "observe")]
    snapshots.join().expect("no snapshot panics");
}

/// Makes a snapshot, and checks rule 3 of the module `observe`.
#[cfg(feature = "observe")]
fn snapshot() {
    for channel in levada::observe::snapshot().channels {
        if let (Some(depth), Some(capacity)) = (channel.depth, channel.capacity) {
            assert!(depth <= capacity, "{channel:?}");
        }
        if let (Some(depth), Some(received)) = (channel.depth, channel.received) {
            assert_eq!(channel.sent.checked_sub(received), Some(depth as u64), "{channel:?}");
        }
    }
}

/// Says how to come back to a failure.
struct Replay {
    scheduler: &'static str,
    seed: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            let (name, Self { scheduler, seed }) = (name(), self);
            eprintln!("{name} fails under {scheduler} schedules of seed {seed}; again:");
            eprintln!("    cargo xtask shuttle --only {name} --seed {seed}");
        }
    }
}

/// A number below `end`, decided by the schedule.
pub fn below(end: usize) -> usize {
    shuttle::rand::thread_rng().gen_range(0..end)
}

/// Lets others go first, up to a few times.
pub async fn pause() {
    for _ in 0..below(4) {
        shuttle::future::yield_now().await;
    }
}

/// Starts `count` tasks, each with its number and a clone of `handle`, which is not kept.
pub fn tasks<H: Clone, F>(count: usize, handle: H, task: impl Fn(usize, H) -> F) -> Vec<Task>
where
    F: Future<Output = ()> + Send + 'static,
{
    (0..count).map(|number| shuttle::future::spawn(task(number, handle.clone()))).collect()
}

/// A task that was started.
pub type Task = shuttle::future::JoinHandle<()>;

/// Waits for all of them.
///
/// # Panics
/// If one of them did.
pub async fn join(tasks: Vec<Task>) {
    for task in tasks {
        task.await.expect("no task panics");
    }
}

/// Waits for all of them, and closes the book.
///
/// # Panics
/// If one of them did, and as [`Ledger::settle`].
pub async fn finish(tasks: Vec<Task>, ledger: Ledger) -> Counts {
    join(tasks).await;
    ledger.settle()
}
