//! Which servers can do what this crate needs.

use super::ConnectError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{AccountErrorKind, Context};

/// Since this version leases are not lost with a leader and the table of duplicates has no race
/// (nats-server #8156, #8102, #8106).
const OLDEST: Version = Version { major: 2, minor: 12, patch: 9 };
/// It has those faults again: it left the development branch before they were mended.
const FAULTY: Version = Version { major: 2, minor: 14, patch: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    /// `2.15.1`, or with something behind it: `2.15.0-preview.1`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').splitn(3, '.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let patch = numbers.next()?;
        let end = patch.find(|c: char| !c.is_ascii_digit()).unwrap_or(patch.len());
        Some(Self { major, minor, patch: patch[..end].parse().ok()? })
    }

    fn is_supported(self) -> bool {
        self >= OLDEST && self != FAULTY
    }
}

/// Refuses a version that lacks something, or that is no version.
pub(super) fn check_version(version: &str) -> Result<(), ConnectError> {
    match Version::parse(version) {
        Some(parsed) if parsed.is_supported() => Ok(()),
        _ => Err(ConnectError::Version { version: version.to_owned() }),
    }
}

/// Asks the server for JetStream.
pub(super) async fn check_jetstream(
    jetstream: &Context,
    version: &str,
) -> Result<(), ConnectError> {
    let Err(error) = jetstream.query_account().await else { return Ok(()) };
    let none = || ConnectError::NoJetStream { version: version.to_owned() };
    match error.kind() {
        AccountErrorKind::JetStreamUnavailable => Err(none()),
        AccountErrorKind::JetStream(error) => match error.error_code() {
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Err(none())
            }
            _ => Err(ConnectError::NoAnswer { source: Box::new(error) }),
        },
        AccountErrorKind::TimedOut | AccountErrorKind::Other => {
            Err(ConnectError::NoAnswer { source: Box::new(error) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_known_faults_are_refused() {
        for version in ["2.9.25", "2.11.11", "2.12.8", "2.14.0", "1.4.1", "", "dev", "2.15"] {
            let error = check_version(version).unwrap_err().to_string();
            assert!(error.contains(version) && error.contains("2.12.9"), "{error}");
        }
    }

    #[test]
    fn versions_without_them_are_taken() {
        for version in ["2.12.9", "2.12.10", "2.14.1", "2.14.6", "2.15.1", "2.15.0-dev", "3.0.0"] {
            check_version(version).unwrap();
        }
    }
}
