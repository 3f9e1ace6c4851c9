//! Which faults there are, and how each is made and mended.

use super::streams::{delete_consumers, fill_queue, fill_store, free_queue, free_store};
use super::world::{Unit, World};
use fastrand::Rng;
use levada_nats_test::{Proxy, request};
use std::time::Duration;
use tokio::time::Instant;

/// How long a worker has a job without a renewal.
const LEASE: Duration = Duration::from_secs(10);

/// By how many seconds a clock is wrong: a correction, a time zone, a dead battery.
const STEPS: [i64; 6] = [-90, 90, -7_200, 7_200, -40 * DAY, 40 * DAY];
const DAY: i64 = 24 * 3_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Server,
    /// What the servers keep.
    Streams,
    FrontEnd,
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
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
    /// Its clock steps, and steps back.
    Clock,
    /// Their consumers are deleted.
    Consumers,
    /// The stream of the queue takes nothing more.
    FullQueue,
    /// The servers' disk takes nothing more.
    FullStore,
}

pub(super) type Kind = (Target, Fault);

/// The faults; those below are for several servers.
pub(super) const FAULTS: [Kind; 18] = [
    (Target::Server, Fault::Kill),
    (Target::Server, Fault::Pause),
    (Target::Streams, Fault::Consumers),
    (Target::Streams, Fault::FullQueue),
    (Target::Streams, Fault::FullStore),
    (Target::FrontEnd, Fault::Kill),
    (Target::FrontEnd, Fault::Stop),
    (Target::FrontEnd, Fault::Pause),
    (Target::FrontEnd, Fault::Cut),
    (Target::FrontEnd, Fault::Freeze),
    (Target::FrontEnd, Fault::DropReplies),
    (Target::FrontEnd, Fault::Clock),
    (Target::Worker, Fault::Kill),
    (Target::Worker, Fault::Stop),
    (Target::Worker, Fault::Pause),
    (Target::Worker, Fault::Cut),
    (Target::Worker, Fault::DropReplies),
    (Target::Worker, Fault::Clock),
];
pub(super) const OF_CLUSTERS: [Kind; 4] = [
    (Target::Server, Fault::Stop),
    (Target::Server, Fault::Cut),
    (Target::Server, Fault::Freeze),
    (Target::Worker, Fault::Freeze),
];

/// What is broken, and until when.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) kind: Kind,
    pub(super) index: usize,
    pub(super) heals: Instant,
    /// It was started again, and has not answered yet.
    rises: bool,
}

/// Breaks it for a while.
pub(super) async fn break_it(world: &World, rng: &mut Rng, kind: Kind, index: usize) -> Broken {
    let lasts = lasts(rng, kind);
    let (target, fault) = kind;
    match target {
        Target::Server => break_server(world, rng, index, fault).await,
        Target::Streams => break_streams(world, rng, fault).await,
        Target::FrontEnd => break_unit(&world.front_ends[index], rng, fault),
        Target::Worker => break_unit(&world.workers[index], rng, fault),
    }
    Broken { kind, index, heals: Instant::now() + lasts, rises: false }
}

fn lasts(rng: &mut Rng, (target, fault): Kind) -> Duration {
    let is_long = match fault {
        // A server, without which nothing goes on, mostly for less.
        Fault::Pause | Fault::Freeze => target != Target::Server || rng.u8(..4) == 0,
        Fault::Cut | Fault::DropReplies | Fault::Clock => rng.bool(),
        _ => false,
    };
    if is_long {
        // Beyond a lease.
        LEASE + Duration::from_millis(rng.u64(500..4_000))
    } else {
        Duration::from_millis(rng.u64(..3_000))
    }
}

async fn break_server(world: &World, rng: &mut Rng, index: usize, fault: Fault) {
    let server = world.servers.get(index);
    match (fault, world.servers.cluster()) {
        (Fault::Kill, _) => server.kill(),
        (Fault::Pause, _) => server.pause(),
        (Fault::Cut, Some(cluster)) => cluster.partition(index),
        (Fault::Freeze, Some(cluster)) => cluster.freeze_routes(index),
        (Fault::Stop, Some(_)) => step_down(world, rng, index).await,
        (fault, _) => unreachable!("{fault:?} of a server"),
    }
}

/// The leaders of some streams give up, if this node answers.
async fn step_down(world: &World, rng: &mut Rng, index: usize) {
    let url = world.servers.get(index).url();
    let Ok(names) = request(&url, "$JS.API.STREAM.NAMES", "").await else { return };
    for name in names["streams"].as_array().into_iter().flatten() {
        if rng.bool() {
            let subject = format!("$JS.API.STREAM.LEADER.STEPDOWN.{}", name.as_str().unwrap());
            // It may have no leader just then.
            drop(request(&url, &subject, "").await);
        }
    }
}

async fn break_streams(world: &World, rng: &mut Rng, fault: Fault) {
    match fault {
        Fault::Consumers => delete_consumers(world, rng).await,
        Fault::FullQueue => fill_queue(world).await,
        Fault::FullStore => fill_store(world).await,
        fault => unreachable!("{fault:?} of streams"),
    }
}

fn break_unit(unit: &Unit, rng: &mut Rng, fault: Fault) {
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
        Fault::Clock => unit.member.clock().step(rng.choice(STEPS).unwrap()),
        fault => unreachable!("{fault:?} of a process"),
    }
}

impl Broken {
    /// Mends it; whether that is done.
    pub(super) async fn mend(&mut self, world: &World) -> bool {
        let (target, fault) = self.kind;
        let unit = match target {
            Target::Server => return self.mend_server(world).await,
            Target::Streams => return mend_streams(world, fault).await,
            Target::FrontEnd => &world.front_ends[self.index],
            Target::Worker => &world.workers[self.index],
        };
        match fault {
            Fault::Pause => unit.member.resume(),
            Fault::Clock => unit.member.clock().step(0),
            Fault::Kill | Fault::Stop if self.rises => return unit.looks_up().await,
            // It ends what it runs before.
            Fault::Stop if unit.member.ended().is_none() => return false,
            Fault::Kill | Fault::Stop => {
                unit.member.respawn();
                self.rises = true;
                return false;
            }
            _ => unit.proxies.iter().for_each(Proxy::heal),
        }
        true
    }

    async fn mend_server(&self, world: &World) -> bool {
        let server = world.servers.get(self.index);
        match (self.kind.1, world.servers.cluster()) {
            (Fault::Kill, _) => server.respawn(),
            (Fault::Pause, _) => server.resume(),
            (Fault::Cut | Fault::Freeze, Some(cluster)) => cluster.heal(self.index),
            _ => {}
        }
        // One of them at a time: the others have what it has before the next one breaks.
        world.servers.ready().await;
        true
    }
}

async fn mend_streams(world: &World, fault: Fault) -> bool {
    match fault {
        Fault::FullQueue => free_queue(world).await.is_ok(),
        Fault::FullStore => free_store(world).await.is_ok(),
        _ => true,
    }
}
