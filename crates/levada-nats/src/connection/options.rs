//! How to connect.

use super::state::Folded;
use super::{ConnectError, Connection, address, credentials, server};
use crate::Name;
use async_nats::{AuthError, ConnectErrorKind};
use std::fmt;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest pause between two attempts to reconnect.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// How often the server is asked whether it is there. Two pings without an answer end a connection
/// that is open at one end only; by default that takes minutes.
const PING: Duration = Duration::from_secs(10);

/// How to connect: credentials, TLS, names and time limits.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// use levada_nats::ConnectOptions;
/// use std::time::Duration;
///
/// let connection = ConnectOptions::new()
///     .name("thumbnailer")
///     .namespace("shop".parse()?)
///     .request_timeout(Duration::from_secs(2))
///     .connect(&url)
///     .await?;
/// assert_eq!(connection.namespace().as_str(), "shop");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `connect` is called"]
pub struct ConnectOptions {
    pub(super) namespace: Name,
    pub(super) request_timeout: Duration,
    connect_timeout: Duration,
    name: Option<String>,
    credentials: Credentials,
    root_certificates: Option<PathBuf>,
    client_certificate: Option<(PathBuf, PathBuf)>,
    require_tls: bool,
    tls_first: bool,
    only_given_servers: bool,
}

#[derive(Clone)]
enum Credentials {
    None,
    File(PathBuf),
    UserAndPassword(String, String),
    Token(String),
    Nkey(String),
}

impl ConnectOptions {
    /// The defaults: no credentials beyond those in the address, the namespace `levada`, 5 seconds
    /// for connecting and for each request.
    #[expect(clippy::missing_panics_doc, reason = "the default namespace is a name")]
    pub fn new() -> Self {
        Self {
            namespace: "levada".parse().expect("a name"),
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            name: None,
            credentials: Credentials::None,
            root_certificates: None,
            client_certificate: None,
            require_tls: false,
            tls_first: false,
            only_given_servers: false,
        }
    }

    /// The name before the names of all queues, topics, cells and subjects. Programs with different
    /// namespaces share a server and see nothing of each other. It has no `_`.
    pub fn namespace(mut self, namespace: Name) -> Self {
        self.namespace = namespace;
        self
    }

    /// What the server calls this client, in its log and its lists of connections.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A credentials file, as `nsc` makes it: a JWT and a key. It is read again for each new
    /// connection, so that a JWT that expires can be replaced while the program runs.
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.credentials = Credentials::File(path.into());
        self
    }

    /// A user and a password.
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.credentials = Credentials::UserAndPassword(user.into(), password.into());
        self
    }

    /// A token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials = Credentials::Token(token.into());
        self
    }

    /// The seed of an NKey.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.credentials = Credentials::Nkey(seed.into());
        self
    }

    /// A PEM file with the certificates to trust, beside those of the system.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificates = Some(path.into());
        self
    }

    /// PEM files with the client's certificate and its key.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Refuses a server without TLS.
    pub fn require_tls(mut self, required: bool) -> Self {
        self.require_tls = required;
        self
    }

    /// Begins with TLS, before the server has said anything (`handshake_first` of the server).
    pub fn tls_first(mut self) -> Self {
        self.tls_first = true;
        self.require_tls = true;
        self
    }

    /// Connects to the servers it was given, not to others of which they tell: for clusters behind
    /// a proxy.
    pub fn ignore_discovered_servers(mut self) -> Self {
        self.only_given_servers = true;
        self
    }

    /// How long connecting may take, with all addresses together.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request to the server may take.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Connects: see [`connect`](crate::connect).
    ///
    /// # Errors
    /// See [`ConnectError`].
    ///
    /// # Cancel safety
    /// A cancelled attempt leaves nothing behind.
    pub async fn connect(&self, addresses: &str) -> Result<Connection, ConnectError> {
        if self.namespace.as_str().contains('_') {
            return Err(ConnectError::Namespace { namespace: self.namespace.clone() });
        }
        let servers = address::parse(addresses)?;
        let shown = address::without_secrets(addresses);
        let (folded, state) = Folded::new();
        let folded = Arc::new(folded);
        let events = folded.clone();
        let mut options = self.client_options().await?;
        if let (Credentials::None, Some(login)) = (&self.credentials, address::login(&servers)) {
            options = match login {
                (user, Some(password)) => options.user_and_password(user, password),
                (token, None) => options.token(token),
            };
        }
        let options = options.event_callback(move |event| {
            events.take(&event);
            ready(())
        });
        let connecting = options.connect(servers);
        let client = match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(connected) => Arc::new(connected.map_err(|error| refused(error, shown))?),
            Err(_) => return Err(refused(ConnectErrorKind::TimedOut.into(), shown)),
        };
        // It is set once.
        let _ = folded.client.set(Arc::downgrade(&client));
        let connection = Connection::new(client, self, state);
        let version = connection.server_version();
        server::check_version(&version)?;
        server::check_jetstream(connection.jetstream(), &version).await?;
        Ok(connection)
    }

    async fn client_options(&self) -> Result<async_nats::ConnectOptions, ConnectError> {
        let mut options = self
            .authenticated()
            .await?
            .connection_timeout(self.connect_timeout)
            .request_timeout(Some(self.request_timeout))
            .require_tls(self.require_tls)
            .ping_interval(PING)
            .reconnect_delay_callback(pause);
        if let Some(name) = &self.name {
            options = options.name(name);
        }
        if let Some(path) = &self.root_certificates {
            readable(path).await?;
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.client_certificate {
            readable(certificate).await?;
            readable(key).await?;
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        if self.tls_first {
            options = options.tls_first();
        }
        if self.only_given_servers {
            options = options.ignore_discovered_servers();
        }
        Ok(options)
    }

    async fn authenticated(&self) -> Result<async_nats::ConnectOptions, ConnectError> {
        let options = async_nats::ConnectOptions::new();
        Ok(match &self.credentials {
            Credentials::None => options,
            Credentials::File(path) => {
                // What is wrong with the file is an error of the file, before any server is asked.
                let read = credentials::authenticate(path.clone(), Vec::new()).await;
                read.map_err(|source| file(path, source))?;
                let path = path.clone();
                async_nats::ConnectOptions::with_auth_callback(move |nonce| {
                    let read = credentials::authenticate(path.clone(), nonce);
                    async move { read.await.map_err(AuthError::new) }
                })
            }
            Credentials::UserAndPassword(user, password) => {
                options.user_and_password(user.clone(), password.clone())
            }
            Credentials::Token(token) => options.token(token.clone()),
            Credentials::Nkey(seed) => options.nkey(seed.clone()),
        })
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Without the credentials.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = match &self.credentials {
            Credentials::None => "none",
            Credentials::File(_) => "a file",
            Credentials::UserAndPassword(..) => "a user and a password",
            Credentials::Token(_) => "a token",
            Credentials::Nkey(_) => "an NKey",
        };
        f.debug_struct("ConnectOptions")
            .field("namespace", &self.namespace.as_str())
            .field("name", &self.name)
            .field("credentials", &credentials)
            .field("require_tls", &self.require_tls)
            .finish_non_exhaustive()
    }
}

/// The pause before this attempt to reconnect: at least half of a time that doubles.
fn pause(attempts: usize) -> Duration {
    if attempts <= 1 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempts - 1).unwrap_or(u32::MAX).min(12);
    let longest = Duration::from_millis(1 << doublings).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}

fn file(path: &Path, source: std::io::Error) -> ConnectError {
    ConnectError::File { file: path.display().to_string(), source }
}

/// The client reads certificates only when it connects, and names no file then.
async fn readable(path: &Path) -> Result<(), ConnectError> {
    let read = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || std::fs::File::open(read)).await;
    match opened {
        Ok(Err(source)) => Err(file(path, source)),
        // A runtime that ends ends this as well.
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

fn refused(source: async_nats::ConnectError, addresses: String) -> ConnectError {
    match source.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            ConnectError::Unauthorized { addresses }
        }
        ConnectErrorKind::Tls => ConnectError::Tls { addresses, source },
        _ => ConnectError::Unreachable { addresses, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_four_seconds() {
        assert_eq!(pause(0), Duration::ZERO);
        assert_eq!(pause(1), Duration::ZERO);
        for attempts in 2..100 {
            let longest = Duration::from_millis(1 << (attempts - 1).min(12)).min(LONGEST_PAUSE);
            let pause = pause(attempts);
            assert!(pause <= longest && pause >= longest / 2, "{attempts}: {pause:?}");
        }
        assert!(pause(usize::MAX) <= LONGEST_PAUSE);
    }

    #[test]
    fn debug_output_has_no_secret() {
        let options = ConnectOptions::new().user_and_password("me", "secret");
        let shown = format!("{options:?} {:?}", ConnectOptions::new().token("secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
