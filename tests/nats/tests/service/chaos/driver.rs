//! When which fault happens, and how long it takes until all is well again.

use super::Amount;
use super::faults::{Broken, FAULTS, Kind, OF_CLUSTERS, Target, break_it};
use super::oracle::recovers;
use super::world::World;
use fastrand::Rng;
use levada_nats_test::PATIENCE;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOOK: Duration = Duration::from_millis(50);

/// How many faults there are at most before everything heals.
const GROUP: usize = 6;

/// Breaks things, and mends them.
pub(super) struct Driver<'a> {
    world: &'a World,
    rng: Rng,
    /// Each fault comes once before one comes again.
    deck: Vec<Kind>,
    broken: Vec<Broken>,
    /// How many of each there were.
    counts: BTreeMap<Kind, usize>,
    /// How long after the end of the last of several faults all was well, by the kind of that one.
    recoveries: BTreeMap<Kind, Vec<Duration>>,
    last_mended: Option<(Kind, Instant)>,
    begun: Instant,
}

impl<'a> Driver<'a> {
    pub(super) fn new(world: &'a World, rng: Rng) -> Self {
        Self {
            world,
            rng,
            deck: Vec::new(),
            broken: Vec::new(),
            counts: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            last_mended: None,
            begun: Instant::now(),
        }
    }

    /// Has this many faults, a few at a time. After those everything heals, and is well within a
    /// minute, before the next ones; and the clients have their share of this many jobs.
    pub(super) async fn run(&mut self, amount: Amount, accepted: impl Fn() -> usize) {
        let (mut count, mut group) = (0, 0);
        while count < amount.faults {
            if group == 0 {
                group = self.rng.usize(1..=GROUP).min(amount.faults - count);
            }
            let next = Instant::now() + amount.pause.mul_f64(self.rng.f64());
            while Instant::now() < next {
                self.look_after().await;
            }
            let kind = self.draw();
            while !self.may_break(kind.0) {
                self.look_after().await;
            }
            self.break_one(kind).await;
            (count, group) = (count + 1, group - 1);
            if group == 0 {
                self.recover(count).await;
                self.rest(amount.jobs * count / amount.faults, &accepted).await;
            }
        }
    }

    /// Waits until everything is mended, and until all is well.
    async fn recover(&mut self, count: usize) {
        let patience = Instant::now() + 2 * PATIENCE;
        while !self.broken.is_empty() {
            assert!(Instant::now() < patience, "{:?} do not come up", self.broken);
            self.look_after().await;
        }
        let (kind, healed) = self.last_mended.expect("something was mended");
        recovers(self.world, healed, &format!("after-{count}")).await;
        let took = healed.elapsed();
        println!("{:.1?} all is well, {took:.1?} after {kind:?}", self.begun.elapsed());
        self.recoveries.entry(kind).or_default().push(took);
    }

    /// Waits until so many jobs are accepted.
    async fn rest(&self, jobs: usize, accepted: &impl Fn() -> usize) {
        let (begun, before) = (self.begun.elapsed(), accepted());
        let (mut last, mut since) = (before, Instant::now());
        while accepted() < jobs {
            sleep(LOOK).await;
            if accepted() > last {
                (last, since) = (accepted(), Instant::now());
            }
            assert!(since.elapsed() < PATIENCE, "no job is accepted, and nothing is broken");
        }
        let (rested, more) = (self.begun.elapsed() - begun, accepted() - before);
        println!("{begun:.1?} {more} jobs of {} in {rested:.1?}", accepted());
    }

    /// How many faults of each kind there were, and how long it took to recover.
    pub(super) fn report(&self) -> String {
        let all: usize = self.counts.values().sum();
        let mut report = format!("{all} faults in {:.0?};", self.begun.elapsed());
        for ((target, fault), count) in &self.counts {
            report += &format!("\n  {count} {fault:?} of {target:?}");
            let mut times = self.recoveries.get(&(*target, *fault)).cloned().unwrap_or_default();
            times.sort_unstable();
            if let Some(longest) = times.last() {
                let (ends, median) = (times.len(), times[times.len() / 2]);
                report += &format!(
                    "; {ends} times the last one: all was well {median:.1?} after it (median), \
                     {longest:.1?} at most"
                );
            }
        }
        report + "\n"
    }

    fn draw(&mut self) -> Kind {
        if self.deck.is_empty() {
            self.deck.extend(FAULTS);
            self.rng.shuffle(&mut self.deck);
            if self.world.servers.cluster().is_some() {
                // They come first.
                let mut of_clusters = OF_CLUSTERS;
                self.rng.shuffle(&mut of_clusters);
                self.deck.extend(of_clusters);
            }
        }
        self.deck.pop().unwrap()
    }

    /// Whether one more of these may break, so that the service as a whole goes on.
    fn may_break(&self, target: Target) -> bool {
        let broken = |target| self.broken.iter().filter(|it| it.kind.0 == target).count();
        match target {
            Target::Worker => broken(Target::Worker) < 2,
            // The servers have to answer.
            Target::Streams => broken(Target::Streams) + broken(Target::Server) == 0,
            target => broken(target) == 0,
        }
    }

    async fn break_one(&mut self, kind: Kind) {
        let size = match kind.0 {
            Target::Server => self.world.servers.all().count(),
            Target::Streams => 1,
            Target::FrontEnd => self.world.front_ends.len(),
            Target::Worker => self.world.workers.len(),
        };
        let is_whole = |index: &usize| {
            !self.broken.iter().any(|broken| broken.kind.0 == kind.0 && broken.index == *index)
        };
        let whole: Vec<_> = (0..size).filter(is_whole).collect();
        let index = self.rng.choice(whole).unwrap();
        *self.counts.entry(kind).or_default() += 1;
        let broken = break_it(self.world, &mut self.rng, kind, index).await;
        // Shown if the test fails.
        let lasts = broken.heals.saturating_duration_since(Instant::now());
        println!("{:.1?} {kind:?} {index} for {lasts:.1?}", self.begun.elapsed());
        self.broken.push(broken);
    }

    /// Mends what is due.
    async fn look_after(&mut self) {
        sleep(LOOK).await;
        let mut at = 0;
        while at < self.broken.len() {
            let broken = &mut self.broken[at];
            if broken.heals <= Instant::now() && broken.mend(self.world).await {
                self.last_mended = Some((broken.kind, Instant::now()));
                self.broken.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }
}
