//! The processes, and how they reach each other.

use crate::http::{Call, send};
use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Cluster, Proxy, Server, request};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const FRONT_ENDS: usize = 2;
const WORKERS: usize = 3;
/// How much the servers keep at most, each copy counted: more than all jobs of a run take, and soon
/// full.
const STORE: &str = "512MB";
const STORE_OF_THREE: &str = "1536MB";

#[derive(Debug)]
pub(super) struct World {
    pub(super) front_ends: Vec<Unit>,
    pub(super) workers: Vec<Unit>,
    pub(super) servers: Servers,
    pub(super) site: Site,
}

#[derive(Debug)]
pub(super) enum Servers {
    One(Box<Server>),
    Three(Cluster),
}

/// A front end or a worker, with proxies of its own to all servers.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) member: Member,
    pub(super) proxies: Vec<Proxy>,
    /// Nothing while it is killed, or starts.
    address: Mutex<Option<SocketAddr>>,
    /// How often it was ended.
    ends: AtomicU64,
}

impl World {
    pub(super) async fn start(servers: usize) -> Self {
        let (servers, options) = if servers == 1 {
            let server = Server::builder().account_store(STORE).start().await;
            (Servers::One(Box::new(server)), &[][..])
        } else {
            let cluster =
                Cluster::start_with(servers, |settings| settings.account_store(STORE_OF_THREE))
                    .await;
            (Servers::Three(cluster), &["--durability", "replicated"][..])
        };
        let site = Site::new(options).with_clocks();
        let unit = |start: fn(&Site, &str) -> Member| {
            let proxies: Vec<_> = servers.all().map(|server| Proxy::start(server.port())).collect();
            let urls: Vec<_> = proxies.iter().map(Proxy::url).collect();
            Unit {
                member: start(&site, &urls.join(",")),
                proxies,
                address: Mutex::default(),
                ends: AtomicU64::new(0),
            }
        };
        let front_ends: Vec<_> = (0..FRONT_ENDS).map(|_| unit(Site::front_end)).collect();
        for front_end in &front_ends {
            front_end.member.ready().await;
        }
        let workers: Vec<_> = (0..WORKERS).map(|_| unit(Site::worker)).collect();
        for unit in front_ends.iter().chain(&workers) {
            unit.member.ready().await;
            assert!(unit.looks_up().await, "it has answered");
        }
        Self { front_ends, workers, servers, site }
    }

    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.front_ends.iter().chain(&self.workers)
    }
}

impl Servers {
    pub(super) fn all(&self) -> impl Iterator<Item = &Server> {
        let size = match self {
            Self::One(_) => 1,
            Self::Three(cluster) => cluster.size(),
        };
        (0..size).map(|index| self.get(index))
    }

    pub(super) fn get(&self, index: usize) -> &Server {
        match self {
            Self::One(server) => server,
            Self::Three(cluster) => cluster.server(index),
        }
    }

    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::One(_) => None,
            Self::Three(cluster) => Some(cluster),
        }
    }

    /// Sends a request to one of them, which has to reply.
    pub(super) async fn request(&self, subject: &str, payload: &str) -> io::Result<Value> {
        match self {
            Self::One(server) => request(&server.url(), subject, payload).await,
            Self::Three(cluster) => cluster.request(subject, payload).await,
        }
    }

    /// Waits until all of them answer.
    pub(super) async fn ready(&self) {
        match self {
            Self::One(server) => server.ready().await,
            Self::Three(cluster) => cluster.ready().await,
        }
    }
}

impl Unit {
    /// Where it listens, unless it is killed or starts.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often it was ended: a request before that may have no answer.
    pub(super) fn ends(&self) -> u64 {
        // ORDERING: Relaxed, no pair: all are in one thread.
        self.ends.load(Ordering::Relaxed)
    }

    /// It is about to end: new requests go elsewhere.
    pub(super) fn goes_down(&self) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // ORDERING: as above.
        self.ends.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it has come up since its start. One that ended before, since it found no server, is
    /// started again, as a supervisor does.
    pub(super) async fn looks_up(&self) -> bool {
        if self.member.ended().is_some() {
            assert!(self.member.address().is_none(), "it ends by itself: {}", self.member.tail());
            self.member.respawn();
            return false;
        }
        let Some(address) = self.member.address() else { return false };
        if send(address, &Call::get("/health")).await.is_err() {
            return false;
        }
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        true
    }
}
