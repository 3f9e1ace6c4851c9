//! A random walk against a plain model: a few lines without pointers predict which waiters are in
//! line, what each was granted and which are woken. The test compares both after every step.

mod walks;

use super::super::expiry::{GRACE, MAX_EXPIRIES, MAX_LEARNED_POLLS};
use super::super::*;
use crate::util::wake_in_batches;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use support::Dice;

#[derive(Default)]
pub(super) struct Flag(pub(super) AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        // ORDERING: Relaxed, no pair: one thread.
        let before = self.0.swap(true, Ordering::Relaxed);
        assert!(!before, "woken twice for one poll");
    }
}

/// A waiter, and what the model knows of it.
struct Waiter {
    node: Pin<Box<Node>>,
    flag: Arc<Flag>,
    need: usize,
    state: State,
    refusals: u16,
    expiries: u8,
    /// Whether it stands for a thread that blocks.
    blocking: bool,
    /// Whether it is polled and cancelled any more.
    comes: bool,
    /// Whether the model expects it to be woken since it was last polled.
    woken: bool,
}

/// The channel as its users see it, twice: [`Permits`] and the model.
struct Walk {
    dice: Dice,
    permits: Permits,
    waiters: Vec<Waiter>,
    capacity: usize,
    queued: usize,
    reserved: usize,
    /// Granted and waiting, as they stand.
    line: Vec<usize>,
    closed: bool,
    unclaimed: usize,
    unclaimed_part: bool,
    tries_refused: u16,
    idle_refused: u16,
    /// The receiver's own count, kept for the permits.
    idle_count: u16,
    /// How many polls a grant outlives, without those of a waiter whose grants expired.
    learned: u16,
    /// The most expiries of a waiter, since no grant was left that may expire.
    expiries: u8,
}

impl Walk {
    fn new(seed: u64, waiters: usize) -> Self {
        let mut dice = Dice::new(seed);
        let capacity = 1 + dice.below(4);
        let waiters = (0..waiters)
            .map(|_| Waiter {
                node: Box::pin(Node::new()),
                flag: Arc::default(),
                need: 1 + dice.below(capacity),
                state: State::Idle,
                refusals: 0,
                expiries: 0,
                blocking: dice.below(4) == 0,
                comes: true,
                woken: false,
            })
            .collect();
        Self {
            dice,
            permits: Permits::new(capacity),
            waiters,
            capacity,
            queued: 0,
            reserved: 0,
            line: Vec::new(),
            closed: false,
            unclaimed: 0,
            unclaimed_part: false,
            tries_refused: 0,
            idle_refused: 0,
            idle_count: 0,
            learned: GRACE,
            expiries: 0,
        }
    }

    fn in_state(&self, state: State) -> impl Iterator<Item = usize> {
        let waiters = &self.waiters;
        self.line.iter().copied().filter(move |i| waiters[*i].state == state)
    }

    fn granted(&self) -> usize {
        self.in_state(State::Granted).map(|i| self.waiters[i].need).sum()
    }

    fn first_waiting(&self) -> Option<usize> {
        self.in_state(State::Waiting).next()
    }

    fn ungranted(&self) -> usize {
        self.capacity - self.queued - self.reserved - self.granted()
    }

    /// What a newcomer finds.
    fn available(&self) -> usize {
        if self.first_waiting().is_some() { 0 } else { self.ungranted() }
    }

    /// The waiters whose grant may expire.
    fn expiring(&self) -> impl Iterator<Item = usize> {
        self.in_state(State::Granted).filter(|i| !self.waiters[*i].blocking)
    }

    fn waits_for_grants(&self) -> bool {
        self.queued == 0 && self.expiring().next().is_some()
    }

    fn limit(&mut self) -> u16 {
        if self.expiring().next().is_none() {
            self.expiries = 0;
        }
        self.learned << self.expiries
    }

    fn expire_grants(&mut self) {
        (self.tries_refused, self.expiries) = (0, 0);
        for i in self.expiring().collect::<Vec<_>>() {
            self.waiters[i].state = State::Expired;
            self.waiters[i].expiries = MAX_EXPIRIES.min(self.waiters[i].expiries + 1);
            self.line.retain(|other| *other != i);
        }
    }

    /// What the caller of `Permits` does after every change.
    fn grant(&mut self) {
        while let Some(i) = self.first_waiting()
            && self.waiters[i].need <= self.ungranted()
            && !self.closed
        {
            let waiter = &mut self.waiters[i];
            (waiter.state, waiter.woken) = (State::Granted, true);
            if !waiter.blocking {
                self.expiries = self.expiries.max(waiter.expiries);
            }
        }
        wake_in_batches(|batch| self.permits.grant_waiters(self.queued, batch));
        assert!(!self.permits.has_grantable(self.queued), "I4");
    }

    /// Takes `need` permits: as a message, if it is one, or to keep.
    fn take(&mut self, need: usize) {
        if need == 1 && self.dice.below(2) == 0 {
            self.queued += 1;
        } else {
            self.reserved += need;
            self.permits.reserve(need);
        }
    }

    /// Polls waiter `i`, and answers whether its turn had come.
    fn poll(&mut self, i: usize) -> bool {
        let Waiter { state, need, .. } = self.waiters[i];
        let taken = match state {
            State::Granted => true,
            State::Waiting => false,
            State::Expired => need <= self.ungranted(),
            State::Idle
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => need <= self.available(),
        };
        let expected = if self.closed {
            PollAcquire::Closed
        } else if taken {
            PollAcquire::Acquired
        } else {
            PollAcquire::Wait
        };
        if expected == PollAcquire::Acquired {
            self.tries_refused = 0;
            if state == State::Expired {
                self.learn();
            }
        }
        let node = self.waiters[i].node.as_ref();
        assert_eq!(self.permits.poll_acquire(node, need, self.queued), expected);
        match expected {
            PollAcquire::Closed => self.dequeue(i),
            PollAcquire::Acquired => {
                self.dequeue(i);
                self.take(need);
            }
            PollAcquire::Wait => {
                self.count_refusal(i);
                self.enqueue(i);
            }
        }
        expected == PollAcquire::Acquired
    }

    fn learn(&mut self) {
        self.learned = MAX_LEARNED_POLLS.min(2 * self.learned);
    }

    fn count_refusal(&mut self, i: usize) {
        let stuck = self.waits_for_grants();
        self.waiters[i].refusals = if stuck { self.waiters[i].refusals + 1 } else { 0 };
        if stuck && self.waiters[i].refusals + self.tries_refused >= self.limit() {
            self.waiters[i].refusals = 0;
            self.expire_grants();
        }
        let node = self.waiters[i].node.as_ref();
        assert_eq!(self.permits.count_refusal(node, self.queued), stuck);
    }

    fn enqueue(&mut self, i: usize) {
        let first_waiting = self
            .first_waiting()
            .and_then(|first| self.line.iter().position(|other| *other == first));
        if self.waiters[i].state == State::Expired {
            self.learn();
        }
        let waiter = &mut self.waiters[i];
        match waiter.state {
            State::Waiting | State::Granted => {}
            State::Expired => self.line.insert(first_waiting.unwrap_or(self.line.len()), i),
            State::Idle
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => self.line.push(i),
        }
        waiter.state = State::Waiting;
        waiter.woken = false;
        waiter.flag = Arc::default();
        let waker = Waker::from(Arc::clone(&waiter.flag));
        drop(self.permits.enqueue(waiter.node.as_ref(), waiter.need, waker, waiter.blocking));
    }

    fn dequeue(&mut self, i: usize) {
        let limit = self.limit();
        let waiter = &mut self.waiters[i];
        if waiter.state == State::ClosedWithPartialGrant {
            self.unclaimed_part = false;
        }
        if waiter.state == State::ClosedWithGrant {
            self.unclaimed = self.unclaimed.saturating_sub(1);
        }
        if waiter.state == State::Granted {
            self.tries_refused = 0;
        }
        if waiter.state == State::Waiting {
            self.tries_refused = limit.min(self.tries_refused + waiter.refusals);
        }
        waiter.state = State::Idle;
        waiter.expiries = 0;
        waiter.woken = false;
        waiter.refusals = 0;
        drop(self.permits.dequeue(waiter.node.as_ref()));
        waiter.flag = Arc::default();
        self.line.retain(|other| *other != i);
        self.limit();
    }

    /// A task without budget keeps the turn that has come.
    fn grant_newcomer(&mut self, i: usize) {
        let Waiter { state, need, .. } = self.waiters[i];
        if self.closed || state != State::Idle || need > self.available() {
            return;
        }
        let first_waiting = self.first_waiting();
        let at = self.line.iter().position(|other| Some(*other) == first_waiting);
        self.line.insert(at.unwrap_or(self.line.len()), i);
        self.waiters[i].state = State::Granted;
        // It is not a thread's.
        self.waiters[i].blocking = false;
        self.permits.grant_newcomer(self.waiters[i].node.as_ref(), need);
    }

    fn try_take(&mut self) {
        let need = 1 + self.dice.below(self.capacity);
        let mut expected = need <= self.available();
        if !expected && self.waits_for_grants() {
            self.tries_refused += 1;
            if self.tries_refused >= self.limit() {
                self.expire_grants();
                expected = need <= self.available();
            }
        }
        let taken = need <= self.permits.available(self.queued)
            || self.permits.count_refused_try(self.queued)
                && need <= self.permits.available(self.queued);
        assert_eq!(taken, expected);
        if expected {
            self.take(need);
        }
    }

    fn count_receiver_poll(&mut self) {
        let holds_back_end = self.closed && self.reserved == 0 && self.unclaimed > 0;
        let blocked = holds_back_end || self.waits_for_grants() && self.first_waiting().is_some();
        assert_eq!(self.permits.needs_receiver(0), blocked);
        let part_only = self.closed && self.reserved == 0 && self.unclaimed_part;
        let blocked = blocked || part_only;
        self.idle_refused = if blocked { self.idle_refused + 1 } else { 0 };
        if self.idle_refused >= self.limit() {
            self.idle_refused = 0;
            self.unclaimed = 0;
            self.unclaimed_part = false;
            self.expire_grants();
        }
        assert_eq!(self.permits.count_receiver_poll(&mut self.idle_count), blocked);
    }

    fn close(&mut self) {
        let partly = (self.ungranted() > 0).then(|| self.first_waiting()).flatten();
        for i in std::mem::take(&mut self.line) {
            let waiter = &mut self.waiters[i];
            // A granted one was woken before, or did not wait.
            waiter.woken |= waiter.state == State::Waiting;
            waiter.state = match waiter.state {
                State::Granted => State::ClosedWithGrant,
                _ if partly == Some(i) => State::ClosedWithPartialGrant,
                _ => State::Closed,
            };
            self.unclaimed += usize::from(waiter.state == State::ClosedWithGrant);
        }
        self.expiries = 0;
        self.unclaimed_part = partly.is_some();
        self.closed = true;
        wake_in_batches(|batch| self.permits.close(self.queued, batch));
    }

    /// One random step: of a waiter, a permit, the receiver, or a sender that does not wait.
    fn step(&mut self) {
        let i = self.dice.below(self.waiters.len());
        match self.dice.below(16) {
            0..=4 if self.waiters[i].comes => drop(self.poll(i)),
            5 if self.waiters[i].comes => self.dequeue(i),
            6 => self.waiters[i].comes = self.dice.below(4) == 0,
            7 if self.waiters[i].comes => self.grant_newcomer(i),
            8 | 9 if self.queued > 0 => self.queued -= 1,
            10 if self.reserved > 0 => {
                self.reserved -= 1;
                self.permits.release(1);
            }
            11 if self.reserved > 0 => {
                self.reserved -= 1;
                self.permits.release(1);
                self.queued += 1;
            }
            12 | 13 if !self.closed => self.try_take(),
            14 if self.queued == 0 => self.count_receiver_poll(),
            15 if !self.closed && self.dice.below(40) == 0 => self.close(),
            _ => return,
        }
        self.grant();
    }

    /// Compares everything, and checks the invariants.
    fn check(&mut self) {
        let permits = &mut self.permits;
        let (queued, reserved, granted) = (self.queued, permits.reserved, permits.granted);
        assert!(queued + reserved + granted <= self.capacity, "I1");
        assert_eq!(reserved, self.reserved);
        assert_eq!(permits.is_closed(), self.closed);
        let exhausted =
            self.closed && self.reserved == 0 && self.unclaimed == 0 && !self.unclaimed_part;
        assert_eq!(permits.is_exhausted(), exhausted);

        let (mut line, mut promised, mut boundary) = (Vec::new(), 0, None);
        let mut next = permits.waiters.front();
        while let Some(place) = next {
            let is_here = |waiter: &Waiter| permits.waiters.place_of(waiter.node.as_ref()) == place;
            line.push(self.waiters.iter().position(is_here).expect("known"));
            let entry = permits.waiters.entry_at(place);
            match entry.state {
                State::Granted => {
                    assert_eq!(boundary, None, "I2: granted before waiting");
                    promised += entry.need;
                }
                State::Waiting => boundary = boundary.or(Some(place)),
                state => panic!("I5: {state:?} in line"),
            }
            next = permits.waiters.next(place);
        }
        assert_eq!(line, self.line, "first come, first served");
        assert_eq!(boundary, permits.first_waiting, "I2");
        assert_eq!(promised, granted, "I3");
        assert_eq!(granted, self.granted());
        for waiter in &self.waiters {
            let entry = self.permits.waiters.entry(waiter.node.as_ref());
            assert_eq!(entry.state, waiter.state);
            let sleeps = waiter.state == State::Waiting;
            assert_eq!(entry.waker.is_some(), sleeps, "{:?}", waiter.state);
            // ORDERING: Relaxed, no pair: one thread.
            assert_eq!(waiter.flag.0.load(Ordering::Relaxed), waiter.woken);
        }
        assert_eq!(self.permits.available(self.queued), self.available());
    }
}

impl Walk {
    fn poll_and_grant(&mut self, i: usize) -> bool {
        let taken = self.poll(i);
        self.grant();
        self.check();
        taken
    }
}
