//! When a grant that its waiter does not claim expires.
//!
//! A granted waiter may never be polled: its future was forgotten, or its task waits for something
//! else first ("futurelock"). While the channel can make other progress its grant does no harm. It
//! does when no message is queued, so that no receive will free capacity: then every sender that
//! could use the granted capacity, and the receiver, *counts* each time that it is refused, and the
//! grant expires after [`limit`](Expiry::limit) refusals of one of them. A refused task wakes
//! itself, so that the other tasks of its executor run in between: on a single-threaded runtime
//! every live waiter is polled before a grant to it expires.
//!
//! An expired waiter leaves the queue, and is at the front again when it is polled.
//!
//! # The limit
//! [`GRACE`] polls may take a microsecond, and a sleeping thread needs 5 to 50 to wake up. A live
//! waiter on another thread must not lose its grants for that:
//! - A thread in a blocking call is alive and polls nothing else. Its grant never expires.
//! - A task may run on a worker thread that sleeps. Each waiter that is polled after its grant
//!   expired shows that the waiters of this channel are late: from then on grants last twice as
//!   many polls, up to [`MAX_LEARNED_POLLS`].
//! - A waiter whose own grant expired, and that was polled, is granted twice the polls each time,
//!   up to [`MAX_EXPIRIES`] times. So a waiter that is polled within [`MAX_LEARNED_POLLS`] `<<`
//!   [`MAX_EXPIRIES`] polls of the others loses its grant a bounded number of times.
//!
//! # Progress
//! A grant to a task that does not claim it delays the others by at most [`GRACE`] polls of one of
//! them, or of the receiver, and by more where waiters have been late. Some task has to poll: a
//! sleeping waiter is helped by a receiver that waits for a message, or tries to receive, or by a
//! sender that arrives. A waiter that cannot be granted what it needs keeps its place in the queue,
//! polled or not.

use crate::prim::IS_LOOM;

/// How many polls a grant lasts at first. Fewer in a model: each poll is a branch of its own, and
/// the steps are the same.
pub(crate) const GRACE: u16 = if IS_LOOM { 2 } else { 8 };

/// The most polls that a channel learns to give its grants. In polls of a single-threaded runtime,
/// of some 100 nanoseconds each, twice what a thread needs to wake up.
pub(crate) const MAX_LEARNED_POLLS: u16 = GRACE << if IS_LOOM { 1 } else { 7 };

/// How often the polls are doubled for one waiter.
pub(crate) const MAX_EXPIRIES: u8 = if IS_LOOM { 1 } else { 5 };

/// What decides when the grants of one semaphore expire.
#[derive(Debug)]
pub(super) struct Expiry {
    /// At least the number of expiries of each waiter with a grant that may expire; 0 if there is
    /// none.
    expiries: u8,
    /// How many polls a grant lasts, as the waiters of this channel have taught it.
    learned: u16,
    /// Refusals of callers that do not wait (`try_send`, `try_recv`), or wait no more, since a
    /// grant was last claimed or returned.
    tries: u16,
}

impl Expiry {
    pub(super) fn new() -> Self {
        Self { expiries: 0, learned: GRACE, tries: 0 }
    }

    /// A waiter was granted, whose own grants expired so often since it began to wait.
    #[inline(always)]
    pub(super) fn note_grant(&mut self, expiries: u8) {
        self.expiries = self.expiries.max(expiries);
    }

    /// A grant was claimed or returned, and so many are left that may expire.
    pub(super) fn note_claim(&mut self, left: u32) {
        if left == 0 {
            self.expiries = 0;
        }
        self.tries = 0;
    }

    /// No grant is left that may expire.
    pub(super) fn note_end(&mut self) {
        self.expiries = 0;
    }

    /// How many refusals the grants outlive.
    pub(super) fn limit(&self) -> u16 {
        self.learned << self.expiries
    }

    /// Counts a refused poll of a waiter in `refusals`. Answers whether the grants expire.
    pub(super) fn count_poll(&self, refusals: &mut u16) -> bool {
        *refusals += 1;
        // With those of other waiters that have given up since.
        let expires = *refusals + self.tries >= self.limit();
        if expires {
            *refusals = 0;
        }
        expires
    }

    /// Counts a refused try. Answers whether the grants expire.
    pub(super) fn count_try(&mut self) -> bool {
        self.tries += 1;
        self.tries >= self.limit()
    }

    /// A waiter gives up that was refused so often.
    pub(super) fn inherit(&mut self, refusals: u16) {
        self.tries = self.limit().min(self.tries + refusals);
    }

    pub(super) fn tries(&self) -> u16 {
        self.tries
    }

    pub(super) fn set_tries(&mut self, tries: u16) {
        self.tries = tries;
    }

    pub(super) fn forget_tries(&mut self) {
        self.tries = 0;
    }

    /// A waiter was polled after its grant had expired.
    pub(super) fn learn(&mut self) {
        self.learned = MAX_LEARNED_POLLS.min(2 * self.learned);
    }
}
