//! Admission of readers and writers to the current value: a phase-fair reader-writer lock with a
//! budget for overtaking.
//!
//! In a phase-fair lock reader and writer phases alternate while both kinds wait: a reader waits
//! for at most one write, and a writer for the readers of at most one phase and for the writers
//! before it (B. Brandenburg and J. Anderson, "Reader-Writer Synchronization for Shared-Memory
//! Multiprocessor Real-Time Systems", ECRTS 2009; "Spin-Based Reader-Writer Synchronization for
//! Multiprocessor Real-Time Systems", Real-Time Systems 46, 2010).
//!
//! # Differences
//! 1. A strict phase would cost a wake-up for each operation, because the value would be idle until
//!    the thread that waits runs again. So new threads may overtake it until a budget is spent; the
//!    lock is phase-fair from then on.
//! 2. Waiting threads are admitted in batches: all that wait when a batch starts, in any order.
//! 3. A thread that holds a snapshot of the current value is always admitted (I3).
//!
//! This file is pure: it decides who is admitted. Whether the value is idle, and how a thread
//! sleeps, is decided elsewhere.
//!
//! # States
//! | phase | readers in the batch | writers waiting | budget | a new reader | a new writer |
//! |---|---|---|---|---|---|
//! | free | 0 | no | - | admitted | admitted |
//! | overtaking | 0 | yes | 1.. | admitted, and spends | admitted, and spends |
//! | writers' phase | 0 | yes | 0 | waits | waits |
//! | readers' phase | 1.. | any | any | as above | waits |
//!
//! # Transitions
//! | event | effect |
//! |---|---|
//! | the first writer begins to wait | the budget is [`BUDGET`] |
//! | a waiting writer is admitted, or gives up | the budget is [`BUDGET`] |
//! | a new thread is admitted while a writer waits | spends [`OVERLAPPING_READ_COST`] if it reads beside others, else 1 |
//! | a writer of the batch was woken and is rejected again | spends [`REJECTED_WRITER_COST`] |
//! | a reader has waited too long for a writers' phase to end (`extend_budget`) | the budget is larger than the last time |
//! | a write ends, and waiting readers were rejected again [`REJECTIONS_BEFORE_READERS`] times | the readers' phase begins |
//!
//! # Invariants
//! - **I1** If writers wait, some of them are in the current batch, and these are admitted before
//!   the others. So a writer that comes back and waits again is admitted at most twice before
//!   another one that waits.
//! - **I2** The readers of the current batch are admitted before the next writer. All of them come,
//!   because a waiting thread does nothing else.
//! - **I3** A thread that holds a snapshot of the current value is admitted in every phase: a
//!   writer waits for it, so it must not wait for a writer.
#![forbid(unsafe_code)]

use core::mem;

use crate::prim::IS_MODEL;

/// What new threads may spend while a writer waits.
pub(super) const BUDGET: u32 = if IS_MODEL { 1 } else { 1_024 };

/// What a reader spends that is admitted beside others, and so prolongs the wait of the writer.
pub(super) const OVERLAPPING_READ_COST: u32 = 64;

/// What is spent when a writer was woken and finds the value in use again.
const REJECTED_WRITER_COST: u32 = 512;

/// How often waiting readers are woken and find the value written, before writers wait for them.
const REJECTIONS_BEFORE_READERS: u32 = if IS_MODEL { 1 } else { 2 };

/// Waiting threads of one kind, in two batches.
#[derive(Debug, Default)]
struct Batches {
    /// How many of the current batch have not been admitted yet.
    current: u32,
    /// How many wait for the next batch.
    next: u32,
    /// The number of the current batch. Wraps around: there are tickets of this batch and of the
    /// next one only.
    number: u32,
}

/// A place among the waiting threads: the number of the batch.
#[derive(Debug)]
pub(super) struct Ticket(u32);

impl Batches {
    fn is_empty(&self) -> bool {
        self.current == 0 && self.next == 0
    }

    fn enqueue(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.number.wrapping_add(1))
    }

    /// Whether the ticket is of the current batch, which is admitted in full before the next one
    /// starts.
    fn is_current(&self, ticket: &Ticket) -> bool {
        self.number == ticket.0
    }

    fn remove(&mut self, ticket: &Ticket) {
        let count = if self.is_current(ticket) { &mut self.current } else { &mut self.next };
        *count -= 1;
    }

    /// Starts the next batch, if the current one is empty.
    fn start_next(&mut self) {
        if self.current == 0 && self.next > 0 {
            self.current = mem::take(&mut self.next);
            self.number = self.number.wrapping_add(1);
        }
    }
}

/// The waiting threads, and how long new threads may overtake them.
#[derive(Debug, Default)]
pub(super) struct PhaseFair {
    readers: Batches,
    writers: Batches,
    /// What new threads may still spend. Meaningful while writers wait.
    budget: u32,
    /// How often the budget was extended although a writer waits.
    extensions: u32,
    /// How often waiting readers were woken and rejected again.
    reader_rejections: u32,
}

impl PhaseFair {
    /// Whether a writer waits, so that each reader has to be admitted.
    pub(super) fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Whether a new thread may overtake the waiting writers, if there are any.
    fn may_overtake(&mut self, cost: u32) -> bool {
        if self.has_writers() {
            let is_affordable = self.budget > 0;
            self.budget = self.budget.saturating_sub(cost);
            return is_affordable;
        }
        true
    }

    /// Whether a reader is admitted, if the value is not written. It then waits no longer.
    pub(super) fn admit_reader(
        &mut self,
        ticket: &mut Option<Ticket>,
        is_holder: bool,
        overlaps: bool,
    ) -> bool {
        let is_current = ticket.as_ref().is_some_and(|ticket| self.readers.is_current(ticket));
        let cost = if overlaps { OVERLAPPING_READ_COST } else { 1 };
        let is_admitted = is_current || is_holder || self.may_overtake(cost);
        if is_admitted && let Some(ticket) = ticket.take() {
            self.readers.remove(&ticket);
        }
        is_admitted
    }

    /// Whether a writer is admitted, if the value is not in use. It then waits no longer.
    pub(super) fn admit_writer(&mut self, ticket: &mut Option<Ticket>) -> bool {
        if self.readers.current > 0 {
            return false;
        }
        let is_admitted = match ticket {
            Some(ticket) => self.writers.is_current(ticket),
            None => self.may_overtake(1),
        };
        if is_admitted && let Some(ticket) = ticket.take() {
            self.remove_writer(&ticket);
        }
        is_admitted
    }

    /// A reader was rejected and waits.
    pub(super) fn reject_reader(&mut self, ticket: &mut Option<Ticket>) {
        match ticket {
            None => *ticket = Some(self.readers.enqueue()),
            Some(_) => self.reader_rejections = self.reader_rejections.saturating_add(1),
        }
    }

    /// A writer was rejected and waits.
    pub(super) fn reject_writer(&mut self, ticket: &mut Option<Ticket>) {
        match ticket {
            None => {
                if !self.has_writers() {
                    self.refill_budget();
                }
                *ticket = Some(self.writers.enqueue());
                self.writers.start_next();
            }
            Some(ticket) if self.writers.is_current(ticket) => {
                self.budget = self.budget.saturating_sub(REJECTED_WRITER_COST);
            }
            Some(_) => {}
        }
    }

    /// A reader gives up waiting.
    pub(super) fn remove_reader(&mut self, ticket: &Ticket) {
        self.readers.remove(ticket);
    }

    /// A writer is admitted, or gives up waiting.
    pub(super) fn remove_writer(&mut self, ticket: &Ticket) {
        self.writers.remove(ticket);
        self.writers.start_next();
        self.refill_budget();
    }

    /// A write has ended.
    pub(super) fn end_write(&mut self) {
        if self.readers.current > 0 {
            return;
        }
        if self.readers.is_empty() {
            self.reader_rejections = 0;
        } else if self.reader_rejections >= REJECTIONS_BEFORE_READERS {
            self.reader_rejections = 0;
            self.readers.start_next();
        }
    }

    /// A reader has waited for the sake of a writer for too long. Returns whether readers are
    /// admitted again: for longer than the last time, as the writer may wait for a snapshot that
    /// never ends.
    pub(super) fn extend_budget(&mut self) -> bool {
        let is_spent = self.has_writers() && self.budget == 0;
        if is_spent {
            self.extensions = self.extensions.saturating_add(1);
            self.budget = BUDGET.saturating_mul(16_u32.saturating_pow(self.extensions));
        }
        is_spent
    }

    fn refill_budget(&mut self) {
        (self.budget, self.extensions) = (BUDGET, 0);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// The ticket of a new thread that is rejected and waits.
    fn waits(
        phases: &mut PhaseFair,
        reject: fn(&mut PhaseFair, &mut Option<Ticket>),
    ) -> Option<Ticket> {
        let mut ticket = None;
        reject(phases, &mut ticket);
        assert!(ticket.is_some());
        ticket
    }

    /// How many new threads are admitted, one after the other.
    fn new_threads(mut enter: impl FnMut() -> bool) -> u32 {
        let mut count = 0;
        while enter() {
            count += 1;
            assert!(count <= 1 << 20, "there is no end");
        }
        count
    }

    #[test]
    fn new_threads_spend_the_budget() {
        let mut phases = PhaseFair::default();
        let read =
            |phases: &mut PhaseFair, overlaps| phases.admit_reader(&mut None, false, overlaps);
        for _ in 0..2 * BUDGET {
            assert!(read(&mut phases, true) && phases.admit_writer(&mut None), "no writer waits");
        }
        for round in 0..3 {
            let mut writer = waits(&mut phases, PhaseFair::reject_writer);
            let (count, cost) = match round {
                0 => (new_threads(|| read(&mut phases, true)), OVERLAPPING_READ_COST),
                1 => (new_threads(|| read(&mut phases, false)), 1),
                _ => (new_threads(|| phases.admit_writer(&mut None)), 1),
            };
            assert_eq!(count, BUDGET / cost);
            assert!(!read(&mut phases, false) && !phases.admit_writer(&mut None));
            assert!(phases.admit_reader(&mut None, true, true), "it holds a snapshot");
            assert!(phases.admit_writer(&mut writer) && writer.is_none());
            assert!(read(&mut phases, true) && phases.admit_writer(&mut None));
        }
    }

    #[test]
    fn a_rejected_writer_spends_the_budget() {
        let mut phases = PhaseFair::default();
        let mut writer = waits(&mut phases, PhaseFair::reject_writer);
        let mut second = waits(&mut phases, PhaseFair::reject_writer);
        for _ in 0..BUDGET {
            phases.reject_writer(&mut second);
        }
        for _ in 0..BUDGET / REJECTED_WRITER_COST {
            assert!(
                phases.admit_reader(&mut None, false, false),
                "the second writer is of the next batch"
            );
            phases.reject_writer(&mut writer);
        }
        assert!(!phases.admit_reader(&mut None, false, false));
    }

    /// I1: a writer that comes back waits behind the writers that came before.
    #[test]
    fn writers_are_admitted_in_batches() {
        let mut phases = PhaseFair::default();
        let mut writers: Vec<_> =
            (0..4).map(|_| waits(&mut phases, PhaseFair::reject_writer)).collect();
        let mut order = Vec::new();
        for _ in 0..8 {
            let admitted: Vec<_> =
                (0..4).filter(|&at| phases.admit_writer(&mut writers[at])).collect();
            for at in admitted {
                order.push(at);
                writers[at] = waits(&mut phases, PhaseFair::reject_writer);
            }
        }
        for pair in order.windows(8) {
            assert!((0..4).all(|at| pair.contains(&at)), "{order:?}");
        }
        assert!(order.len() > 8);
        writers.iter().flatten().for_each(|ticket| phases.remove_writer(ticket));
        assert!(!phases.has_writers());
    }

    #[test]
    fn readers_that_are_rejected_again_get_a_phase() {
        let mut phases = PhaseFair::default();
        assert!(phases.admit_writer(&mut None));
        let mut readers = [(); 2].map(|()| waits(&mut phases, PhaseFair::reject_reader));
        phases.end_write();
        assert!(phases.admit_writer(&mut None), "the readers were not rejected again yet");
        for _ in 0..REJECTIONS_BEFORE_READERS {
            phases.reject_reader(&mut readers[0]);
        }
        phases.end_write();
        let mut late = waits(&mut phases, PhaseFair::reject_reader);
        let mut writer = waits(&mut phases, PhaseFair::reject_writer);
        assert_eq!(new_threads(|| phases.admit_reader(&mut None, false, false)), BUDGET);
        for reader in &mut readers {
            assert!(!phases.admit_writer(&mut writer) && !phases.admit_writer(&mut None));
            assert!(phases.admit_reader(reader, false, true) && reader.is_none());
        }
        assert!(!phases.admit_reader(&mut late, false, true), "it is of the next batch");
        assert!(phases.admit_writer(&mut writer));
        phases.end_write();
        assert!(phases.admit_reader(&mut late, false, true));
    }

    #[test]
    fn each_extension_admits_more() {
        let mut phases = PhaseFair::default();
        assert!(!phases.extend_budget(), "no writer waits");
        let mut writer = waits(&mut phases, PhaseFair::reject_writer);
        assert!(!phases.extend_budget(), "new threads are admitted");
        let mut before = new_threads(|| phases.admit_reader(&mut None, false, true));
        for _ in 0..2 {
            assert!(phases.extend_budget());
            let count = new_threads(|| phases.admit_reader(&mut None, false, true));
            assert!(count > 10 * before);
            before = count;
        }
        for _ in 0..40 {
            phases.budget = 0;
            assert!(phases.extend_budget() && phases.budget > 0);
        }
        assert!(phases.admit_writer(&mut writer));
        let _writer = waits(&mut phases, PhaseFair::reject_writer);
        assert_eq!(phases.budget, BUDGET);
    }

    #[test]
    fn waiting_threads_may_give_up() {
        let mut phases = PhaseFair::default();
        let writers = [(); 3].map(|()| waits(&mut phases, PhaseFair::reject_writer));
        for ticket in writers.iter().flatten().rev() {
            assert!(phases.has_writers());
            phases.remove_writer(ticket);
        }
        assert!(!phases.has_writers());
        let readers = [(); 2].map(|()| waits(&mut phases, PhaseFair::reject_reader));
        phases.reader_rejections = REJECTIONS_BEFORE_READERS;
        phases.end_write();
        let late = waits(&mut phases, PhaseFair::reject_reader);
        assert!(!phases.admit_writer(&mut None));
        readers.iter().flatten().for_each(|ticket| phases.remove_reader(ticket));
        assert!(phases.admit_writer(&mut None));
        late.iter().for_each(|ticket| phases.remove_reader(ticket));
        assert!(phases.readers.is_empty());
    }
}
