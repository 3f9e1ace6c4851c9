//! What can go wrong, with the exit code for a script. `report` has the message for a person.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::code;
use super::problem::Problem;

pub(super) type Done<T = ()> = Result<T, Failure>;

/// Why the program could not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server says so.
    Problem(Box<Problem>),
    /// There is no answer, or not all of it.
    Unreachable(Unreachable),
    /// Something that has nothing to do with the server.
    Here { code: u8, message: String },
    /// Any of these after the job was accepted: the message says how to follow it again.
    OfJob { id: String, failure: Box<Self> },
    /// It has been said already; what is left is to exit.
    Told { code: u8 },
    /// The reader of our standard output has closed it.
    NobodyReads,
}

/// A server that does not answer.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub(super) message: String,
    pub(super) advice: String,
    /// The server may have got the request.
    pub(super) sent: bool,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Here { code: code::USAGE, message: message.into() }
    }

    /// A success, with this body, that no levada server sends.
    pub(super) fn foreign(status: u16, body: &[u8]) -> Self {
        Self::Problem(Box::new(Problem::read(status, body, None)))
    }

    /// A file of this machine cannot be read or written.
    pub(super) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let code = if error.kind() == ErrorKind::NotFound { code::NO_INPUT } else { code::IO };
        Self::Here { code, message: format!("cannot {what} {}: {error}", path.display()) }
    }

    /// Standard output cannot be written.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Here {
                code: code::IO,
                message: format!("cannot write to standard output: {error}"),
            },
        }
    }

    /// It goes wrong after this job was accepted.
    pub(super) fn of_job(self, id: &str) -> Self {
        match self {
            // It is what came of the job.
            Self::Problem(problem) if problem.is_outcome() => Self::Problem(problem),
            Self::OfJob { .. } | Self::Told { .. } | Self::NobodyReads => self,
            _ => Self::OfJob { id: id.to_owned(), failure: Box::new(self) },
        }
    }

    /// Whether there is no answer, or not all of it.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::OfJob { failure, .. } => failure.is_unreachable(),
            _ => matches!(self, Self::Unreachable(_)),
        }
    }

    pub(super) fn code(&self) -> u8 {
        match self {
            Self::OfJob { failure, .. } => failure.code(),
            Self::Problem(problem) => problem.code(),
            Self::Unreachable(_) => code::UNAVAILABLE,
            Self::Here { code, .. } | Self::Told { code } => *code,
            Self::NobodyReads => code::NOBODY_READS,
        }
    }

    /// When the server wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem(problem) if !problem.is_outcome() => problem.retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_job_was_accepted() {
        let absent = Unreachable { message: String::new(), advice: String::new(), sent: true };
        let failure = Failure::Unreachable(absent).of_job("7").of_job("7");
        assert!(failure.is_unreachable() && failure.code() == code::UNAVAILABLE);
        assert!(matches!(&failure, Failure::OfJob { id, .. } if id == "7"), "{failure:?}");
        let body = br#"{"type":"urn:levada:problem:timeout"}"#;
        let outcome = Failure::Problem(Box::new(Problem::read(500, body, None))).of_job("7");
        assert!(matches!(outcome, Failure::Problem(_)), "{outcome:?}");
    }
}
