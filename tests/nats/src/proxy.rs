//! A TCP connection that a test breaks.

use crate::ports::Port;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc as std_mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// A runtime of its own: what a test does to its own runtime, such as blocking it, is not a fault
/// of the network.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("nats-proxy").enable_all().build();
    runtime.expect("a runtime of one thread")
});

/// How many chunks a direction holds back while it is frozen or delayed; then TCP does.
const CHUNKS: usize = 64;

/// A TCP proxy on a port of its own, in front of a port on this machine.
///
/// It passes everything on until a test breaks it; [`heal`](Self::heal) repairs it. Faults add up:
/// a delayed proxy can be frozen. Everything ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    upstream: u16,
    port: Port,
    shared: Arc<Shared>,
    /// Nothing while it is cut.
    listening: Mutex<Option<Listening>>,
}

/// What all connections of a proxy see.
#[derive(Debug)]
struct Shared {
    link: watch::Sender<Link>,
    counts: Mutex<Counts>,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a [`Proxy`] has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that it accepted.
    pub connections: u64,
    /// Bytes that it passed on to the server.
    pub bytes_to_server: u64,
    /// Bytes that it passed on to clients.
    pub bytes_to_client: u64,
}

/// What is wrong with the link.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    is_frozen: bool,
    drops_replies: bool,
    delay: Duration,
}

/// The task that accepts, and all of its connections.
#[derive(Debug)]
struct Listening {
    task: AbortHandle,
    /// Disconnected when the last of the tasks has ended.
    ended: std_mpsc::Receiver<Infallible>,
}

/// Held by each task of a proxy.
type Alive = std_mpsc::Sender<Infallible>;

impl Proxy {
    /// Starts a proxy in front of port `upstream`, which need not be open yet.
    ///
    /// # Panics
    ///
    /// If no port can be bound.
    #[must_use]
    pub fn start(upstream: u16) -> Self {
        let shared = Arc::new(Shared {
            link: watch::Sender::new(Link::default()),
            counts: Mutex::default(),
        });
        let proxy = Self { upstream, port: Port::free(), shared, listening: Mutex::new(None) };
        proxy.heal();
        proxy
    }

    /// The port where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Closes every connection and refuses new ones. When it returns, they are closed.
    pub fn cut(&self) {
        let Some(listening) = self.listening().take() else { return };
        listening.task.abort();
        // They run on the proxies' own thread, so this takes microseconds, also in an async test.
        let _ = listening.ended.recv();
    }

    /// Keeps every connection open and accepts new ones, but passes nothing on: half-open, as if
    /// packets were lost. What is sent meanwhile arrives after [`heal`](Self::heal).
    pub fn freeze(&self) {
        self.shared.link.send_modify(|link| link.is_frozen = true);
    }

    /// Passes everything on `delay` later, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.link.send_modify(|link| link.delay = delay);
    }

    /// Passes on what the client sends, and discards what the server sends: requests take effect,
    /// and their replies are lost. A connection that lost bytes is closed by [`heal`](Self::heal).
    pub fn drop_replies(&self) {
        self.shared.link.send_modify(|link| link.drops_replies = true);
    }

    /// Repairs the link: new connections are accepted, and everything passes.
    ///
    /// # Panics
    ///
    /// If another program has taken the port while the proxy was cut.
    pub fn heal(&self) {
        self.shared.link.send_replace(Link::default());
        let mut listening = self.listening();
        if listening.is_none() {
            let bound = self.listen().expect("the port is still free");
            *listening = Some(bound);
        }
    }

    /// What it has done since its start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts()
    }

    fn listen(&self) -> io::Result<Listening> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, self.port()))?;
        listener.set_nonblocking(true)?;
        let (alive, ended) = std_mpsc::channel();
        let accepting = accept(listener, self.upstream, Arc::clone(&self.shared), alive);
        Ok(Listening { task: RUNTIME.spawn(accepting).abort_handle(), ended })
    }

    fn listening(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

async fn accept(
    listener: StdListener,
    upstream: u16,
    shared: Arc<Shared>,
    alive: Alive,
) -> io::Result<()> {
    // Last in, first dropped: the listener is closed before `alive` says so.
    let alive = alive;
    let listener = TcpListener::from_std(listener)?;
    let mut relays = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted?;
                shared.counts().connections += 1;
                relays.spawn(relay(client, upstream, Arc::clone(&shared), alive.clone()));
            }
            // A connection that has ended: an error is how connections end.
            Some(_) = relays.join_next() => {}
        }
    }
}

/// One connection, until one side closes it or fails.
async fn relay(
    client: TcpStream,
    upstream: u16,
    shared: Arc<Shared>,
    alive: Alive,
) -> io::Result<()> {
    let _alive = alive;
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (requests, waiting_requests) = mpsc::channel(CHUNKS);
    let (replies, waiting_replies) = mpsc::channel(CHUNKS);
    tokio::try_join!(
        read(from_client, requests),
        write(waiting_requests, to_server, &shared, Direction::ToServer),
        read(from_server, replies),
        write(waiting_replies, to_client, &shared, Direction::ToClient),
    )?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// What was read, and when.
type Chunk = (Instant, Vec<u8>);

async fn read(mut from: OwnedReadHalf, chunks: mpsc::Sender<Chunk>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        // The other side may have failed, which ends both.
        if length == 0 || chunks.send((Instant::now(), buffer[..length].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    direction: Direction,
) -> io::Result<()> {
    let mut link = shared.link.subscribe();
    let mut has_lost = false;
    loop {
        let chunk = tokio::select! {
            chunk = chunks.recv() => chunk,
            _ = link.wait_for(|link| !link.drops_replies), if has_lost => {
                return Err(io::Error::other("bytes were lost"));
            }
        };
        let Some((read_at, bytes)) = chunk else { break };
        let delay = link.borrow().delay;
        sleep_until(read_at + delay).await;
        let drops_replies = thawed(&mut link).await?.drops_replies;
        if has_lost || drops_replies && direction == Direction::ToClient {
            has_lost = true;
            continue;
        }
        to.write_all(&bytes).await?;
        let mut counts = shared.counts();
        match direction {
            Direction::ToServer => counts.bytes_to_server += bytes.len() as u64,
            Direction::ToClient => counts.bytes_to_client += bytes.len() as u64,
        }
    }
    // The end of what one side sends is passed on; it may still receive.
    thawed(&mut link).await?;
    to.shutdown().await
}

/// The link, once it is not frozen.
async fn thawed(link: &mut watch::Receiver<Link>) -> io::Result<Link> {
    link.wait_for(|link| !link.is_frozen).await.map(|link| *link).map_err(io::Error::other)
}
