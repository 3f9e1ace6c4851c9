//! How one run of a command ended, and what came back from it.

use std::fmt;
use std::io;

use crate::store::StoreError;
use crate::store::body::Body;

/// How a run came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// The command ended by itself, with this exit code.
    Exited(i32),
    /// The command was ended by a signal that did not come from here.
    Signalled(i32),
    /// It ran longer than it may.
    TimedOut,
    /// It wrote more than it may.
    OutputTooLarge,
    /// It could not be started: nothing of the job was done.
    NotStarted(io::Error),
    /// It could not be watched, or did not do what a command has to.
    NotRun(io::Error),
    /// Its answer cannot be distinguished from an answer to another job.
    OutOfStep(OutOfStep),
    /// What it wrote cannot be put into a file.
    NotKept(StoreError),
    /// It exited in order and without an answer, as a persistent process does on a request to stop.
    Silent,
    /// It was cancelled.
    Stopped,
    /// The stop of the service cut it off.
    Aborted,
}

/// What comes back from a run.
#[derive(Debug)]
pub(crate) struct RunResult {
    pub(crate) end: End,
    pub(crate) stdout: Body,
    pub(crate) stderr_tail: String,
}

impl RunResult {
    /// The command wrote nothing.
    pub(super) fn without_output(end: End) -> Self {
        Self { end, stdout: Body::empty(), stderr_tail: String::new() }
    }

    /// The job cannot be run.
    pub(super) fn not_run(why: &str) -> Self {
        Self::without_output(End::NotRun(io::Error::other(why.to_owned())))
    }

    /// The job may be run another time.
    pub(super) fn not_started(why: &str) -> Self {
        Self::without_output(End::NotStarted(io::Error::other(why.to_owned())))
    }
}

/// A process wrote what is no answer to its job. No job is answered with it, and the process is
/// replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutOfStep {
    /// It wrote this many bytes before it had the job.
    Unasked(usize),
    /// It wrote this many bytes behind its answer.
    Behind(usize),
    /// It answered, and had not read this many bytes of its input.
    Early(usize),
    NoHeader,
    OtherJob,
}

impl fmt::Display for OutOfStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked(bytes) => {
                write!(f, "the command wrote {bytes} bytes before it was given the job")
            }
            Self::Behind(bytes) => write!(f, "the command wrote {bytes} bytes behind its answer"),
            Self::Early(bytes) => {
                write!(f, "the command answered before it had read {bytes} bytes of its input")
            }
            Self::NoHeader => {
                write!(f, "the answer does not begin with a line JOB-ID EXIT-CODE LENGTH")
            }
            Self::OtherJob => write!(f, "the answer bears the id of another job"),
        }
    }
}
