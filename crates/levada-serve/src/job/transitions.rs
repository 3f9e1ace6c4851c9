//! What each step of [`state`](super::state) writes into the record of a job.

use std::time::Duration;

use super::record::{IdempotencyKey, Outcome, Record, RunReport};
use super::state::{JobState, Step};
use super::{JobId, Moment};

/// How far a clock may be behind: also, how long it may take to store the end of a job.
#[cfg(feature = "nats")]
const SLACK: Duration = Duration::from_secs(60);

/// What the record of a new job says.
#[derive(Debug)]
pub(crate) struct NewJob {
    pub(crate) queue: String,
    pub(crate) client: String,
    pub(crate) max_attempts: u32,
    pub(crate) input_bytes: u64,
    pub(crate) input_type: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) key: Option<IdempotencyKey>,
}

/// The steps. Each changes the state, raises the revision, and writes what belongs to it.
impl Record {
    /// The record of a job that was just accepted.
    pub(crate) fn new(id: JobId, now: Moment, job: NewJob) -> Self {
        Self {
            id,
            queue: job.queue,
            state: JobState::Queued,
            revision: 1,
            attempt: 0,
            max_attempts: job.max_attempts,
            interruptions: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            retry_at: None,
            expires_at: None,
            outcome: None,
            exit_code: None,
            signal: None,
            status: None,
            fault: None,
            stderr_tail: String::new(),
            input_bytes: job.input_bytes,
            input_type: job.input_type,
            output_bytes: 0,
            output_type: None,
            emptied: false,
            client: job.client,
            trace: job.trace,
            key: job.key,
            ticket: None,
            holding: None,
        }
    }

    /// An attempt begins.
    pub(crate) fn start(&mut self, now: Moment) {
        self.step(Step::Start);
        self.attempt += 1;
        self.started_at = Some(now);
        self.finished_at = None;
        self.forget_run();
    }

    /// The run has produced an output of this length and type.
    pub(crate) fn succeed(
        &mut self,
        bytes: u64,
        content_type: String,
        now: Moment,
        keep: Duration,
    ) {
        self.step(Step::Succeed);
        self.output_bytes = bytes;
        self.output_type = Some(content_type);
        self.stamp_end(now, keep);
    }

    /// The run has failed, and no other one follows.
    pub(crate) fn fail(&mut self, now: Moment, keep: Duration) {
        self.step(Step::Fail);
        self.stamp_end(now, keep);
    }

    /// Another attempt follows, after a pause.
    pub(crate) fn retry_later(&mut self, now: Moment, pause: Duration) {
        self.step(Step::RetryLater);
        self.finished_at = Some(now);
        self.retry_at = Some(now.after(pause));
        // This run is not what kills the service.
        self.interruptions = 0;
    }

    /// The pause is over.
    pub(crate) fn requeue(&mut self) {
        self.step(Step::Requeue);
        self.retry_at = None;
    }

    /// An attempt was cut off. It does not count, and the job waits for the next one.
    pub(crate) fn interrupt(&mut self) {
        self.step(Step::Interrupt);
        self.outcome = Some(Outcome::Interrupted);
        self.retry_at = None;
        self.max_attempts = self.max_attempts.saturating_add(1);
    }

    /// The service died too often while the job ran.
    pub(crate) fn give_up(&mut self, now: Moment, keep: Duration) {
        self.step(Step::GiveUp);
        self.stamp_end(now, keep);
    }

    /// The job is cancelled while it does not run, and will not run.
    pub(crate) fn withdraw(&mut self, now: Moment, keep: Duration) {
        self.step(Step::Withdraw);
        self.outcome = Some(Outcome::Cancelled);
        self.retry_at = None;
        self.holding = None;
        // From there to the end it did not run.
        self.started_at = None;
        self.stamp_end(now, keep);
    }

    /// The job is cancelled, and its run was stopped.
    pub(crate) fn cancel(&mut self, now: Moment, keep: Duration) {
        self.step(Step::Cancel);
        self.stamp_end(now, keep);
    }

    /// The job waits as if `client` had just submitted it, apart from its history.
    pub(crate) fn run_again(&mut self, client: String, more_attempts: u32) {
        self.step(Step::RunAgain);
        self.client = client;
        self.holding = None;
        self.max_attempts = self.attempt.saturating_add(more_attempts);
        self.interruptions = 0;
        self.forget_run();
        self.started_at = None;
        self.finished_at = None;
        self.expires_at = None;
    }

    /// How the last run ended; the step that follows from it comes next.
    pub(crate) fn set_report(&mut self, report: RunReport) {
        let RunReport { outcome, exit_code, signal, status, fault } = report;
        self.outcome = Some(outcome);
        self.exit_code = exit_code;
        self.signal = signal;
        self.status = status;
        self.fault = fault;
    }

    /// Input, output and standard error of a job that has ended are given up.
    pub(crate) fn empty(&mut self) {
        self.emptied = true;
        self.stderr_tail = String::new();
        self.revision += 1;
    }

    /// A job that has ended is kept until another time.
    pub(crate) fn keep_until(&mut self, at: Moment) {
        self.expires_at = Some(at);
        self.revision += 1;
    }

    /// It was stored at this time by a clock that is right. One that ended much earlier by the
    /// clock of its worker is kept as if it ended now: that clock is behind, and the job would
    /// expire too soon.
    #[cfg(feature = "nats")]
    pub(crate) fn stored_at(&mut self, now: Moment) {
        let (Some(finished), Some(expires)) = (self.finished_at, self.expires_at) else { return };
        // What was emptied was stored again long after its end.
        if !self.emptied && now.since(finished) > SLACK {
            self.expires_at = Some(expires.max(now.after(expires.since(finished))));
        }
    }

    fn step(&mut self, step: Step) {
        // A record that was damaged on disk is no reason to end the service.
        debug_assert!(
            self.state.after(step).is_some(),
            "{step:?} of a job that is {:?}",
            self.state
        );
        self.state = step.target();
        self.revision += 1;
    }

    fn stamp_end(&mut self, now: Moment, keep: Duration) {
        self.finished_at = Some(now);
        self.expires_at = Some(now.after(keep));
    }

    fn forget_run(&mut self) {
        self.retry_at = None;
        self.outcome = None;
        self.exit_code = None;
        self.signal = None;
        self.status = None;
        self.fault = None;
        self.stderr_tail.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::JobState::{Cancelled, Failed, Queued, Retrying, Running, Succeeded};
    use super::*;
    use crate::job::FailureStatus;

    const STATES: [JobState; 6] = [Queued, Running, Retrying, Succeeded, Failed, Cancelled];
    const NOW: Moment = Moment(5_000);
    const KEEP: Duration = Duration::from_millis(7);

    struct Row {
        step: Step,
        take: fn(&mut Record),
        /// Queued, Running, Retrying, Succeeded, Failed, Cancelled: the order of [`STATES`].
        from: [Option<JobState>; 6],
    }

    /// Every step from every state.
    #[rustfmt::skip]
    const TABLE: [Row; 10] = [
        Row { step: Step::Start,      take: |it| it.start(NOW),                    from: [Some(Running),   None,            None,            None, None,         None] },
        Row { step: Step::Succeed,    take: |it| it.succeed(3, "a/b".into(), NOW, KEEP), from: [None,      Some(Succeeded), None,            None, None,         None] },
        Row { step: Step::Fail,       take: |it| it.fail(NOW, KEEP),               from: [None,            Some(Failed),    None,            None, None,         None] },
        Row { step: Step::RetryLater, take: |it| it.retry_later(NOW, KEEP),        from: [None,            Some(Retrying),  None,            None, None,         None] },
        Row { step: Step::Requeue,    take: Record::requeue,                       from: [None,            None,            Some(Queued),    None, None,         None] },
        Row { step: Step::Interrupt,  take: Record::interrupt,                     from: [Some(Queued),    Some(Queued),    Some(Queued),    None, None,         None] },
        Row { step: Step::GiveUp,     take: |it| it.give_up(NOW, KEEP),            from: [Some(Failed),    None,            None,            None, None,         None] },
        Row { step: Step::Withdraw,   take: |it| it.withdraw(NOW, KEEP),           from: [Some(Cancelled), Some(Cancelled), Some(Cancelled), None, None,         None] },
        Row { step: Step::Cancel,     take: |it| it.cancel(NOW, KEEP),             from: [None,            Some(Cancelled), None,            None, None,         None] },
        Row { step: Step::RunAgain,   take: |it| it.run_again("b".into(), 3),      from: [None,            None,            None,            None, Some(Queued), Some(Queued)] },
    ];

    /// A job with all that it can have in this state.
    fn record(state: JobState) -> Record {
        let (queue, client) = ("q".to_owned(), "a".to_owned());
        let (input_type, trace, key) = (None, None, None);
        let job = NewJob { queue, client, max_attempts: 2, input_bytes: 1, input_type, trace, key };
        let mut record = Record::new(JobId::from_bytes([7; 16]), Moment(1), job);
        record.state = state;
        record.attempt = 2;
        record.interruptions = 1;
        record.started_at = Some(Moment(2));
        record.retry_at = (state == Retrying).then_some(Moment(4));
        record.finished_at = state.has_ended().then_some(Moment(3));
        record.expires_at = state.has_ended().then_some(Moment(9));
        let (exit_code, signal, fault) = (Some(3), Some(9), Some("why".to_owned()));
        let status = Some(FailureStatus::Temporary);
        record.set_report(RunReport { outcome: Outcome::Failed, exit_code, signal, status, fault });
        record.stderr_tail = "text".to_owned();
        record
    }

    #[test]
    fn every_step_from_every_state() {
        for Row { step, take, from } in TABLE {
            for (state, expected) in STATES.into_iter().zip(from) {
                assert_eq!(state.after(step), expected, "{step:?} from {state:?}");
                let Some(expected) = expected else { continue };
                let before = record(state);
                let mut after = before.clone();
                take(&mut after);
                let what = format!("{step:?} from {state:?}: {after:?}");
                assert_eq!(after.state, expected, "{what}");
                assert_eq!(after.revision, before.revision + 1, "{what}");
                // What holds for all of them, whatever the step.
                let ended = after.state.has_ended();
                assert_eq!(after.expires_at, ended.then(|| NOW.after(KEEP)), "{what}");
                assert_eq!(after.retry_at.is_some(), after.state == Retrying, "{what}");
                assert_eq!(after.finished_at == Some(NOW), ended || expected == Retrying, "{what}");
                assert_eq!((after.id, after.created_at), (before.id, before.created_at), "{what}");
                assert_eq!(
                    after.attempt,
                    before.attempt + u32::from(expected == Running),
                    "{what}"
                );
            }
        }
    }

    #[test]
    fn the_table_has_every_step_and_every_state_can_be_reached() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.step as usize, index);
        }
        let reached = |state| TABLE.iter().any(|row| row.from.contains(&Some(state)));
        assert!(STATES.into_iter().all(reached));
    }

    #[test]
    fn a_new_attempt_forgets_the_last_one_and_a_cancelled_job_did_not_run() {
        let mut started = record(Queued);
        started.start(NOW);
        let known = (started.outcome, started.exit_code, started.signal, started.status);
        assert_eq!(known, (None, None, None, None));
        assert_eq!((started.fault, started.stderr_tail.as_str()), (None, ""));
        assert_eq!((started.started_at, started.interruptions), (Some(NOW), 1));

        let mut withdrawn = record(Retrying);
        withdrawn.withdraw(NOW, KEEP);
        assert_eq!((withdrawn.started_at, withdrawn.outcome), (None, Some(Outcome::Cancelled)));
        let mut stopped = record(Running);
        stopped.cancel(NOW, KEEP);
        assert_eq!(stopped.started_at, Some(Moment(2)), "it ran until then");
    }

    #[test]
    fn attempts_that_were_cut_off_do_not_count() {
        let mut cut_off = record(Running);
        cut_off.interrupt();
        assert_eq!((cut_off.attempt, cut_off.max_attempts, cut_off.interruptions), (2, 3, 1));
        let mut retried = record(Running);
        retried.retry_later(NOW, KEEP);
        assert_eq!((retried.interruptions, retried.retry_at), (0, Some(NOW.after(KEEP))));
        let mut again = record(Failed);
        again.run_again("b".to_owned(), 3);
        assert_eq!((again.max_attempts, again.interruptions), (5, 0));
        assert_eq!((again.client.as_str(), again.started_at), ("b", None));
    }

    #[cfg(feature = "nats")]
    #[test]
    fn a_job_that_ended_by_a_slow_clock_is_kept_from_when_it_was_stored() {
        let minutes = |count: u64| Moment(count * 60_000);
        let mut ended = record(Running);
        ended.succeed(3, "a/b".into(), minutes(10), KEEP);
        let kept_until = |stored: Moment, mut ended: Record| {
            ended.stored_at(stored);
            ended.expires_at
        };
        // By a clock that is right, or ahead.
        for stored in [10, 11, 1] {
            assert_eq!(kept_until(minutes(stored), ended.clone()), ended.expires_at);
        }
        assert_eq!(kept_until(minutes(500), ended.clone()), Some(minutes(500).after(KEEP)));
        // What is emptied is stored again.
        ended.empty();
        assert_eq!(kept_until(minutes(500), ended.clone()), ended.expires_at);
    }
}
