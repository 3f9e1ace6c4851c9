//! Whose turn it is where readers and writers of the current value meet.
//!
//! The rules of a reader-writer lock. Newcomers are let in while a thread that waits is woken up,
//! since to keep the value for it would cost a wake-up for each operation. Once it was overtaken
//! too often the lock is phase-fair (Brandenburg and Anderson, 2010): one writer, then the
//! readers that wait, then the next writer.
//!
//! # States
//! | state | readers called | writers in line | budget | a new reader | a new writer |
//! |---|---|---|---|---|---|
//! | free | 0 | no | - | enters | enters |
//! | contended | 0 | yes | 1.. | enters, and spends | enters, and spends |
//! | closed | 0 | yes | 0 | waits | waits |
//! | readers' turn | 1.. | any | any | as above | waits |
//!
//! Whether the value itself is free to be read or written is not decided here.
//!
//! # Transitions
//! | event | effect |
//! |---|---|
//! | a writer begins to wait, the first | the budget is full |
//! | a writer in line enters | the budget is full |
//! | a newcomer enters in front of a writer | spends [`OVERLAP`] if others read the value already, else 1 |
//! | a called writer looks in vain | spends [`REFUSAL`] |
//! | a reader has waited too long while closed (`lapse`) | a larger budget |
//! | a write ends, and waiting readers looked in vain [`VAIN_LOOKS`] times | they are called |
//!
//! # Invariants
//! - **I1** If writers are in line, some of them are called, and these enter before the others.
//!   So a writer that comes back and waits again enters at most twice before another one that
//!   waits.
//! - **I2** Readers that are called enter before the next writer does. They all come, because a
//!   thread that waits does nothing else.
//! - **I3** A thread that holds a snapshot of the current value is let in, whatever the turn: a
//!   writer waits for it, so it must not wait for a writer.
#![forbid(unsafe_code)]

use core::mem;

use crate::prim::IS_MODEL;

/// What newcomers may spend while a writer waits.
pub(super) const BUDGET: u32 = if IS_MODEL { 1 } else { 1_024 };

/// What a reader spends that enters beside others, and so lets the writer wait longer.
pub(super) const OVERLAP: u32 = 64;

/// What is spent when a writer was woken and finds the value in use again.
const REFUSAL: u32 = 512;

/// So many times waiting readers are woken and find that the value is written, before writers
/// wait for them.
const VAIN_LOOKS: u32 = if IS_MODEL { 1 } else { 2 };

/// Those who wait for one thing, in rounds.
#[derive(Debug, Default)]
struct Line {
    /// Those whose round it is.
    called: u32,
    /// Those of the next round.
    waiting: u32,
    /// The round that was called last. Wraps around: there are tickets of this round and the next
    /// only.
    round: u32,
}

/// A place in a line: the round.
#[derive(Debug)]
pub(super) struct Ticket(u32);

impl Line {
    fn is_empty(&self) -> bool {
        self.called == 0 && self.waiting == 0
    }

    fn enter(&mut self) -> Ticket {
        self.waiting += 1;
        Ticket(self.round.wrapping_add(1))
    }

    /// A round ends before the next is called.
    fn is_called(&self, ticket: &Ticket) -> bool {
        self.round == ticket.0
    }

    fn leave(&mut self, ticket: &Ticket) {
        let count = if self.is_called(ticket) { &mut self.called } else { &mut self.waiting };
        *count -= 1;
    }

    /// Begins the next round, if this one is over.
    fn call(&mut self) {
        if self.called == 0 && self.waiting > 0 {
            self.called = mem::take(&mut self.waiting);
            self.round = self.round.wrapping_add(1);
        }
    }
}

/// Who waits, and for how long newcomers are let in.
#[derive(Debug, Default)]
pub(super) struct Turns {
    readers: Line,
    writers: Line,
    /// What newcomers may still spend; counts while there are writers in line.
    left: u32,
    /// How often newcomers were let in again although the writer waits.
    lapses: u32,
    /// How often waiting readers looked in vain.
    vain_looks: u32,
}

impl Turns {
    /// Whether a reader has to ask.
    pub(super) fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Whether a newcomer may enter in front of the writers in line.
    fn overtakes(&mut self, cost: u32) -> bool {
        if self.has_writers() {
            let is_open = self.left > 0;
            self.left = self.left.saturating_sub(cost);
            return is_open;
        }
        true
    }

    /// Whether a reader may enter, if the value is not written; it then is out of line.
    pub(super) fn admit_reader(
        &mut self,
        ticket: &mut Option<Ticket>,
        is_holder: bool,
        overlaps: bool,
    ) -> bool {
        let is_called = ticket.as_ref().is_some_and(|ticket| self.readers.is_called(ticket));
        let cost = if overlaps { OVERLAP } else { 1 };
        let is_admitted = is_called || is_holder || self.overtakes(cost);
        if is_admitted && let Some(ticket) = ticket.take() {
            self.readers.leave(&ticket);
        }
        is_admitted
    }

    /// Whether a writer may enter, if the value is not in use; it then is out of line.
    pub(super) fn admit_writer(&mut self, ticket: &mut Option<Ticket>) -> bool {
        if self.readers.called > 0 {
            return false;
        }
        let is_admitted = match ticket {
            Some(ticket) => self.writers.is_called(ticket),
            None => self.overtakes(1),
        };
        if is_admitted && let Some(ticket) = ticket.take() {
            self.leave_writers(&ticket);
        }
        is_admitted
    }

    /// A reader was refused and waits.
    pub(super) fn refuse_reader(&mut self, ticket: &mut Option<Ticket>) {
        match ticket {
            None => *ticket = Some(self.readers.enter()),
            Some(_) => self.vain_looks = self.vain_looks.saturating_add(1),
        }
    }

    /// A writer was refused and waits.
    pub(super) fn refuse_writer(&mut self, ticket: &mut Option<Ticket>) {
        match ticket {
            None => {
                if !self.has_writers() {
                    self.refill();
                }
                *ticket = Some(self.writers.enter());
                self.writers.call();
            }
            Some(ticket) if self.writers.is_called(ticket) => {
                self.left = self.left.saturating_sub(REFUSAL);
            }
            Some(_) => {}
        }
    }

    /// A reader gives its place up.
    pub(super) fn leave_readers(&mut self, ticket: &Ticket) {
        self.readers.leave(ticket);
    }

    /// A writer enters, or gives its place up.
    pub(super) fn leave_writers(&mut self, ticket: &Ticket) {
        self.writers.leave(ticket);
        self.writers.call();
        self.refill();
    }

    /// A write has ended.
    pub(super) fn end_write(&mut self) {
        if self.readers.called > 0 {
            return;
        }
        if self.readers.is_empty() {
            self.vain_looks = 0;
        } else if self.vain_looks >= VAIN_LOOKS {
            self.vain_looks = 0;
            self.readers.call();
        }
    }

    /// A reader has waited for a writer's sake for too long. Answers whether readers are let in
    /// again: for longer than the last time, as the writer may wait for a snapshot that never
    /// ends.
    pub(super) fn lapse(&mut self) -> bool {
        let is_closed = self.has_writers() && self.left == 0;
        if is_closed {
            self.lapses = self.lapses.saturating_add(1);
            self.left = BUDGET.saturating_mul(16_u32.saturating_pow(self.lapses));
        }
        is_closed
    }

    fn refill(&mut self) {
        (self.left, self.lapses) = (BUDGET, 0);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// A place for one who waits: refused at once.
    fn waits(turns: &mut Turns, refuse: fn(&mut Turns, &mut Option<Ticket>)) -> Option<Ticket> {
        let mut ticket = None;
        refuse(turns, &mut ticket);
        assert!(ticket.is_some());
        ticket
    }

    /// How many of these newcomers are let in, one after the other.
    fn newcomers(mut enter: impl FnMut() -> bool) -> u32 {
        let mut count = 0;
        while enter() {
            count += 1;
            assert!(count <= 1 << 20, "there is no end");
        }
        count
    }

    #[test]
    fn newcomers_spend_the_budget() {
        let mut turns = Turns::default();
        let read = |turns: &mut Turns, overlaps| turns.admit_reader(&mut None, false, overlaps);
        for _ in 0..2 * BUDGET {
            assert!(read(&mut turns, true) && turns.admit_writer(&mut None), "no writer waits");
        }
        for round in 0..3 {
            let mut writer = waits(&mut turns, Turns::refuse_writer);
            let (count, cost) = match round {
                0 => (newcomers(|| read(&mut turns, true)), OVERLAP),
                1 => (newcomers(|| read(&mut turns, false)), 1),
                _ => (newcomers(|| turns.admit_writer(&mut None)), 1),
            };
            assert_eq!(count, BUDGET / cost);
            assert!(!read(&mut turns, false) && !turns.admit_writer(&mut None));
            assert!(turns.admit_reader(&mut None, true, true), "it holds a snapshot");
            assert!(turns.admit_writer(&mut writer) && writer.is_none());
            assert!(read(&mut turns, true) && turns.admit_writer(&mut None));
        }
    }

    #[test]
    fn a_writer_that_looks_in_vain_closes() {
        let mut turns = Turns::default();
        let mut writer = waits(&mut turns, Turns::refuse_writer);
        let mut second = waits(&mut turns, Turns::refuse_writer);
        for _ in 0..BUDGET {
            turns.refuse_writer(&mut second);
        }
        for _ in 0..BUDGET / REFUSAL {
            assert!(turns.admit_reader(&mut None, false, false), "it was not this writer's turn");
            turns.refuse_writer(&mut writer);
        }
        assert!(!turns.admit_reader(&mut None, false, false));
    }

    /// I1: a writer that comes back waits behind those that came before.
    #[test]
    fn writers_enter_in_rounds() {
        let mut turns = Turns::default();
        let mut writers: Vec<_> = (0..4).map(|_| waits(&mut turns, Turns::refuse_writer)).collect();
        let mut order = Vec::new();
        for _ in 0..8 {
            let admitted: Vec<_> =
                (0..4).filter(|&at| turns.admit_writer(&mut writers[at])).collect();
            for at in admitted {
                order.push(at);
                writers[at] = waits(&mut turns, Turns::refuse_writer);
            }
        }
        for pair in order.windows(8) {
            assert!((0..4).all(|at| pair.contains(&at)), "{order:?}");
        }
        assert!(order.len() > 8);
        writers.iter().flatten().for_each(|ticket| turns.leave_writers(ticket));
        assert!(!turns.has_writers());
    }

    #[test]
    fn readers_that_look_in_vain_are_called() {
        let mut turns = Turns::default();
        assert!(turns.admit_writer(&mut None));
        let mut readers = [(); 2].map(|()| waits(&mut turns, Turns::refuse_reader));
        turns.end_write();
        assert!(turns.admit_writer(&mut None), "they have not looked in vain yet");
        for _ in 0..VAIN_LOOKS {
            turns.refuse_reader(&mut readers[0]);
        }
        turns.end_write();
        let mut late = waits(&mut turns, Turns::refuse_reader);
        let mut writer = waits(&mut turns, Turns::refuse_writer);
        assert_eq!(newcomers(|| turns.admit_reader(&mut None, false, false)), BUDGET);
        for reader in &mut readers {
            assert!(!turns.admit_writer(&mut writer) && !turns.admit_writer(&mut None));
            assert!(turns.admit_reader(reader, false, true) && reader.is_none());
        }
        assert!(!turns.admit_reader(&mut late, false, true), "it is of the next round");
        assert!(turns.admit_writer(&mut writer));
        turns.end_write();
        assert!(turns.admit_reader(&mut late, false, true));
    }

    #[test]
    fn a_lapse_lets_more_in_each_time() {
        let mut turns = Turns::default();
        assert!(!turns.lapse(), "no writer waits");
        let mut writer = waits(&mut turns, Turns::refuse_writer);
        assert!(!turns.lapse(), "newcomers are let in");
        let mut before = newcomers(|| turns.admit_reader(&mut None, false, true));
        for _ in 0..2 {
            assert!(turns.lapse());
            let count = newcomers(|| turns.admit_reader(&mut None, false, true));
            assert!(count > 10 * before);
            before = count;
        }
        for _ in 0..40 {
            turns.left = 0;
            assert!(turns.lapse() && turns.left > 0);
        }
        assert!(turns.admit_writer(&mut writer));
        let _writer = waits(&mut turns, Turns::refuse_writer);
        assert_eq!(turns.left, BUDGET);
    }

    #[test]
    fn places_may_be_given_up() {
        let mut turns = Turns::default();
        let writers = [(); 3].map(|()| waits(&mut turns, Turns::refuse_writer));
        for ticket in writers.iter().flatten().rev() {
            assert!(turns.has_writers());
            turns.leave_writers(ticket);
        }
        assert!(!turns.has_writers());
        let readers = [(); 2].map(|()| waits(&mut turns, Turns::refuse_reader));
        turns.vain_looks = VAIN_LOOKS;
        turns.end_write();
        let late = waits(&mut turns, Turns::refuse_reader);
        assert!(!turns.admit_writer(&mut None));
        readers.iter().flatten().for_each(|ticket| turns.leave_readers(ticket));
        assert!(turns.admit_writer(&mut None));
        late.iter().for_each(|ticket| turns.leave_readers(ticket));
        assert!(turns.readers.is_empty());
    }
}
