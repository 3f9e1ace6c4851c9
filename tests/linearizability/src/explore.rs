//! Many seeds.

use std::fmt::{self, Debug, Write};

use crate::checker::{Found, MAX_EVENTS, Spec, check};
use crate::recorder::Event;

/// What was done for all seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Histories recorded and checked.
    pub histories: usize,
    /// Of these, those in which operations of different threads overlap.
    pub concurrent: usize,
    /// Of these, those in which the order of the beginnings is not a linearization.
    pub reordered: usize,
    /// Histories that were too long to be checked.
    pub skipped: usize,
    /// Operations.
    pub events: usize,
    /// Operations that overlap with another thread's.
    pub overlapping: usize,
    /// States the checker reached.
    pub states: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: usize, whole: usize| part * 100 / whole.max(1);
        write!(
            f,
            "{} histories ({}% concurrent, {}% not in the order of the calls; {} too long), \
             {} operations ({}% overlap), {} states",
            self.histories,
            percent(self.concurrent, self.histories),
            percent(self.reordered, self.histories),
            self.skipped,
            self.events,
            percent(self.overlapping, self.events),
            self.states
        )
    }
}

/// Records a history for each seed and checks it against the specification that comes with it.
///
/// The seeds are `LINEARIZABILITY_SEEDS` many, or else as many as `seeds` says, from
/// `LINEARIZABILITY_SEED`, or else 0. A seed fixes what the threads do, not when: a failure may
/// take some runs of its seed to come again.
///
/// # Panics
/// If a history is not linearizable; the message has it all. And if hardly any is concurrent: then
/// nothing was tested.
pub fn explore<S: Spec>(
    name: &str,
    seeds: u64,
    mut run: impl FnMut(u64) -> (S, Vec<Event<S::Op>>),
) -> Tally {
    let first = from_environment("LINEARIZABILITY_SEED").unwrap_or(0);
    let seeds = from_environment("LINEARIZABILITY_SEEDS").unwrap_or(seeds);
    let mut tally = Tally::default();
    for seed in first..first + seeds {
        let (spec, history) = run(seed);
        if history.len() > MAX_EVENTS {
            tally.skipped += 1;
            continue;
        }
        let found = check(&spec, &history);
        assert!(found.linearizable, "{name}, seed {seed}: {}", explain(&history, &found));
        tally.add(&history, &found);
    }
    println!("{name}: {tally}");
    assert_eq!(tally.histories + tally.skipped, usize::try_from(seeds).unwrap_or(usize::MAX));
    assert!(tally.skipped * 100 <= tally.histories, "more than 1% is too long to be checked");
    let enough = tally.histories < 1000 || tally.concurrent * 20 > tally.histories;
    assert!(enough, "less than 5% is concurrent: nothing was tested");
    tally
}

impl Tally {
    fn add<S, O>(&mut self, history: &[Event<O>], found: &Found<S>) {
        let overlaps = |event: &&Event<O>| {
            history.iter().any(|other| event.actor != other.actor && event.overlaps(other))
        };
        let overlapping = history.iter().filter(overlaps).count();
        self.histories += 1;
        self.concurrent += usize::from(overlapping > 0);
        self.reordered += usize::from(!found.order.is_sorted());
        self.events += history.len();
        self.overlapping += overlapping;
        self.states += found.states;
    }
}

/// The history, and how far the checker came.
pub fn explain<S: Debug, O: Debug>(history: &[Event<O>], found: &Found<S>) -> String {
    let mut text = String::from("not linearizable\n\nstep begin..end  thread: operation\n");
    for (index, event) in history.iter().enumerate() {
        let place = found.order.iter().position(|done| *done == index);
        let place = place.map_or("  -".to_owned(), |place| format!("{:>3}", place + 1));
        let _infallible = writeln!(text, "{place} {event:?}");
    }
    let _infallible = writeln!(
        text,
        "\nThe first column is the longest order that the specification allows; it leads to\n{:?}\n\
         and none of the operations with a `-` can come next.",
        found.state
    );
    text
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
