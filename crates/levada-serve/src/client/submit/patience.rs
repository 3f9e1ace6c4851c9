//! When a job is offered to the server once more.

use std::time::{Duration, Instant};

use crate::client::failure::Failure;

/// The first pause where the server says nothing about it; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// How long an answer is tried to be got once the job may have been accepted.
const UNSURE: Duration = Duration::from_secs(30);

/// What is left of a client's patience.
#[derive(Debug)]
pub(super) struct Patience {
    tries: usize,
    until: Option<Instant>,
    pause: Duration,
    /// The server may have the job already: until when it is asked about that.
    unsure: Option<Instant>,
}

impl Patience {
    pub(super) fn new(retry: Option<usize>, max_wait: Option<Duration>) -> Self {
        let forever = if max_wait.is_some() { usize::MAX } else { 0 };
        let until = max_wait.and_then(|wait| Instant::now().checked_add(wait));
        Self { tries: retry.unwrap_or(forever), until, pause: FIRST, unsure: None }
    }

    /// How long to wait before the next attempt; `None` if there is none.
    pub(super) fn pause(&mut self, failure: &Failure) -> Option<Duration> {
        let pause = match (failure, failure.retry_after()) {
            // So many clients were refused in the same moment; they do not all come back in the
            // same.
            (_, Some(after)) => after.mul_f64(1.0 + fastrand::f64() / 10.0),
            (Failure::Unreachable(unreachable), None) => {
                if unreachable.sent {
                    self.unsure.get_or_insert_with(|| Instant::now() + UNSURE);
                }
                let pause = self.pause;
                self.pause = (pause * 2).min(LONGEST);
                pause
            }
            _ => return None,
        };
        let next = Instant::now().checked_add(pause)?;
        if self.unsure.is_some_and(|until| next <= until) {
            return Some(pause);
        }
        self.tries = self.tries.checked_sub(1)?;
        self.until.is_none_or(|until| next <= until).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::failure::Unreachable;
    use crate::client::problem::Problem;

    fn refused(seconds: Option<u64>) -> Failure {
        let after = seconds.map(Duration::from_secs);
        let body = br#"{"type":"urn:levada:problem:queue-full"}"#;
        Failure::Problem(Box::new(Problem::read(503, body, after)))
    }

    fn unreachable(sent: bool) -> Failure {
        let text = String::new;
        Failure::Unreachable(Unreachable { message: text(), advice: text(), sent })
    }

    #[test]
    fn none_unless_asked_for() {
        let mut none = Patience::new(None, None);
        assert_eq!(none.pause(&refused(Some(1))), None);
        assert_eq!(none.pause(&unreachable(false)), None);
    }

    #[test]
    fn as_often_as_asked_for() {
        let mut twice = Patience::new(Some(2), None);
        for _ in 0..2 {
            let pause = twice.pause(&refused(Some(5))).unwrap();
            assert!((5.0..=5.5).contains(&pause.as_secs_f64()), "{pause:?}");
        }
        assert_eq!(twice.pause(&refused(Some(5))), None);
        assert_eq!(Patience::new(Some(2), None).pause(&refused(None)), None, "no time was given");
    }

    #[test]
    fn as_long_as_asked_for() {
        let minute = Some(Duration::from_secs(60));
        let mut patience = Patience::new(None, minute);
        for _ in 0..5 {
            assert!(patience.pause(&refused(Some(3))).is_some());
        }
        assert_eq!(patience.pause(&refused(Some(90))), None, "that would be too late");
        assert_eq!(Patience::new(Some(1), minute).pause(&refused(Some(90))), None);
    }

    #[test]
    fn an_answer_that_is_missing_is_asked_for() {
        let mut patience = Patience::new(None, None);
        assert_eq!(patience.pause(&unreachable(true)), Some(FIRST));
        assert_eq!(patience.pause(&unreachable(false)), Some(FIRST * 2), "it is restarting");
        assert!(patience.pause(&refused(Some(1))).is_some(), "it is shutting down");
        patience.unsure = Some(Instant::now());
        assert_eq!(patience.pause(&unreachable(true)), None);
    }
}
