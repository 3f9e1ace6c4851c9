//! The NATS servers of a cluster, as the tests of the service start them: `LEVADA_NATS_SERVER_DIR`
//! says where their program is.

use std::io;
use std::net::{SocketAddr, TcpListener};

use levada_nats_test::{Builder, Server};

use crate::programs::Result;

/// When a message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When one server has written it.
    Lazy,
    /// When one server has synced it.
    Fsync,
    /// When two of three servers have written it.
    Replicated,
}

impl Durability {
    /// As `--durability` wants it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Fsync => "fsync",
            Self::Replicated => "replicated",
        }
    }
}

/// One server or three, on this machine. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Nats(Vec<Server>);

impl Nats {
    pub(crate) async fn start(durability: Durability) -> Result<Self> {
        Ok(Self(match durability {
            Durability::Lazy => vec![Server::builder().start().await],
            Durability::Fsync => vec![Server::builder().sync_always().start().await],
            Durability::Replicated => {
                let routes = three_addresses()?;
                let [one, two, three] = [0, 1, 2].map(|index| node(index, &routes).start());
                // Each is ready when they have elected a leader.
                let (one, two, three) = tokio::join!(one, two, three);
                vec![one, two, three]
            }
        }))
    }

    /// As `--nats` wants them.
    pub(crate) fn urls(&self) -> String {
        self.0.iter().map(Server::url).collect::<Vec<_>>().join(",")
    }
}

/// One of three servers, which listen at these addresses for each other.
fn node(index: usize, routes: &[SocketAddr; 3]) -> Builder {
    let others: Vec<_> =
        routes.iter().map(|address| format!("\"nats-route://{address}\"")).collect();
    let (address, others) = (routes[index], others.join(", "));
    let lines = format!("cluster {{ name: bench, listen: \"{address}\", routes: [{others}] }}");
    Server::builder().name(&format!("levada-{}", index + 1)).config(&lines)
}

/// One that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Three that were free a moment ago, and differ.
fn three_addresses() -> io::Result<[SocketAddr; 3]> {
    let bind = || TcpListener::bind("127.0.0.1:0");
    // All are there before the first is free again.
    let [one, two, three] = [bind()?, bind()?, bind()?];
    Ok([one.local_addr()?, two.local_addr()?, three.local_addr()?])
}
