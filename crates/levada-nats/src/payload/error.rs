//! Why an object could not be stored or read.

use crate::OpenError;
use std::error::Error;
use std::fmt;

/// Why an object could not be stored, read or deleted.
#[derive(Debug)]
pub(crate) enum PayloadError {
    /// The header with the reference is none.
    Reference {
        /// What it contains.
        text: String,
    },
    /// A part of the object is not in the store: it was deleted, or never stored.
    Missing {
        /// The object.
        id: String,
        /// The store.
        bucket: String,
        /// The first part that is missing.
        part: u32,
        /// How many there should be.
        parts: u32,
    },
    /// What is stored is not what was sent.
    Damaged {
        /// The object.
        id: String,
        /// The store.
        bucket: String,
    },
    /// The store could not be opened.
    Open(OpenError),
    /// The server did not take, find or delete a part, and the same call may succeed later.
    Server {
        /// What was to be done.
        action: &'static str,
        /// The store.
        bucket: String,
        /// What the client met.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl PayloadError {
    /// Whether the object is lost for good, so that a second attempt is useless.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Reference { .. } | Self::Missing { .. } | Self::Damaged { .. } => true,
            Self::Open(_) | Self::Server { .. } => false,
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference { text } => write!(
                f,
                "the header `{}` contains {text:?}, which refers to no object: the message comes \
                 from another program or a newer version",
                super::REFERENCE
            ),
            Self::Missing { id, bucket, part, parts } => write!(
                f,
                "part {} of {parts} of the object {id} is missing in the stream {bucket:?}: it was \
                 deleted before the message was received",
                u64::from(*part) + 1
            ),
            Self::Damaged { id, bucket } => write!(
                f,
                "the object {id} in the stream {bucket:?} is not what was sent: its digest differs"
            ),
            Self::Open(error) => error.fmt(f),
            Self::Server { action, bucket, source } => {
                write!(f, "the NATS server could not {action} in the stream {bucket:?}: {source}")
            }
        }
    }
}

impl Error for PayloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Server { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
