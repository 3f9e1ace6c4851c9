//! Storms of lost connections, idle and under load: what processes and servers hold is level
//! afterwards.

use crate::http::{Call, send};
use crate::member::Member;
use crate::site::Site;
use futures_util::future::join_all;
use levada_nats_test::{Proxy, Server, is_deep, until};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many storms there are before the first look, and between the looks.
const FIRST: usize = 4;
const DEEP: usize = 100;
const SHORT: usize = 8;

/// How many looks in a row show the same when nothing changes any more.
const LOOKS: usize = 80;

/// By how much a process may have grown: what it keeps of a job, and what its allocator keeps.
const KB_PER_JOB: u64 = 6;
const SLACK_KB: u64 = 16 << 10;
/// How many descriptors more a process may have: connections of clients.
const DESCRIPTORS: usize = 4;

struct World {
    server: Server,
    site: Site,
    proxies: Vec<Proxy>,
    members: Vec<Member>,
}

/// What the server has for all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Served {
    connections: u64,
    subscriptions: u64,
    consumers: u64,
}

/// What a process has.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory_kb: u64,
    descriptors: usize,
}

impl World {
    async fn start() -> Self {
        let (server, site) = (Server::start().await, Site::new(&[]));
        let proxies: Vec<_> = (0..4).map(|_| Proxy::start(server.port())).collect();
        let start = |number: usize| match number {
            0 | 1 => site.front_end(&proxies[number].url()),
            _ => site.worker(&proxies[number].url()),
        };
        let members: Vec<_> = (0..4).map(start).collect();
        for member in &members {
            member.ready().await;
        }
        Self { server, site, proxies, members }
    }

    fn front_ends(&self) -> &[Member] {
        &self.members[..2]
    }

    /// All connections are lost, or the server with them, and all processes come back.
    async fn storm(&self, number: usize) {
        if number % 4 == 3 {
            self.server.kill();
            self.server.restart().await;
        } else {
            self.proxies.iter().for_each(Proxy::cut);
            self.proxies.iter().for_each(Proxy::heal);
        }
        until("all connections", async || {
            let connections = self.served().await.map_err(|error| error.to_string())?.connections;
            if connections == 4 { Ok(()) } else { Err(format!("{connections} connections")) }
        })
        .await;
        for member in &self.members {
            member.ready().await;
            assert!(member.ended().is_none(), "{}", member.tail());
        }
    }

    async fn served(&self) -> std::io::Result<Served> {
        let number = async |path: &str, name: &str| {
            let answer = self.server.monitor(path).await?;
            Ok::<_, std::io::Error>(answer[name].as_u64().unwrap())
        };
        Ok(Served {
            connections: number("/connz", "num_connections").await?,
            subscriptions: number("/subsz", "num_subscriptions").await?,
            consumers: number("/jsz", "consumers").await?,
        })
    }

    /// What the server has while nothing changes.
    async fn settled(&self) -> Served {
        let (mut last, mut same) = (None, 0);
        until("a number of consumers that stays", async || {
            let now = self.served().await.map_err(|error| error.to_string())?;
            same = if last.replace(now) == Some(now) { same + 1 } else { 0 };
            if same > LOOKS { Ok(now) } else { Err(format!("{now:?}")) }
        })
        .await
    }

    /// Waits until the server has no more than before. What was read by consumers that are gone
    /// stays for a while.
    async fn level(&self, before: Served) -> Served {
        until("a level number of consumers and subscriptions", async || {
            let now = self.served().await.map_err(|error| error.to_string())?;
            let is_level = now.connections == before.connections
                && now.subscriptions <= before.subscriptions
                && now.consumers <= before.consumers;
            if is_level { Ok(now) } else { Err(format!("{now:?}, before {before:?}")) }
        })
        .await
    }

    fn held(&self) -> Vec<Held> {
        self.members.iter().map(|member| Held::of(member.pid())).collect()
    }
}

impl Held {
    fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self { memory_kb: number("VmRSS:"), descriptors }
    }
}

/// Submits jobs at both front ends and waits for each, until it is over.
async fn load(world: &World, client: usize, over: &AtomicBool, done: &AtomicUsize) {
    let mut number = 0;
    // ORDERING: Relaxed, no pair: it is looked at now and then; so is the count below.
    while !over.load(Ordering::Relaxed) {
        let name = format!("c{client}-{number}");
        number += 1;
        let call = Call::post("/", name.clone()).key(&name);
        let front_end = &world.front_ends()[client % 2];
        until("a result", async || {
            let answer = send(front_end.address().unwrap(), &call).await.unwrap();
            if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
        })
        .await;
        done.fetch_add(1, Ordering::Relaxed);
    }
}

async fn storms(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.storm(number).await;
    }
}

#[tokio::test]
#[ignore = "many storms: run `cargo xtask nats --deep`"]
async fn memory_descriptors_consumers_and_subscriptions_are_level_after_storms() {
    let world = World::start().await;
    for front_end in world.front_ends() {
        let id = front_end.submit("first").await;
        front_end.result(&id).await;
    }
    let count = if is_deep() { DEEP } else { SHORT };
    let before = world.settled().await;
    storms(&world, 0..FIRST).await;
    world.level(before).await;
    let held = world.held();
    println!("at first: {before:?} {held:?}");

    storms(&world, 0..count).await;
    let after = world.level(before).await;
    println!("{count} storms while idle: {after:?} {:?}", world.held());

    let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let loads = join_all((0..4).map(|client| load(&world, client, &over, &done)));
    let storms = async {
        for number in 0..count {
            // ORDERING: as in `load`.
            let had = done.load(Ordering::Relaxed);
            world.storm(number).await;
            until("a job after a storm", async || {
                // ORDERING: as in `load`.
                if done.load(Ordering::Relaxed) > had { Ok(()) } else { Err("none ended") }
            })
            .await;
        }
        // ORDERING: as in `load`.
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(loads, storms);
    let done = done.into_inner();
    let after = world.level(before).await;
    println!("{count} storms under load, {done} jobs: {after:?} {:?}", world.held());
    assert!(done >= count, "a job ended after each storm");
    assert!(!world.site.all_effects().is_empty());
    for (member, (held, was)) in world.members.iter().zip(world.held().iter().zip(&held)) {
        let log = member.tail();
        let most = was.memory_kb + SLACK_KB + KB_PER_JOB * done as u64;
        assert!(held.memory_kb <= most, "{held:?}, before {was:?}, {done} jobs\n{log}");
        let most = was.descriptors + DESCRIPTORS;
        assert!(held.descriptors <= most, "{held:?}, before {was:?}\n{log}");
    }
}
