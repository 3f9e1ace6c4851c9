//! Several servers that are one.

use crate::builder::Builder;
use crate::ports::Port;
use crate::proxy::Proxy;
use crate::request::request;
use crate::server::Server;
use crate::wait::until;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A cluster of NATS servers, whose routes go through proxies: [`partition`](Self::partition) cuts
/// those of one node. Clients connect to the nodes themselves, and hear of no other node.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    routes: Vec<Route>,
    /// The nodes whose routes do not work.
    isolated: Mutex<BTreeSet<usize>>,
    /// The ports where the nodes accept routes.
    _ports: Vec<Port>,
}

/// The way from one node to another.
#[derive(Debug)]
struct Route {
    from: usize,
    to: usize,
    proxy: Proxy,
}

impl Cluster {
    /// Starts `size` nodes with JetStream, and waits until they have elected a leader. Three hold
    /// streams with three replicas.
    ///
    /// # Panics
    ///
    /// If they do not start.
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, |settings| settings).await
    }

    /// As [`start`](Self::start), each node with settings of the test.
    ///
    /// # Panics
    ///
    /// If they do not start.
    pub async fn start_with(size: usize, settings: impl Fn(Builder) -> Builder) -> Self {
        let ports: Vec<_> = (0..size).map(|_| Port::free()).collect();
        let mut routes = Vec::new();
        for from in 0..size {
            for to in (0..size).filter(|to| *to != from) {
                routes.push(Route { from, to, proxy: Proxy::start(ports[to].number) });
            }
        }
        let servers = (0..size).map(|index| {
            let ways = routes.iter().filter(|route| route.from == index);
            let ways =
                ways.map(|route| format!("\"nats-route://127.0.0.1:{}\"", route.proxy.port()));
            let lines = cluster_lines(ports[index].number, &ways.collect::<Vec<_>>());
            let name = format!("levada-{}", index + 1);
            settings(Server::builder().name(&name)).config(&lines).spawn()
        });
        let (servers, isolated) = (servers.collect(), Mutex::default());
        let cluster = Self { servers, routes, isolated, _ports: ports };
        cluster.ready().await;
        cluster
    }

    /// Waits until each node is ready and knows the leader of the cluster, but for nodes that are
    /// killed, paused or isolated. A node that led a stream before it was isolated may believe for
    /// a moment longer that it still does.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    pub async fn ready(&self) {
        for server in self.answering() {
            server.ready().await;
        }
        until("a leader that all nodes know", async || {
            let mut leaders = Vec::new();
            for server in self.answering() {
                leaders.push(meta_leader(server).await?);
            }
            leaders.dedup();
            if leaders.len() == 1 { Ok(()) } else { Err(io::Error::other(leaders.join(", "))) }
        })
        .await;
    }

    /// The node of this index.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn server(&self, index: usize) -> &Server {
        &self.servers[index]
    }

    /// How many nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.servers.len()
    }

    /// Where clients connect to a node.
    #[must_use]
    pub fn url(&self, index: usize) -> String {
        self.server(index).url()
    }

    /// Where clients connect to the nodes, in their order.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    /// Kills a node with SIGKILL. What it stored remains.
    pub fn kill(&self, index: usize) {
        self.server(index).kill();
    }

    /// Starts a node again, and waits until it greets clients. That the cluster has caught up is
    /// [`ready`](Self::ready): a node without a majority never is.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn restart(&self, index: usize) {
        self.server(index).respawn();
        self.server(index).greets_clients().await;
    }

    /// Stops a node with SIGSTOP.
    pub fn pause(&self, index: usize) {
        self.server(index).pause();
    }

    /// Continues a node after [`pause`](Self::pause).
    pub fn resume(&self, index: usize) {
        self.server(index).resume();
    }

    /// Closes the routes of a node, which cannot be opened again before [`heal`](Self::heal).
    /// Clients still reach it.
    pub fn partition(&self, index: usize) {
        self.isolated().insert(index);
        self.routes_of(index).for_each(|route| route.proxy.cut());
    }

    /// The routes of a node stay open and pass nothing on: the nodes have to notice.
    pub fn freeze_routes(&self, index: usize) {
        self.isolated().insert(index);
        self.routes_of(index).for_each(|route| route.proxy.freeze());
    }

    /// Ends [`partition`](Self::partition) and [`freeze_routes`](Self::freeze_routes), but for the
    /// routes to nodes that are still isolated. That the cluster has caught up is
    /// [`ready`](Self::ready).
    pub fn heal(&self, index: usize) {
        let mut isolated = self.isolated();
        isolated.remove(&index);
        let works =
            |route: &&Route| [route.from, route.to].iter().all(|end| !isolated.contains(end));
        self.routes_of(index).filter(works).for_each(|route| route.proxy.heal());
    }

    /// Sends a request, for example to the API of JetStream, by the first node that has a reply for
    /// it. See [`request`].
    ///
    /// # Errors
    ///
    /// That of the last node, if none has a reply.
    pub async fn request(&self, subject: &str, payload: &str) -> io::Result<Value> {
        let mut last = io::Error::other("every node is killed, paused or isolated");
        for server in self.answering() {
            match request(&server.url(), subject, payload).await {
                Ok(reply) => return Ok(reply),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The node that leads the cluster, once there is one.
    ///
    /// # Panics
    ///
    /// If none is elected.
    pub async fn meta_leader(&self) -> usize {
        until("a leader of the cluster", async || {
            let mut last = Err(io::Error::other("every node is killed, paused or isolated"));
            for server in self.answering() {
                last = meta_leader(server).await.and_then(|name| self.index(&name));
            }
            last
        })
        .await
    }

    /// The node that leads a stream, once there is one.
    ///
    /// # Panics
    ///
    /// If none is elected, or there is no such stream.
    pub async fn stream_leader(&self, stream: &str) -> usize {
        self.leader(&format!("$JS.API.STREAM.INFO.{stream}")).await
    }

    /// The node that leads a consumer, once there is one.
    ///
    /// # Panics
    ///
    /// If none is elected, or there is no such consumer.
    pub async fn consumer_leader(&self, stream: &str, consumer: &str) -> usize {
        self.leader(&format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}")).await
    }

    /// Makes the leader of a stream give up, and waits for the next one, which it returns.
    ///
    /// # Panics
    ///
    /// If none is elected, or there is no such stream.
    pub async fn step_down(&self, stream: &str) -> usize {
        self.order(&format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}")).await;
        self.stream_leader(stream).await
    }

    /// Makes the leader of a consumer give up, and waits for the next one, which it returns.
    ///
    /// # Panics
    ///
    /// If none is elected, or there is no such consumer.
    pub async fn step_down_consumer(&self, stream: &str, consumer: &str) -> usize {
        self.order(&format!("$JS.API.CONSUMER.LEADER.STEPDOWN.{stream}.{consumer}")).await;
        self.consumer_leader(stream, consumer).await
    }

    async fn order(&self, subject: &str) {
        let done = async || match self.request(subject, "").await {
            Ok(reply) if reply["success"] == true => Ok(()),
            other => Err(other),
        };
        until(subject, done).await;
    }

    /// The leader in the reply of the API.
    async fn leader(&self, subject: &str) -> usize {
        until(subject, async || {
            let info = self.request(subject, "").await?;
            self.index(info["cluster"]["leader"].as_str().unwrap_or("no leader"))
        })
        .await
    }

    fn index(&self, name: &str) -> io::Result<usize> {
        let found = self.servers.iter().position(|server| server.name() == name);
        found.ok_or_else(|| io::Error::other(format!("{name}: no node of this name")))
    }

    fn answering(&self) -> impl Iterator<Item = &Server> {
        let isolated = self.isolated().clone();
        let servers = self.servers.iter().enumerate();
        let servers = servers.filter(move |(index, _)| !isolated.contains(index));
        servers.map(|(_, server)| server).filter(|server| server.is_answering())
    }

    fn routes_of(&self, index: usize) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.from == index || route.to == index)
    }

    fn isolated(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.isolated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a node's configuration file about the cluster.
///
/// Nodes tell each other where they accept routes. What they tell leads nowhere (port 1), or they
/// would connect without the proxies.
fn cluster_lines(port: u16, routes: &[String]) -> String {
    let routes = routes.join(", ");
    format!(
        "cluster {{ name: levada, listen: \"127.0.0.1:{port}\", advertise: \"127.0.0.1:1\", \
         no_advertise: true, routes: [{routes}] }}"
    )
}

async fn meta_leader(server: &Server) -> io::Result<String> {
    let info = server.monitor("/jsz").await?;
    match info["meta_cluster"]["leader"].as_str() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(io::Error::other(format!("{} knows no leader", server.name()))),
    }
}
