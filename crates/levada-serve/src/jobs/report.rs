//! What the log says of runs that are over and of jobs that failed: never what a job was given, or
//! what its command wrote.

use std::time::Duration;

use tracing::{debug, warn};

use super::service::millis;
use crate::job::{Outcome, Record, State};

/// At the end of each attempt, whatever follows it.
pub(super) fn attempt(record: &Record, ran: Option<Duration>) {
    debug!(
        job = %record.id,
        queue = record.queue,
        attempt = record.attempt,
        outcome = record.outcome.map(Outcome::name),
        exit_code = record.exit_code,
        signal = record.signal,
        ran_ms = ran.map(millis),
        error = record.fault,
        "an attempt is over"
    );
}

/// When the end of a job is on disk: a line for each that failed for good.
pub(super) fn end(record: &Record, ran: Option<Duration>) {
    if record.state == State::Failed {
        warn!(
            job = %record.id,
            queue = record.queue,
            attempts = record.attempt,
            outcome = record.outcome.map(Outcome::name),
            exit_code = record.exit_code,
            signal = record.signal,
            ran_ms = ran.map(millis),
            error = record.fault,
            "a job failed"
        );
    }
}
