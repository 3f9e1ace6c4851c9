//! The body of a request while it comes: how long it may be, how slowly it may come, and where it
//! is kept.

use std::time::Duration;

use axum::body::Body as Incoming;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::warn;

use super::app::App;
use super::outcome::store_failed;
use super::problem::Problem;
use crate::config::{Mode, QueueConfig, Service};
use crate::jobs::active::JobQueue;
use crate::store::body::Body;
use crate::store::spool::Spool;
use crate::store::{StoreError, StoreErrorKind};
use crate::time_limit;

/// A body that is complete.
pub(super) struct Upload {
    pub(super) body: Body,
    /// The SHA-256 of it, if that was asked for.
    pub(super) digest: Option<[u8; 32]>,
}

/// Reads the body of a request to this queue.
pub(super) async fn receive(
    app: &App,
    queue: &JobQueue,
    config: &QueueConfig,
    with_digest: bool,
    body: Incoming,
) -> Result<Upload, Problem> {
    let mut body = Limited::new(body, config.max_body);
    let mut pace = Pace::new(&app.settings.service);
    let mut spool = Spool::new(app.jobs.store.store());
    let mut digest = with_digest.then(Sha256::new);
    let mut line = Line::default();
    while let Some(piece) = pace.next(&mut body, config).await? {
        if config.mode == Mode::Lines && !line.goes_on(&piece) {
            return Err(not_one_line());
        }
        if let Some(digest) = &mut digest {
            digest.update(&piece);
        }
        spool.push(piece).await.map_err(|error| not_kept(app, queue, &error))?;
    }
    let body = spool.finish().await.map_err(|error| not_kept(app, queue, &error))?;
    Ok(Upload { body, digest: digest.map(|digest| digest.finalize().into()) })
}

/// How slowly a body may come: without a pause of more than `pause`, and on the whole, after the
/// first `pause`, at `rate` bytes a second. Only the time counts in which this service waits for
/// the client.
#[derive(Debug)]
struct Pace {
    pause: Duration,
    rate: usize,
    waited: Duration,
    received: u64,
}

impl Pace {
    fn new(service: &Service) -> Self {
        let (pause, rate) = (service.body_timeout, service.body_min_rate);
        Self { pause, rate, waited: Duration::ZERO, received: 0 }
    }

    /// The next piece of the body, if there is one.
    async fn next(
        &mut self,
        body: &mut Limited<Incoming>,
        config: &QueueConfig,
    ) -> Result<Option<Bytes>, Problem> {
        loop {
            let (since, left) = (Instant::now(), self.left());
            let frame = time_limit::of_client(left, body.frame()).await;
            self.waited += since.elapsed();
            match frame {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => {
                    // Trailers say nothing here.
                    if let Ok(piece) = frame.into_data() {
                        self.received += piece.len() as u64;
                        return Ok(Some(piece));
                    }
                }
                Ok(Some(Err(error))) if error.is::<LengthLimitError>() => {
                    return Err(too_large(config));
                }
                Ok(Some(Err(error))) => {
                    return Err(Problem::new(
                        StatusCode::BAD_REQUEST,
                        "body-unreadable",
                        "The body could not be read",
                        format!("Reading the request's body failed: {error}."),
                    ));
                }
                Err(_) => return Err(self.too_slow(left)),
            }
        }
    }

    /// How long the next piece may take.
    fn left(&self) -> Duration {
        let earned = match self.rate {
            0 => Duration::MAX,
            rate => Duration::from_millis(self.received.saturating_mul(1000) / rate as u64),
        };
        self.pause.saturating_add(earned).saturating_sub(self.waited).min(self.pause)
    }

    /// The next piece took longer than what was left.
    fn too_slow(&self, left: Duration) -> Problem {
        let Self { pause, rate, waited, received } = self;
        let detail = if left == *pause {
            format!("No data of the body arrived for {pause:?}.")
        } else {
            format!(
                "{received} bytes of the body arrived in {waited:.1?}; \
                 after the first {pause:?} the minimum is {rate} bytes per second."
            )
        };
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "The body arrived too slowly",
            detail,
        )
    }
}

/// Whether what comes is one line, with or without its end. Some readers end a line at `\r`, too.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    Text,
    /// A `\r` was the last byte.
    Returned,
    Ended,
}

impl Line {
    /// Takes the next piece; `false` if it does not belong to the same line.
    fn goes_on(&mut self, piece: &[u8]) -> bool {
        piece.iter().all(|byte| {
            *self = match (*self, byte) {
                (Self::Ended, _) => return false,
                (Self::Returned, byte) if *byte != b'\n' => return false,
                (_, b'\n') => Self::Ended,
                (_, b'\r') => Self::Returned,
                _ => return true,
            };
            true
        })
    }
}

pub(super) fn too_large(config: &QueueConfig) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        format!("The body may have at most {} bytes.", config.max_body),
    )
}

fn not_one_line() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-one-line",
        "The body is not one line",
        "The queue's command takes one line for each job; the body has several. A carriage return ends \
         a line, too.",
    )
}

fn not_kept(app: &App, queue: &JobQueue, error: &StoreError) -> Problem {
    if error.kind == StoreErrorKind::Full {
        app.jobs.store.writer().no_room(error);
        return store_failed(error);
    }
    if error.kind == StoreErrorKind::TooLarge {
        let detail = format!("The job was not accepted: {error}.");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Problem::new(status, "body-too-large", "The body is too large", detail);
    }
    // The store goes on: only this body cannot be kept.
    warn!(queue = queue.name, %error, "cannot store the body of a request; the request is refused");
    let detail = format!("The job was not accepted: {error}.");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(status, "store-failed", "The body cannot be stored", detail)
        .retry_after(queue.retry_after())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_however_it_comes() {
        for (pieces, is_line) in [
            (&[""][..], true),
            (&["a"], true),
            (&["a\n"], true),
            (&["a", "b", "\n"], true),
            (&["a", "\n", ""], true),
            (&["\n"], true),
            (&["\n\n"], false),
            (&["\n", "\n"], false),
            (&["a\n", "b"], false),
            (&["a\nb"], false),
            (&["a\r\n"], true),
            (&["a\r", "\n"], true),
            (&["a\r"], true),
            (&["a\r", "b"], false),
            (&["a\rb\n"], false),
            (&["a\r\r\n"], false),
        ] {
            let mut line = Line::default();
            let goes_on = pieces.iter().all(|piece| line.goes_on(piece.as_bytes()));
            assert_eq!(goes_on, is_line, "{pieces:?}");
        }
    }

    #[test]
    fn time_is_earned_by_bytes_and_spent_by_waiting() {
        let seconds = Duration::from_secs;
        let left = |rate, received, waited| {
            Pace { pause: seconds(30), rate, waited: seconds(waited), received }.left()
        };
        assert_eq!(left(500, 0, 0), seconds(30));
        assert_eq!(left(500, 0, 29), seconds(1));
        // A byte each 29 seconds.
        assert_eq!(left(500, 1, 29), Duration::from_millis(1002));
        assert_eq!(left(500, 2, 58), Duration::ZERO);
        // Quick, and then silent: the pause is bounded all the same.
        assert_eq!(left(500, 1 << 30, 10), seconds(30));
        // As slow as it may be, for ever.
        assert_eq!(left(500, 500 * 3_600, 3_600), seconds(30));
        assert_eq!(left(500, 500 * 3_600, 3_630), Duration::ZERO);
        assert_eq!(left(0, 1, 1 << 40), seconds(30));
        assert_eq!(left(1, u64::MAX, u64::MAX), Duration::ZERO);
    }
}
