//! A connection to NATS, and what it needs of the server.

mod ack;
mod address;
mod credentials;
mod echo;
mod error;
mod options;
mod request;
mod server;
mod state;

pub(crate) use self::ack::{Ack, NoAck};
pub(crate) use self::echo::NoEcho;
pub use self::error::ConnectError;
pub use self::options::ConnectOptions;
pub use self::state::State;

use crate::Name;
use crate::stream::{self, OpenError};
use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, Stream};
use levada::watch;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long [`Connection::close`] waits for what is under way.
const CLOSE: Duration = Duration::from_secs(5);

/// Connects to the first of these servers that answers, with the default [`ConnectOptions`].
///
/// `addresses` is one URL or several with commas between them, such as
/// `nats://one:4222,nats://two:4222`. `tls://` requires TLS.
///
/// # Errors
/// See [`ConnectError`].
///
/// # Cancel safety
/// A cancelled attempt leaves nothing behind.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// let connection = levada_nats::connect(&url).await?;
/// println!("connected to NATS {}", connection.server_version());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub async fn connect(addresses: &str) -> Result<Connection, ConnectError> {
    ConnectOptions::new().connect(addresses).await
}

/// A connection to NATS. Clones share it.
///
/// It reconnects by itself, to any of its servers, for as long as it lives; what waits for an
/// answer of the server waits meanwhile, up to a deadline of its own. [`state`](Self::state) says
/// how it stands.
///
/// # Guarantees
/// 1. The server could do everything that this crate needs when the connection was made.
/// 2. A connection that is open at this end only is noticed within half a minute: the server is
///    asked every 10 seconds.
/// 3. A lost connection is tried again for ever: at once, then after pauses that double up to 4
///    seconds, of which each client takes a random part, so that not all come back at one time.
/// 4. [`close`](Self::close) sends what was handed over before.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// let connection = levada_nats::connect(&url).await?;
/// let mut state = connection.state();
/// connection.close().await;
/// state.wait_for(|state| state.is_closed()).await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    client: Arc<async_nats::Client>,
    jetstream: jetstream::Context,
    namespace: Name,
    state: watch::Receiver<State>,
    /// Whether a check of [`Connection::check`] is under way.
    is_checked: AtomicBool,
}

impl Connection {
    fn new(
        client: Arc<async_nats::Client>,
        options: &ConnectOptions,
        state: watch::Receiver<State>,
    ) -> Self {
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(options.request_timeout)
            .ack_timeout(options.request_timeout)
            .build(async_nats::Client::clone(&client));
        let namespace = options.namespace.clone();
        let is_checked = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { client, jetstream, namespace, state, is_checked }) }
    }

    /// How the connection stands, now and from now on.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// assert!(connection.state().borrow().is_connected());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.clone()
    }

    /// The version of the server, as it calls itself.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// assert!(connection.server_version().starts_with("2."));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn server_version(&self) -> String {
        self.shared.client.server_info().version
    }

    /// The name before all names of this connection: see [`ConnectOptions::namespace`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// assert_eq!(connection.namespace().as_str(), "levada");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn namespace(&self) -> &Name {
        &self.shared.namespace
    }

    /// Sends what was handed over, and ends the connection for all its clones.
    ///
    /// It waits for up to 5 seconds. Receivers, leases and waiting senders that are still there get
    /// errors from then on: end them first.
    ///
    /// # Cancel safety
    /// The connection ends even if the future is dropped after its first poll.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// connection.close().await;
    /// assert!(connection.state().borrow().is_closed());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn close(&self) {
        let mut state = self.state();
        // An error means that it is closed already.
        let _ = self.shared.client.drain().await;
        let closed = state.wait_for(|state| state.is_closed());
        if tokio::time::timeout(CLOSE, closed).await.is_err() {
            tracing::warn!("the NATS connection did not close within {CLOSE:?}");
        }
    }

    /// The client beneath, for what this crate has no shape for.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// connection.client().publish("plain", "text".into()).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn client(&self) -> &async_nats::Client {
        &self.shared.client
    }

    /// The client's JetStream, with the time limits of this connection.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let account = connection.jetstream().query_account().await?;
    /// println!("{} streams", account.streams);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.shared.jetstream
    }

    /// The stream with these settings, which is made if it does not exist.
    ///
    /// # Errors
    /// [`OpenError::Differs`] if it exists with others; see [`OpenError`].
    ///
    /// # Cancel safety
    /// A cancelled call may have made the stream, which is what the next call wants.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use async_nats::jetstream::stream::Config;
    ///
    /// let config = Config { name: "audit".into(), ..Config::default() };
    /// let stream = connection.open_stream(config).await?;
    /// assert_eq!(stream.cached_info().config.name, "audit");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn open_stream(&self, config: Config) -> Result<Stream, OpenError> {
        stream::open(&self.shared.jetstream, config).await
    }

    /// The name of a stream, a bucket or a consumer: `levada_queue_jobs`. Kinds and namespaces have
    /// no `_`, so that two different names never become one.
    pub(crate) fn stream_name(&self, kind: &str, name: &Name) -> String {
        format!("{}_{kind}_{name}", self.shared.namespace)
    }

    /// A subject: `levada.queue.jobs`.
    pub(crate) fn subject(&self, kind: &str, name: &Name) -> String {
        format!("{}.{kind}.{name}", self.shared.namespace)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { namespace, state, .. } = &*self.shared;
        f.debug_struct("Connection")
            .field("namespace", &namespace.as_str())
            .field("state", &*state.borrow())
            .finish_non_exhaustive()
    }
}
