//! What a run means for its job, by the retry policy of its queue. Pure.

use crate::config::{RetryPolicy, Verdict};
use crate::job::{FailureStatus, Outcome, Record, RunReport};
use crate::jobs::run_result::End;

/// What follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Succeeded,
    /// Another run, if there are attempts left.
    Again,
    Failed,
    Cancelled,
    /// It runs again in another process.
    Interrupted,
}

/// What is known of a run, and what follows it.
pub(super) fn judge(
    record: &Record,
    end: &End,
    policy: &RetryPolicy,
    is_stopped: bool,
) -> (RunReport, Next) {
    let (mut outcome, mut next) = outcome(end, policy);
    if next == Next::Again && is_stopped {
        (outcome, next) = (Outcome::Cancelled, Next::Cancelled);
    } else if next == Next::Again && record.attempt >= record.max_attempts {
        next = Next::Failed;
    }
    let (mut exit_code, mut signal, mut status) = (None, None, None);
    match end {
        End::Exited(code) => {
            exit_code = Some(*code);
            status = match policy.verdict(*code) {
                Verdict::Done => None,
                Verdict::Retry => Some(FailureStatus::Temporary),
                Verdict::Fail(status) => Some(status.as_u16().into()),
            };
        }
        End::Signalled(number) => signal = Some(*number),
        _ => {}
    }
    (RunReport { outcome, exit_code, signal, status, fault: fault(end) }, next)
}

fn outcome(end: &End, policy: &RetryPolicy) -> (Outcome, Next) {
    match end {
        End::Exited(code) => match policy.verdict(*code) {
            Verdict::Done => (Outcome::Succeeded, Next::Succeeded),
            Verdict::Retry => (Outcome::Failed, Next::Again),
            Verdict::Fail(_) => (Outcome::Failed, Next::Failed),
        },
        End::Signalled(_) => (Outcome::Failed, Next::Failed),
        End::TimedOut if policy.on_timeout => (Outcome::TimedOut, Next::Again),
        End::TimedOut => (Outcome::TimedOut, Next::Failed),
        End::OutputTooLarge => (Outcome::OutputTooLarge, Next::Failed),
        // Another attempt may be able to start it, or to keep its output.
        End::NotStarted(_) | End::NotKept(_) => (Outcome::NotRun, Next::Again),
        End::NotRun(_) | End::Silent => (Outcome::NotRun, Next::Failed),
        End::OutOfStep(_) => (Outcome::OutOfStep, Next::Failed),
        End::Stopped => (Outcome::Cancelled, Next::Cancelled),
        End::Aborted => (Outcome::Interrupted, Next::Interrupted),
    }
}

/// Why the job was not run, or its answer does not count.
fn fault(end: &End) -> Option<String> {
    match end {
        End::NotStarted(error) | End::NotRun(error) => Some(error.to_string()),
        End::OutOfStep(why) => Some(why.to_string()),
        End::NotKept(error) => Some(format!("its output cannot be kept: {error}")),
        End::Silent => Some("the command ended without an answer".to_owned()),
        End::Exited(_)
        | End::Signalled(_)
        | End::TimedOut
        | End::OutputTooLarge
        | End::Stopped
        | End::Aborted => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use super::*;
    use crate::job::{JobId, Moment, NewJob};
    use crate::jobs::run_result::OutOfStep;

    fn record(attempt: u32) -> Record {
        let (queue, client) = (String::new(), String::new());
        let (max_attempts, input_bytes) = (3, 0);
        let (input_type, trace, key) = (None, None, None);
        let job = NewJob { queue, client, max_attempts, input_bytes, input_type, trace, key };
        Record { attempt, ..Record::new(JobId::from_bytes([0; 16]), Moment(0), job) }
    }

    #[test]
    fn every_end_in_the_first_attempt_the_last_one_and_when_cancelled() {
        let policy = RetryPolicy {
            exit_codes: BTreeMap::from([(0, Verdict::Done), (75, Verdict::Retry)]),
            ..RetryPolicy::built_in()
        };
        let error = || io::Error::other("why");
        let out_of_step = || End::OutOfStep(OutOfStep::OtherJob);
        let not_kept = || End::NotKept(crate::store::StoreError::io("why"));
        use Next::{Again, Cancelled, Failed, Interrupted, Succeeded};
        let table: [(End, Outcome, [Next; 3]); 12] = [
            (End::Exited(0), Outcome::Succeeded, [Succeeded; 3]),
            (End::Exited(75), Outcome::Failed, [Again, Failed, Cancelled]),
            (End::Exited(1), Outcome::Failed, [Failed; 3]),
            (End::Signalled(11), Outcome::Failed, [Failed; 3]),
            (End::TimedOut, Outcome::TimedOut, [Failed; 3]),
            (End::OutputTooLarge, Outcome::OutputTooLarge, [Failed; 3]),
            (End::NotStarted(error()), Outcome::NotRun, [Again, Failed, Cancelled]),
            (End::NotRun(error()), Outcome::NotRun, [Failed; 3]),
            (out_of_step(), Outcome::OutOfStep, [Failed; 3]),
            (not_kept(), Outcome::NotRun, [Again, Failed, Cancelled]),
            (End::Stopped, Outcome::Cancelled, [Cancelled; 3]),
            (End::Aborted, Outcome::Interrupted, [Interrupted; 3]),
        ];
        for (end, outcome, nexts) in table {
            let cases = [(1, false), (3, false), (1, true)];
            for ((attempt, is_stopped), next) in cases.into_iter().zip(nexts) {
                let (report, is) = judge(&record(attempt), &end, &policy, is_stopped);
                assert_eq!(is, next, "{end:?} in attempt {attempt}, stopped: {is_stopped}");
                let outcome = if next == Cancelled { Outcome::Cancelled } else { outcome };
                assert_eq!(report.outcome, outcome, "{end:?} in attempt {attempt}");
            }
        }
    }

    #[test]
    fn what_is_known_of_an_end() {
        let policy = RetryPolicy { on_timeout: true, ..RetryPolicy::built_in() };
        let known = |end| judge(&record(1), &end, &policy, false);
        let (report, next) = known(End::Exited(75));
        assert_eq!((report.exit_code, report.status), (Some(75), Some(FailureStatus::Temporary)));
        assert_eq!(next, Next::Again);
        let status = Some(FailureStatus::Configured(422));
        assert_eq!(known(End::Exited(65)).0.status, status);
        assert_eq!(known(End::Exited(0)).0.status, None);
        assert_eq!(known(End::Signalled(9)).0.signal, Some(9));
        assert_eq!(known(End::TimedOut).1, Next::Again);
        let fault = Some("the command ended without an answer".to_owned());
        assert_eq!(known(End::Silent).0.fault, fault);
    }
}
