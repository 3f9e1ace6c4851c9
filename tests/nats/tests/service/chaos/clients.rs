//! Clients that submit jobs all the time, and note every answer.

use super::world::{Unit, World};
use crate::http::{Answer, Call, send};
use fastrand::Rng;
use levada_nats_test::PATIENCE;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The queue of all jobs.
const PATH: &str = "/q/chaos";

/// How long a client waits after a refusal, or while no front end is there.
const PAUSE: Duration = Duration::from_millis(100);

/// Refusals that pass, and say so.
const REFUSALS: [&str; 4] = ["queue-full", "store-away", "store-failed", "draining"];

/// What all clients know.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Jobs>);

#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// The names of the jobs that were accepted, by their ids.
    pub(super) accepted: BTreeMap<String, String>,
    /// How many requests were refused, by the reason.
    pub(super) refused: BTreeMap<String, usize>,
    /// How many had no answer: their front end ended.
    pub(super) unknown: usize,
    /// How many clients waited for the result, and got it.
    pub(super) awaited: usize,
    /// The longest time until an answer.
    pub(super) slowest: Duration,
}

impl Ledger {
    pub(super) fn accepted(&self) -> usize {
        self.jobs().accepted.len()
    }

    pub(super) fn into_jobs(self) -> Jobs {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn took(&self, time: Duration) {
        let mut jobs = self.jobs();
        jobs.slowest = jobs.slowest.max(time);
    }

    fn accept(&self, id: &str, name: &str) {
        let before = self.jobs().accepted.insert(id.to_owned(), name.to_owned());
        assert!(before.is_none_or(|before| before == name), "{id} is {name} and another one");
    }
}

/// What became of one request.
enum Reply {
    /// The job of this id.
    Accepted(String),
    Refused,
    /// The front end ended before it answered.
    Unknown,
}

/// Submits jobs until it is over.
pub(super) async fn work(
    world: &World,
    client: usize,
    mut rng: Rng,
    ledger: &Ledger,
    over: &AtomicBool,
) {
    let mut number = 0;
    // ORDERING: Relaxed, no pair: it is looked at now and then.
    while !over.load(Ordering::Relaxed) {
        let name = format!("c{client}-{number}");
        number += 1;
        let input = match rng.u8(..20) {
            0 => format!("{name} attempts 2"),
            1 => format!("{name} nap 0.{}", rng.u8(1..9)),
            _ => name.clone(),
        };
        let mut call = Call::post(PATH, input);
        // More would fill the queue, and then most requests are refused.
        let waits = rng.u8(..4) > 0;
        if !waits {
            call = call.without_waiting();
        }
        let keyed = rng.bool();
        if keyed {
            call = call.key(&name);
        }
        submit(world, client, (&name, &call, keyed), &mut rng, ledger).await;
    }
}

/// Submits one job, at the front end of this client. With a key until it is accepted, at whichever
/// front end.
async fn submit(
    world: &World,
    client: usize,
    (name, call, keyed): (&str, &Call, bool),
    rng: &mut Rng,
    ledger: &Ledger,
) {
    let patience = Instant::now() + 4 * PATIENCE;
    let mut id: Option<String> = None;
    // Else all clients would wait for one that is paused.
    let mut front_end = &world.front_ends[client % world.front_ends.len()];
    loop {
        assert!(Instant::now() < patience, "{name} is not accepted");
        match ask(front_end, call, name, ledger).await {
            Reply::Accepted(accepted) => {
                let first = id.get_or_insert_with(|| accepted.clone());
                assert_eq!(*first, accepted, "{name} became two jobs");
                // Now and then it asks again: it is the same job.
                if !keyed || rng.u8(..8) > 0 {
                    return;
                }
            }
            Reply::Refused | Reply::Unknown if keyed => sleep(PAUSE).await,
            Reply::Refused => return sleep(PAUSE).await,
            Reply::Unknown => return,
        }
        front_end = rng.choice(&world.front_ends).unwrap();
    }
}

async fn ask(front_end: &Unit, call: &Call, name: &str, ledger: &Ledger) -> Reply {
    let Some(address) = front_end.address() else {
        sleep(PAUSE).await;
        return Reply::Refused;
    };
    let (begun, ends) = (Instant::now(), front_end.ends());
    let answer = send(address, call).await;
    ledger.took(begun.elapsed());
    match answer {
        Ok(answer) => judge(&answer, name, ledger),
        Err(error) => {
            let tail = front_end.member.tail();
            assert!(front_end.ends() > ends, "{name}: {error}, and nothing was killed\n{tail}");
            ledger.jobs().unknown += 1;
            Reply::Unknown
        }
    }
}

fn judge(answer: &Answer, name: &str, ledger: &Ledger) -> Reply {
    let problem = answer.problem();
    match (answer.status, answer.job()) {
        (200, Some(id)) => {
            let text = answer.text();
            let output = text.split_once(' ').unwrap_or_default();
            assert_eq!(output.0, name, "the result of another job: {text:?}");
            ledger.accept(id, name);
            ledger.jobs().awaited += 1;
            Reply::Accepted(id.to_owned())
        }
        (202, Some(id)) => {
            ledger.accept(id, name);
            Reply::Accepted(id.to_owned())
        }
        // It drains, or cannot read the result: that is asked for later.
        (503, Some(id)) if ["interrupted", "store-away"].contains(&problem.as_str()) => {
            ledger.accept(id, name);
            Reply::Accepted(id.to_owned())
        }
        (503, None) if REFUSALS.contains(&problem.as_str()) => {
            let after = answer.header("retry-after");
            assert!(after.is_some(), "{name}: no Retry-After: {}", answer.text());
            *ledger.jobs().refused.entry(problem).or_default() += 1;
            Reply::Refused
        }
        _ => panic!("{name}: {answer:?} {}", answer.text()),
    }
}
