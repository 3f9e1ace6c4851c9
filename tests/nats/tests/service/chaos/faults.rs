//! Which faults there are, and when.

use super::world::{Unit, World};
use fastrand::Rng;
use levada_nats_test::{Proxy, request};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a worker has a job without a renewal.
const LEASE: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Server,
    FrontEnd,
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGTERM; of a server, its leader steps down.
    Stop,
    /// SIGSTOP.
    Pause,
    /// Its connections are closed, and new ones refused. Of a server: those to the other servers.
    Cut,
    /// Its connections are open, and nothing passes.
    Freeze,
    /// What it sends arrives, and it gets no answer.
    DropReplies,
}

/// The faults; those below are for several servers.
const FAULTS: [(Target, Fault); 13] = [
    (Target::Server, Fault::Kill),
    (Target::Server, Fault::Pause),
    (Target::FrontEnd, Fault::Kill),
    (Target::FrontEnd, Fault::Stop),
    (Target::FrontEnd, Fault::Pause),
    (Target::FrontEnd, Fault::Cut),
    (Target::FrontEnd, Fault::Freeze),
    (Target::FrontEnd, Fault::DropReplies),
    (Target::Worker, Fault::Kill),
    (Target::Worker, Fault::Stop),
    (Target::Worker, Fault::Pause),
    (Target::Worker, Fault::Cut),
    (Target::Worker, Fault::DropReplies),
];
const OF_CLUSTERS: [(Target, Fault); 4] = [
    (Target::Server, Fault::Stop),
    (Target::Server, Fault::Cut),
    (Target::Server, Fault::Freeze),
    (Target::Worker, Fault::Freeze),
];

/// What is broken, and until when.
#[derive(Debug)]
struct Broken {
    target: Target,
    index: usize,
    fault: Fault,
    heals: Instant,
    /// It was started again, and has not answered yet.
    rises: bool,
}

/// Breaks things, and mends them.
pub(super) struct Driver<'a> {
    world: &'a World,
    rng: Rng,
    /// Each fault comes once before one comes again.
    deck: Vec<(Target, Fault)>,
    broken: Vec<Broken>,
    /// How many of each there were.
    counts: BTreeMap<(Target, Fault), usize>,
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
            begun: Instant::now(),
        }
    }

    /// Has at least this many faults, and more while `wants_more`.
    pub(super) async fn run(
        &mut self,
        faults: usize,
        pause: Duration,
        wants_more: impl Fn() -> bool,
    ) {
        let mut count = 0;
        while count < faults || wants_more() {
            let next = Instant::now() + pause.mul_f64(self.rng.f64());
            while Instant::now() < next {
                self.look_after().await;
            }
            let (target, fault) = self.draw();
            while !self.may_break(target) {
                self.look_after().await;
            }
            self.break_one(target, fault).await;
            count += 1;
        }
    }

    /// Mends everything, and returns when that was done.
    pub(super) async fn heal_all(&mut self) -> Instant {
        let now = Instant::now();
        self.broken.iter_mut().for_each(|broken| broken.heals = now);
        let patience = now + 2 * levada_nats_test::PATIENCE;
        while !self.broken.is_empty() {
            assert!(Instant::now() < patience, "{:?} do not come up", self.broken);
            self.look_after().await;
        }
        now
    }

    /// How many faults of each kind there were.
    pub(super) fn report(&self) -> String {
        let all: usize = self.counts.values().sum();
        let each = self.counts.iter();
        let each = each.map(|((target, fault), count)| format!("{count} {fault:?} of {target:?}"));
        format!("{all} faults ({});", each.collect::<Vec<_>>().join(", "))
    }

    fn draw(&mut self) -> (Target, Fault) {
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
        let most = if target == Target::Worker { 2 } else { 1 };
        self.broken.iter().filter(|broken| broken.target == target).count() < most
    }

    async fn break_one(&mut self, target: Target, fault: Fault) {
        let size = match target {
            Target::Server => self.world.servers.all().count(),
            Target::FrontEnd => self.world.front_ends.len(),
            Target::Worker => self.world.workers.len(),
        };
        let whole = |index: &usize| {
            !self.broken.iter().any(|broken| broken.target == target && broken.index == *index)
        };
        let whole: Vec<_> = (0..size).filter(whole).collect();
        let index = self.rng.choice(whole).unwrap();
        let lasts = match fault {
            // Beyond a lease; a server, without which nothing goes on, mostly for less.
            Fault::Pause | Fault::Freeze if target != Target::Server || self.rng.u8(..4) == 0 => {
                LEASE + Duration::from_millis(self.rng.u64(500..4_000))
            }
            Fault::Cut | Fault::DropReplies if self.rng.bool() => {
                LEASE + Duration::from_millis(self.rng.u64(500..4_000))
            }
            _ => Duration::from_millis(self.rng.u64(..3_000)),
        };
        *self.counts.entry((target, fault)).or_default() += 1;
        match target {
            Target::Server => self.break_server(index, fault).await,
            Target::FrontEnd => break_unit(&self.world.front_ends[index], fault),
            Target::Worker => break_unit(&self.world.workers[index], fault),
        }
        // Shown if the test fails.
        let time = self.begun.elapsed();
        println!("{time:.1?} {fault:?} of {target:?} {index} for {lasts:.1?}");
        let heals = Instant::now() + lasts;
        self.broken.push(Broken { target, index, fault, heals, rises: false });
    }

    async fn break_server(&mut self, index: usize, fault: Fault) {
        let server = self.world.servers.get(index);
        match (fault, self.world.servers.cluster()) {
            (Fault::Kill, _) => server.kill(),
            (Fault::Pause, _) => server.pause(),
            (Fault::Cut | Fault::DropReplies, Some(cluster)) => cluster.partition(index),
            (Fault::Freeze, Some(cluster)) => cluster.freeze_routes(index),
            (Fault::Stop, Some(_)) => self.step_down(index).await,
            (fault, None) => unreachable!("{fault:?} is for clusters"),
        }
    }

    /// The leaders of some streams give up, if this node answers.
    async fn step_down(&mut self, index: usize) {
        let url = self.world.servers.get(index).url();
        let Ok(names) = request(&url, "$JS.API.STREAM.NAMES", "").await else { return };
        for name in names["streams"].as_array().into_iter().flatten() {
            if self.rng.bool() {
                let subject = format!("$JS.API.STREAM.LEADER.STEPDOWN.{}", name.as_str().unwrap());
                // It may have no leader just then.
                drop(request(&url, &subject, "").await);
            }
        }
    }

    /// Mends what is due.
    async fn look_after(&mut self) {
        sleep(LOOK).await;
        let mut at = 0;
        while at < self.broken.len() {
            let is_due = self.broken[at].heals <= Instant::now();
            if is_due && self.mend(at).await {
                self.broken.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Mends one; whether that is done.
    async fn mend(&mut self, at: usize) -> bool {
        let Broken { target, index, fault, ref mut rises, .. } = self.broken[at];
        let unit = match target {
            Target::Server => return self.mend_server(index, fault).await,
            Target::FrontEnd => &self.world.front_ends[index],
            Target::Worker => &self.world.workers[index],
        };
        match fault {
            Fault::Pause => unit.member.resume(),
            Fault::Cut | Fault::Freeze | Fault::DropReplies => {
                unit.proxies.iter().for_each(Proxy::heal);
            }
            Fault::Kill | Fault::Stop if *rises => return unit.looks_up().await,
            // It ends what it runs before.
            Fault::Stop if unit.member.ended().is_none() => return false,
            Fault::Kill | Fault::Stop => {
                unit.member.respawn();
                *rises = true;
                return false;
            }
        }
        true
    }

    async fn mend_server(&self, index: usize, fault: Fault) -> bool {
        let server = self.world.servers.get(index);
        match (fault, self.world.servers.cluster()) {
            (Fault::Kill, _) => server.respawn(),
            (Fault::Pause, _) => server.resume(),
            (Fault::Cut | Fault::Freeze | Fault::DropReplies, Some(cluster)) => cluster.heal(index),
            _ => {}
        }
        // One of them at a time: the others have what it has before the next one breaks.
        self.world.servers.ready().await;
        true
    }
}

fn break_unit(unit: &Unit, fault: Fault) {
    match fault {
        Fault::Kill => {
            unit.goes_down();
            unit.member.kill();
        }
        Fault::Stop => {
            unit.goes_down();
            unit.member.terminate();
        }
        Fault::Pause => unit.member.pause(),
        Fault::Cut => unit.proxies.iter().for_each(Proxy::cut),
        Fault::Freeze => unit.proxies.iter().for_each(Proxy::freeze),
        Fault::DropReplies => unit.proxies.iter().for_each(Proxy::drop_replies),
    }
}
