//! Whether a job is run again, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;

/// What an exit code says about the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It succeeded.
    Done,
    /// It may succeed another time. Once it has no more attempts, the status is 503.
    Retry,
    /// It will not succeed; the client gets this status.
    Fail(StatusCode),
}

/// How often and how soon a queue's jobs are run again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RetryPolicy {
    /// How often a job is run at most; with 1 it is never run again.
    pub(crate) max_attempts: u32,
    /// How often in a row the service may die while the job runs, before the job is given up; 1 or
    /// more.
    pub(crate) max_interruptions: u32,
    /// How long the second attempt waits.
    pub(crate) backoff: Duration,
    /// How long any attempt waits at most.
    pub(crate) max_backoff: Duration,
    /// How many times as long each further attempt waits; 1 or more.
    pub(crate) factor: f64,
    /// Which share of the wait is random, from 0 (none) to 1 (all of it).
    pub(crate) jitter: f64,
    /// Whether a run that took too long is run again.
    pub(crate) on_timeout: bool,
    /// What each exit code says; the others are a failure with status 500.
    pub(crate) exit_codes: BTreeMap<u8, Verdict>,
}

impl RetryPolicy {
    /// Two retries, and the meanings that `sysexits.h` gives to exit codes.
    pub(crate) fn built_in() -> Self {
        Self {
            max_attempts: 3,
            max_interruptions: 3,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(5 * 60),
            factor: 2.0,
            jitter: 0.5,
            on_timeout: false,
            exit_codes: BTreeMap::from([
                (0, Verdict::Done),
                (64, Verdict::Fail(StatusCode::BAD_REQUEST)),
                (65, Verdict::Fail(StatusCode::UNPROCESSABLE_ENTITY)),
                (66, Verdict::Fail(StatusCode::NOT_FOUND)),
                (69, Verdict::Retry),
                (75, Verdict::Retry),
                (77, Verdict::Fail(StatusCode::FORBIDDEN)),
            ]),
        }
    }

    /// Whether this exit code says something, rather than only that the command failed.
    pub(crate) fn knows(&self, exit_code: i32) -> bool {
        u8::try_from(exit_code).is_ok_and(|code| self.exit_codes.contains_key(&code))
    }

    /// What this exit code says.
    pub(crate) fn verdict(&self, exit_code: i32) -> Verdict {
        u8::try_from(exit_code)
            .ok()
            .and_then(|code| self.exit_codes.get(&code).copied())
            .unwrap_or(Verdict::Fail(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// How long the next attempt waits after `attempt` of them (1 after the first), where `random`
    /// from 0 to 1 decides about the random share.
    pub(crate) fn delay(&self, attempt: u32, random: f64) -> Duration {
        let retries = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        // Not infinite: nothing, however often it is doubled, stays nothing.
        let growth = self.factor.powi(retries).min(f64::MAX);
        let whole = (self.backoff.as_secs_f64() * growth).min(self.max_backoff.as_secs_f64());
        let seconds = whole * (1.0 - self.jitter * (1.0 - random.clamp(0.0, 1.0)));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(jitter: f64) -> RetryPolicy {
        RetryPolicy {
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            factor: 3.0,
            jitter,
            ..RetryPolicy::built_in()
        }
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let delays = [1, 2, 3, 4, u32::MAX].map(|attempt| policy(0.0).delay(attempt, 0.3));
        assert_eq!(delays, [1, 3, 9, 10, 10].map(Duration::from_secs));
        assert_eq!(policy(0.0).delay(0, 0.3), Duration::from_secs(1));
        let at_once = RetryPolicy { backoff: Duration::ZERO, ..policy(0.5) };
        assert_eq!(
            [1, 2, u32::MAX].map(|attempt| at_once.delay(attempt, 0.3)),
            [Duration::ZERO; 3]
        );
    }

    #[test]
    fn jitter_shortens_by_its_share_at_most() {
        assert_eq!(policy(1.0).delay(2, 0.0), Duration::ZERO);
        assert_eq!(policy(1.0).delay(2, 0.5), Duration::from_millis(1500));
        assert_eq!(policy(1.0).delay(2, 1.0), Duration::from_secs(3));
        assert_eq!(policy(0.5).delay(2, 0.0), Duration::from_millis(1500));
        assert_eq!(policy(0.5).delay(2, 1.0), Duration::from_secs(3));
    }

    #[test]
    fn exit_codes_of_the_documented_table() {
        let policy = RetryPolicy::built_in();
        let statuses =
            [(64, 400), (65, 422), (66, 404), (77, 403), (1, 500), (300, 500), (-1, 500)];
        for (code, status) in statuses {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(policy.verdict(code), Verdict::Fail(status), "{code}");
        }
        assert_eq!(policy.verdict(0), Verdict::Done);
        assert_eq!([69, 75].map(|code| policy.verdict(code)), [Verdict::Retry; 2]);
    }

    proptest! {
        #![proptest_config(crate::config::tests::same_cases())]

        #[test]
        fn no_delay_is_longer_than_the_longest(
            attempt: u32,
            random: f64,
            factor in 1.0..=100.0,
            jitter in 0.0..=1.0,
            backoff in 0..=31_536_000_000_u64,
            max_backoff in 0..=31_536_000_000_u64,
        ) {
            let policy = RetryPolicy {
                backoff: Duration::from_millis(backoff),
                max_backoff: Duration::from_millis(max_backoff),
                factor,
                jitter,
                ..RetryPolicy::built_in()
            };
            prop_assert!(policy.delay(attempt, random) <= policy.max_backoff);
        }
    }
}
