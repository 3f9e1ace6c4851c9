//! Why there is no connection.

use crate::Name;
use std::error::Error;
use std::fmt;

/// Why there is no connection. No variant contains a password or a token.
///
/// ```
/// # async fn example() {
/// use levada_nats::{ConnectError, ConnectOptions};
///
/// let error = ConnectOptions::new().connect("ftp://host").await.unwrap_err();
/// assert!(matches!(error, ConnectError::Address { .. }));
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// An address is none.
    Address {
        /// The address, without secrets.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The namespace contains `_`, which separates it from what follows in the names of streams.
    Namespace {
        /// The namespace.
        namespace: Name,
    },
    /// A file with credentials or certificates cannot be used.
    File {
        /// Its path, or what it is.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// No server answered in time.
    Unreachable {
        /// The addresses that were tried, without secrets.
        addresses: String,
        /// What the last attempt met.
        source: async_nats::ConnectError,
    },
    /// The server refuses these credentials, or wants some.
    Unauthorized {
        /// The addresses that were tried, without secrets.
        addresses: String,
    },
    /// TLS could not be set up.
    Tls {
        /// The addresses that were tried, without secrets.
        addresses: String,
        /// What went wrong.
        source: async_nats::ConnectError,
    },
    /// The server's version lacks what this crate needs, or has a fault that loses messages.
    Version {
        /// The server's version, as it calls itself.
        version: String,
    },
    /// The server runs without JetStream, or the account may not use it.
    NoJetStream {
        /// The server's version, as it calls itself.
        version: String,
    },
    /// The server did not say whether it has JetStream.
    NoAnswer {
        /// What it did instead.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address, reason } => {
                write!(f, "{address:?} is no address of a NATS server: {reason}; ")?;
                f.write_str("use nats://HOST:PORT or tls://HOST:PORT, several with commas")
            }
            Self::Namespace { namespace } => {
                write!(f, "the namespace \"{namespace}\" contains '_': use '-' instead")
            }
            Self::File { file, source } => write!(f, "cannot use {file}: {source}"),
            Self::Unreachable { addresses, source } => {
                write!(f, "no NATS server answers at {addresses}: {source}")
            }
            Self::Unauthorized { addresses } => {
                write!(f, "the NATS server at {addresses} refuses the credentials: ")?;
                f.write_str("check the user and password, the token or the credentials file, ")?;
                f.write_str("whose JWT may have expired")
            }
            Self::Tls { addresses, source } => {
                write!(f, "no TLS connection to {addresses}: {source}; ")?;
                f.write_str("check the server's certificate and the root certificates")
            }
            Self::Version { version } => {
                write!(f, "the NATS server is version {version}: ")?;
                f.write_str("2.12.9 or newer is needed, except 2.14.0; upgrade the server")
            }
            Self::NoJetStream { version } => {
                write!(f, "the NATS server (version {version}) offers no JetStream: ")?;
                f.write_str("start it with `-js`, or enable JetStream for this account")
            }
            Self::NoAnswer { source } => {
                write!(f, "the NATS server did not say whether it has JetStream: {source}")
            }
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Unreachable { source, .. } | Self::Tls { source, .. } => Some(source),
            Self::NoAnswer { source } => Some(&**source),
            _ => None,
        }
    }
}
