//! A job that has not ended: what may happen to it next, and its observers.
//!
//! The *phase* decides each step of `job::state`, once and for all, and changes under a lock,
//! so that each step has one winner: a worker that claims the job, or a client that cancels it. The
//! *view* is what clients see. It follows when the step is on disk, so that no client sees an end
//! that a crash could undo.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use levada::{broadcast, watch};

use super::pipes::Stream;
use super::places::Place;
use super::progress::Progress;
use super::queue::Queue;
use super::quota::Share;
use crate::job::{JobId, JobState, Record};
use crate::store::body::Body;
use crate::sync::lock;

/// How many pieces of output a reader can be behind before it misses some.
const OUTPUT_BEHIND: usize = 256;

/// A queue of jobs.
pub(crate) type JobQueue = Queue<ActiveJob>;

/// A job that has not ended, or whose end a client still reads.
#[derive(Debug)]
pub(crate) struct ActiveJob {
    pub(crate) id: JobId,
    pub(crate) queue: Arc<JobQueue>,
    phase: Mutex<Phase>,
    view: watch::Sender<JobView>,
    /// The number of the last run in this process.
    runs: AtomicU64,
    /// The runs up to this number are to be stopped. A process that loses a job and gets it back
    /// may begin a run while the one before is still being stopped.
    stop: watch::Sender<u64>,
    /// What the command writes, for clients that watch it.
    output: OnceLock<broadcast::Sender<Written>>,
    /// Whether its end is counted: in a cluster it may be seen twice.
    counted: AtomicBool,
    /// The client's quota; given back at the end.
    share: Mutex<Option<Share>>,
}

#[derive(Debug)]
enum Phase {
    Waiting(Place),
    Running,
    /// Waits for its next attempt.
    Paused,
    Ended,
}

/// What is seen of a job.
#[derive(Debug, Clone)]
pub(crate) struct JobView {
    pub(crate) record: Arc<Record>,
    /// How often its progress was published since. Each raises the revision that is seen.
    updates: u64,
    pub(crate) progress: Option<Progress>,
    /// What the command wrote, once it has succeeded.
    pub(crate) output: Option<Body>,
    /// Nothing more becomes of the job in this process, although it has not ended.
    pub(crate) abandoned: Option<Abandoned>,
}

impl JobView {
    pub(crate) fn of(record: Arc<Record>) -> Self {
        Self { record, updates: 0, progress: None, output: None, abandoned: None }
    }

    /// Grows with every change of what is seen.
    pub(crate) fn revision(&self) -> u64 {
        self.record.revision + self.updates
    }

    /// A copy of the record, for the next step to change.
    pub(crate) fn to_record(&self) -> Record {
        Record { revision: self.revision(), ..Record::clone(&self.record) }
    }

    /// The record with the revision that is seen.
    pub(crate) fn into_record(self) -> Arc<Record> {
        if self.updates == 0 { self.record } else { Arc::new(self.to_record()) }
    }

    /// The job took a step. Progress belongs to the run before it.
    pub(super) fn set_record(&mut self, record: Arc<Record>) {
        (self.record, self.updates, self.progress) = (record, 0, None);
    }

    /// Another process took the job this far, if that is news, or this one has it from now on. What
    /// was given up here is not.
    #[cfg(feature = "nats")]
    pub(super) fn follow(&mut self, record: Arc<Record>) {
        if record.revision > self.record.revision || record.holding.is_some() {
            self.set_record(record);
            (self.output, self.abandoned) = (None, None);
        }
    }

    pub(super) fn set_progress(&mut self, progress: Progress) {
        self.updates += 1;
        self.progress = Some(progress);
    }

    /// Nothing more happens to the job in this process.
    pub(crate) fn is_final(&self) -> bool {
        self.abandoned.is_some() || self.record.state.has_ended()
    }
}

/// Why nothing more becomes of a job in this process, although it has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// The store could not keep it.
    NotStored,
    /// The service ends before the job does.
    Interrupted,
}

/// Something the command wrote.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) stream: Stream,
    pub(crate) bytes: Bytes,
}

/// What became of the wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// It waited, and will not run. The caller has to record its end.
    Ended,
    /// It runs, and has got the request to stop.
    Stopping,
    /// It has ended already.
    TooLate,
}

impl ActiveJob {
    /// A job that waits at `place`.
    pub(crate) fn waiting(
        record: Arc<Record>,
        queue: Arc<JobQueue>,
        place: Place,
        share: Share,
    ) -> Arc<Self> {
        Self::new(record, queue, Phase::Waiting(place.occupy()), share)
    }

    /// A job that waits for its next attempt.
    pub(crate) fn paused(record: Arc<Record>, queue: Arc<JobQueue>, share: Share) -> Arc<Self> {
        Self::new(record, queue, Phase::Paused, share)
    }

    fn new(record: Arc<Record>, queue: Arc<JobQueue>, phase: Phase, share: Share) -> Arc<Self> {
        Arc::new(Self {
            id: record.id,
            queue,
            phase: Mutex::new(phase),
            view: watch::builder(JobView::of(record)).named("job states").build().0,
            runs: AtomicU64::new(1),
            stop: watch::builder(0).named("job stops").build().0,
            output: OnceLock::new(),
            counted: AtomicBool::new(false),
            share: Mutex::new(Some(share)),
        })
    }

    /// Takes the job to run it, unless it was cancelled. How long it waited.
    pub(crate) fn claim(&self) -> Option<Duration> {
        let mut phase = lock(&self.phase);
        let Phase::Waiting(place) = &*phase else {
            return None;
        };
        let waited = place.waited();
        // ORDERING: Relaxed, no pair: it changes under the lock of the phase.
        self.runs.fetch_add(1, Ordering::Relaxed);
        *phase = Phase::Running;
        Some(waited)
    }

    /// Whether it still waits in line.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(*lock(&self.phase), Phase::Waiting(_))
    }

    /// How many are before it in line.
    pub(crate) fn position(&self) -> Option<u64> {
        match &*lock(&self.phase) {
            Phase::Waiting(place) => Some(place.position()),
            _ => None,
        }
    }

    /// Another process took the job a step further, or this one takes it from another: whatever
    /// it was here, it is what the record says.
    #[cfg(feature = "nats")]
    pub(crate) fn become_as(&self, state: JobState) {
        let place = (state == JobState::Queued).then(|| self.queue.must_reserve().occupy());
        let mut phase = lock(&self.phase);
        *phase = match (state, place) {
            (JobState::Queued, Some(_)) if matches!(*phase, Phase::Waiting(_)) => return,
            (JobState::Queued, Some(place)) => Phase::Waiting(place),
            (JobState::Running, _) => Phase::Running,
            (JobState::Retrying, _) => Phase::Paused,
            _ => Phase::Ended,
        };
        drop(phase);
        if state.has_ended() {
            self.end();
        }
    }

    /// The run is over, and another one follows later.
    pub(crate) fn retry_later(&self) {
        *lock(&self.phase) = Phase::Paused;
    }

    /// Gets in line again after a pause, unless it was cancelled.
    pub(crate) fn wait_again(&self) -> bool {
        let place = self.queue.must_reserve().occupy();
        let mut phase = lock(&self.phase);
        if !matches!(*phase, Phase::Paused) {
            return false;
        }
        *phase = Phase::Waiting(place);
        true
    }

    /// The run is over, and no other one follows.
    pub(crate) fn end(&self) {
        *lock(&self.phase) = Phase::Ended;
        lock(&self.share).take();
    }

    /// Whether its end is to be counted: the first time.
    pub(crate) fn counts_end(&self) -> bool {
        // ORDERING: Relaxed, no pair: only who is first matters.
        !self.counted.swap(true, Ordering::Relaxed)
    }

    /// Cancels it.
    pub(crate) fn withdraw(&self) -> Withdrawn {
        let mut phase = lock(&self.phase);
        match *phase {
            Phase::Waiting(_) | Phase::Paused => {
                *phase = Phase::Ended;
                drop(phase);
                self.end();
                // Ends the task that sleeps until the next attempt.
                self.stop.send_replace(self.run());
                Withdrawn::Ended
            }
            Phase::Running => {
                self.stop.send_replace(self.run());
                Withdrawn::Stopping
            }
            Phase::Ended => Withdrawn::TooLate,
        }
    }

    /// Another process runs it, and says how far it is.
    #[cfg(feature = "nats")]
    pub(crate) fn show_progress(&self, progress: Progress) {
        self.view.send_if_modified(|view| {
            let runs = view.record.state == JobState::Running;
            if runs {
                view.set_progress(progress);
            }
            runs
        });
    }

    /// Has the run stopped if there is one. Whether there is.
    #[cfg(feature = "nats")]
    pub(crate) fn stop_run(&self) -> bool {
        let runs = matches!(*lock(&self.phase), Phase::Running);
        if runs {
            self.stop.send_replace(self.run());
        }
        runs
    }

    /// Waits until the run is to be stopped, or the pause is over because of a cancellation.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn stopped(&self) {
        self.run_stopped(self.run()).await;
    }

    /// Waits until the run of this number is to be stopped.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn run_stopped(&self, run: u64) {
        let mut stop = self.stop.subscribe();
        // `self` keeps the sender.
        drop(stop.wait_for(|stop| *stop >= run).await);
    }

    /// Whether the last run is to be stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow() >= self.run()
    }

    /// The number of the last run in this process.
    pub(crate) fn run(&self) -> u64 {
        // ORDERING: Relaxed, no pair: the caller belongs to that run, or holds the lock.
        self.runs.load(Ordering::Relaxed)
    }

    /// The state that is seen of it now.
    pub(crate) fn state(&self) -> JobState {
        self.view.borrow().record.state
    }

    /// What is seen of it now.
    pub(crate) fn view(&self) -> JobView {
        self.view.borrow().clone()
    }

    /// What is seen of it, now and after every change.
    pub(crate) fn watch(&self) -> watch::Receiver<JobView> {
        self.view.subscribe()
    }

    /// Publishes a change of what is seen.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut JobView)) {
        self.view.send_modify(change);
    }

    /// What the command writes from now on.
    pub(crate) fn output(&self) -> broadcast::Receiver<Written> {
        self.writers().subscribe()
    }

    /// The command wrote something. Cheap if no client watches: the bytes are not copied.
    pub(crate) fn wrote(&self, stream: Stream, bytes: &[u8]) {
        if let Some(output) = self.output.get()
            && output.receiver_count() > 0
        {
            // The last watcher may just have left.
            drop(output.send(Written { stream, bytes: Bytes::copy_from_slice(bytes) }));
        }
    }

    /// Whether a client watches what the command writes.
    #[cfg(feature = "nats")]
    pub(crate) fn is_watched(&self) -> bool {
        self.output.get().is_some_and(|output| output.receiver_count() > 0)
    }

    fn writers(&self) -> &broadcast::Sender<Written> {
        self.output.get_or_init(|| broadcast::builder(OUTPUT_BEHIND).named("job output").build().0)
    }
}

#[cfg(test)]
mod tests {
    use levada::mpmc;

    use super::*;
    use crate::config::QueueConfig;
    use crate::job::{Moment, NewJob};
    use crate::jobs::quota::Quotas;

    /// A job that waits.
    fn waiting() -> Arc<ActiveJob> {
        let (config, line) = (Arc::new(QueueConfig::for_tests(["true"])), mpmc::channel(1).0);
        let queue = Queue::new("q".to_owned(), config, line);
        let (max_attempts, input_bytes) = (3, 0);
        let (input_type, trace, key, client) = (None, None, None, "a".to_owned());
        let share = Quotas::default().must_take(&client);
        let queue_name = queue.name.clone();
        let new =
            NewJob { queue: queue_name, client, max_attempts, input_bytes, input_type, trace, key };
        let record = Arc::new(Record::new(JobId::next(), Moment(0), new));
        let place = queue.reserve().unwrap();
        ActiveJob::waiting(record, queue, place, share)
    }

    /// In this order: waiting, running, paused, ended.
    fn in_each_phase() -> [Arc<ActiveJob>; 4] {
        let jobs = [(); 4].map(|()| waiting());
        jobs[1..].iter().for_each(|job| assert!(job.claim().is_some()));
        jobs[2].retry_later();
        jobs[3].end();
        jobs
    }

    #[test]
    fn every_step_from_every_phase() {
        let claimed = in_each_phase().map(|job| job.claim().is_some());
        assert_eq!(claimed, [true, false, false, false]);
        let waits_again = in_each_phase().map(|job| job.wait_again());
        assert_eq!(waits_again, [false, false, true, false]);
        let withdrawn = in_each_phase().map(|job| job.withdraw());
        let stopping = Withdrawn::Stopping;
        let expected = [Withdrawn::Ended, stopping, Withdrawn::Ended, Withdrawn::TooLate];
        assert_eq!(withdrawn, expected);
        let stopped = in_each_phase().map(|job| (job.withdraw(), job.is_stopped()).1);
        assert_eq!(stopped, [true, true, true, false]);
    }

    #[test]
    fn a_place_is_given_back_when_the_job_no_longer_waits() {
        let depths = in_each_phase().map(|job| job.queue.depth());
        assert_eq!(depths, [1, 0, 0, 0]);
        let after_withdrawal = in_each_phase().map(|job| (job.withdraw(), job.queue.depth()).1);
        assert_eq!(after_withdrawal, [0; 4]);
        let job = waiting();
        assert!(job.claim().is_some());
        job.retry_later();
        assert!(job.wait_again());
        assert_eq!((job.queue.depth(), job.position()), (1, Some(0)));
    }

    #[test]
    fn progress_raises_the_revision_and_leaves_the_record() {
        let job = waiting();
        let record = Arc::clone(&job.view().record);
        job.publish(|view| view.set_progress(Progress::default()));
        job.publish(|view| view.set_progress(Progress::default()));
        let view = job.view();
        assert!(Arc::ptr_eq(&view.record, &record), "it was copied");
        assert_eq!(view.revision(), record.revision + 2);
        assert_eq!(view.to_record().revision, record.revision + 2);
        assert_eq!(view.clone().into_record().revision, record.revision + 2);
        job.publish(|view| view.set_record(Arc::clone(&record)));
        assert_eq!((job.view().revision(), job.view().progress), (record.revision, None));
        assert!(Arc::ptr_eq(&job.view().into_record(), &record));
    }
}
