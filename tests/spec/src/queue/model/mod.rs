//! What mpsc and mpmc are specified to do: a queue, a count of permits, and two lines.
//!
//! The model is exact but for one thing. A sender whose turn has come and who does not take it
//! loses it "after eight polls of whoever would go on" (levada::mpsc, Fairness). Who counts them,
//! and from when, the documentation leaves open; so does the model: once somebody was refused
//! [`GRACE`] times the turn may lapse, and if these were the last things that happened it must
//! have. The same holds for a receiver of mpmc that a message is promised to, with more patience
//! (`receivers`).

mod alike;
mod receivers;

use std::collections::{BTreeMap, VecDeque};

use self::receivers::{Rest, Sleeper};
use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// How many polls a turn that is not taken outlives.
const GRACE: u32 = 8;

/// Who asks without a future (`try_send`, `try_recv`), or has given up.
const PASSING: Key = Key::MAX;
/// The receiver of an mpsc channel, whichever future it asks with.
const RECEIVER: Key = Key::MAX - 1;

/// A sender in line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Waiter {
    key: Key,
    need: usize,
    turn: Turn,
    /// It was refused for the sake of a turn that nobody took, and so has to come back by itself.
    impatient: bool,
}

/// Where a sender in line stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    /// Its permits are promised to it.
    Granted,
    /// Its turn came and lapsed. It is first in line when it comes.
    Lapsed,
    Waiting,
    /// The channel closed; it was not promised anything.
    Closed,
    /// The channel closed; it was promised something, which holds back the end.
    Holding,
}

/// A channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Queue {
    /// `None`: unbounded.
    pub(super) capacity: Option<usize>,
    /// Whether receivers are many (mpmc).
    pub(super) many: bool,
    messages: VecDeque<usize>,
    /// The receiver has looked at the first message, which therefore is not evicted.
    held: bool,
    closed: bool,
    senders: usize,
    weak: usize,
    receivers: usize,
    /// Permits that are out.
    reserved: usize,
    /// Those who were granted something, and then those who wait.
    line: Vec<Waiter>,
    sleepers: Vec<Sleeper>,
    /// How many messages were ever promised.
    promises: usize,
    /// How often the oldest promise of a message kept others from going on, perhaps; and how often
    /// in a row the same receiver.
    thwarted: u32,
    thwarted_last: (Key, u32),
    /// Futures that wait for the channel to be closed.
    closers: Vec<Key>,
    /// Messages in futures.
    unsent: usize,
    refusals: BTreeMap<Key, u32>,
    /// Who was refused last, and how often in a row.
    streak: (Key, u32),
}

impl Queue {
    /// A channel with one sender and one receiver.
    #[must_use]
    pub(crate) fn new(capacity: Option<usize>, many: bool) -> Self {
        Self {
            capacity,
            many,
            messages: VecDeque::new(),
            held: false,
            closed: false,
            senders: 1,
            weak: 0,
            receivers: 1,
            reserved: 0,
            line: Vec::new(),
            sleepers: Vec::new(),
            promises: 0,
            thwarted: 0,
            thwarted_last: (PASSING, 0),
            closers: Vec::new(),
            unsent: 0,
            refusals: BTreeMap::new(),
            streak: (PASSING, 0),
        }
    }

    /// Whether a newcomer who wants to send gets an answer at once.
    #[must_use]
    pub(super) fn answers_senders(&self) -> bool {
        self.closed || self.available() > 0
    }

    /// Whether a receiver gets an answer at once.
    #[must_use]
    pub(super) fn answers_receivers(&self) -> bool {
        self.unpromised() > 0 || self.is_ended()
    }

    fn promised(&self) -> usize {
        self.line
            .iter()
            .filter(|waiter| waiter.turn == Turn::Granted)
            .map(|waiter| waiter.need)
            .sum()
    }

    fn is_awaited(&self) -> bool {
        self.line.iter().any(|waiter| waiter.turn == Turn::Waiting)
    }

    fn is_held(&self) -> bool {
        self.line.iter().any(|waiter| waiter.turn == Turn::Holding)
    }

    fn taken(&self) -> usize {
        self.messages.len() + self.reserved + self.promised()
    }

    fn free(&self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.taken()))
    }

    fn available(&self) -> usize {
        if self.is_awaited() { 0 } else { self.free() }
    }

    fn is_ended(&self) -> bool {
        let exhausted = self.closed && self.reserved == 0 && !self.is_held();
        self.messages.is_empty() && (self.senders == 0 || exhausted)
    }

    /// Whether nothing but turns that are not taken keeps senders from going on.
    fn is_stuck(&self) -> bool {
        self.messages.is_empty() && self.promised() > 0
    }

    /// Whether they keep those in line from going on, or the receivers from the end.
    fn is_blocked(&self) -> bool {
        let end = self.closed && self.reserved == 0 && self.is_held();
        self.messages.is_empty() && (end || self.is_stuck() && self.is_awaited())
    }

    /// Turns that are not taken are passed on.
    fn lapse(&mut self, by_receiver: bool) {
        for waiter in &mut self.line {
            match waiter.turn {
                Turn::Granted => waiter.turn = Turn::Lapsed,
                Turn::Holding if by_receiver => waiter.turn = Turn::Closed,
                _ => {}
            }
        }
    }

    /// What is free goes to those in line, in order.
    fn settle(&mut self) {
        while let Some(next) = self.line.iter().position(|waiter| waiter.turn == Turn::Waiting) {
            if self.line[next].need > self.free() {
                break;
            }
            self.line[next].turn = Turn::Granted;
        }
        self.promise();
        if self.is_ended() {
            self.rouse();
        }
    }

    /// Whether a newcomer who does not wait may have `need` permits.
    fn ask(&self, need: usize) -> Result<(), Answer> {
        if self.closed {
            return Err(Answer::Closed);
        }
        if need <= self.available() { Ok(()) } else { Err(Answer::Full) }
    }

    /// A future asks for `need` permits.
    fn poll_turn(&mut self, key: Key, need: usize) -> Result<(), Answer> {
        let place = self.line.iter().position(|waiter| waiter.key == key);
        if self.closed {
            self.line.retain(|waiter| waiter.key != key);
            return Err(Answer::Closed);
        }
        let turn = place.map(|place| self.line[place].turn);
        let has_come = match turn {
            Some(Turn::Granted) => true,
            Some(Turn::Lapsed) => need <= self.free(),
            Some(_) => false,
            None => need <= self.available(),
        };
        if has_come {
            self.line.retain(|waiter| waiter.key != key);
            return Ok(());
        }
        let waiter = Waiter { key, need, turn: Turn::Waiting, impatient: self.is_stuck() };
        match (turn, place) {
            (Some(Turn::Waiting), Some(place)) => self.line[place] = waiter,
            (Some(_), _) => {
                self.line.retain(|waiter| waiter.key != key);
                let next = self.line.iter().position(|waiter| waiter.turn == Turn::Waiting);
                self.line.insert(next.unwrap_or(self.line.len()), waiter);
            }
            (None, _) => self.line.push(waiter),
        }
        // Its own turn may have come: somebody else's has just lapsed.
        self.settle();
        let granted = |waiter: &Waiter| waiter.key == key && waiter.turn == Turn::Granted;
        if self.line.iter().any(granted) {
            self.line.retain(|waiter| waiter.key != key);
            return Ok(());
        }
        Err(Answer::Pending)
    }

    /// A message for which there is room.
    fn push(&mut self, message: usize) {
        if self.receivers == 0 {
            return;
        }
        self.messages.push_back(message);
        if !self.many {
            self.rouse();
        }
        self.promise();
    }

    fn force_send(&mut self, message: usize) -> Answer {
        if self.closed {
            return Answer::Closed;
        }
        // What the receiver holds leaves its place to it.
        let beside = self.taken() - usize::from(self.held);
        if !self.is_awaited() && self.capacity.is_none_or(|capacity| beside < capacity) {
            self.push(message);
            return Answer::Done;
        }
        // One goes and another one comes: nothing else changes.
        let Some(oldest) = self.messages.remove(usize::from(self.held)) else {
            return Answer::Got(vec![message]);
        };
        self.messages.push_back(message);
        Answer::Got(vec![oldest])
    }

    fn close(&mut self) {
        if self.closed {
            return;
        }
        let mut part = self.free() > 0;
        self.closed = true;
        self.rouse();
        for waiter in &mut self.line {
            waiter.turn = match waiter.turn {
                Turn::Granted => Turn::Holding,
                // The first that waits was promised what there was.
                Turn::Waiting if std::mem::take(&mut part) => Turn::Holding,
                _ => Turn::Closed,
            };
        }
    }

    fn drop_receiver(&mut self) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.close();
            self.messages.clear();
            self.sleepers.clear();
        }
    }

    fn apply(&mut self, action: &Action) -> Answer {
        match *action {
            Action::CloneSender => self.senders += 1,
            Action::DropSender => {
                self.senders -= 1;
                if self.senders == 0 {
                    self.rouse();
                }
            }
            Action::Downgrade | Action::CloneWeak => self.weak += 1,
            Action::DropWeak => self.weak -= 1,
            Action::Upgrade => {
                let alive = self.senders > 0;
                self.senders += usize::from(alive);
                return Answer::Upgraded(alive);
            }
            Action::CloneReceiver => self.receivers += 1,
            Action::DropReceiver => self.drop_receiver(),
            Action::Close => self.close(),
            Action::TryRecv => return self.try_recv(),
            Action::PollRecv { key, limit } => return self.poll_recv(key, limit),
            Action::PollReady { key } => return self.poll_ready(key),
            Action::ForceSend(message) => return self.force_send(message),
            Action::Peek => {
                self.held |= !self.messages.is_empty();
                return Answer::Got(self.messages.front().copied().into_iter().collect());
            }
            Action::SendPermit(message) => {
                self.reserved -= 1;
                self.push(message);
            }
            Action::Release(permits) => self.reserved -= permits,
            Action::StartSend => self.unsent += 1,
            Action::DropUnsent => self.unsent -= 1,
            Action::Cancel { key } => self.cancel(key),
            _ => return self.apply_send(action),
        }
        Answer::Done
    }

    fn apply_send(&mut self, action: &Action) -> Answer {
        let asked = match *action {
            Action::TrySend(_) => self.ask(1),
            Action::TryReserve(need) if Some(need) > self.capacity => Err(Answer::Full),
            Action::TryReserve(need) => self.ask(need),
            Action::PollReserve { need, .. } if Some(need) > self.capacity => Err(Answer::Closed),
            Action::PollReserve { key, need, .. } => self.poll_turn(key, need),
            Action::PollSend { key, .. } => {
                let turn = self.poll_turn(key, 1);
                self.unsent -= usize::from(turn != Err(Answer::Pending));
                turn
            }
            Action::PollClosed { key } if !self.closed => {
                self.closers.push(key);
                Err(Answer::Pending)
            }
            _ => return Answer::Done,
        };
        if let Err(refused) = asked {
            return refused;
        }
        match *action {
            Action::TrySend(message) | Action::PollSend { message, .. } => self.push(message),
            Action::TryReserve(need) | Action::PollReserve { need, .. } => self.reserved += need,
            _ => {}
        }
        Answer::Done
    }

    /// The states after an action, with no thought of what is promised to receivers.
    fn step_beside_receivers(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action);
        next.settle();
        let refused = [Answer::Pending, Answer::Full, Answer::Empty].contains(&answer);
        let cancelled = matches!(action, Action::Cancel { .. });
        let poller = self.poller(action).filter(|_| refused || cancelled);
        if !refused {
            next.streak = (PASSING, 0);
            next.pass_patience_on(action);
        }
        let Some((poller, receives)) = poller else {
            next.streak = (PASSING, 0);
            return vec![(next, answer)];
        };
        *next.refusals.entry(poller).or_default() += 1;
        let of = |poller| next.refusals.get(&poller).copied().unwrap_or(0);
        let refusals = if poller == PASSING { of(PASSING) } else { of(poller) + of(PASSING) };
        let streak = match self.streak {
            _ if cancelled => 0,
            (last, streak) if last == poller => streak + 1,
            _ => 1,
        };
        next.streak = (poller, streak);
        let mut successors = Vec::new();
        if refusals >= GRACE {
            let mut lapsed = self.clone();
            lapsed.lapse(receives);
            let answer = lapsed.apply(action);
            lapsed.settle();
            // The poll that ends the patience with one turn may find the next one not taken.
            lapsed.pass_patience_on(action);
            lapsed.refusals.insert(PASSING, 0);
            lapsed.refusals.insert(poller, 1);
            lapsed.streak = (PASSING, 0);
            successors.push((lapsed, answer));
        }
        if streak < GRACE {
            successors.push((next, answer));
        }
        successors
    }

    /// Whose patience a refusal of the action uses, and whether it is a receiver's.
    fn poller(&self, action: &Action) -> Option<(Key, bool)> {
        match *action {
            Action::TryReserve(need) if Some(need) > self.capacity => None,
            Action::TrySend(_) | Action::TryReserve(_) => {
                self.is_stuck().then_some((PASSING, false))
            }
            Action::PollSend { key, .. } | Action::PollReserve { key, .. } => {
                self.is_stuck().then_some((key, false))
            }
            Action::PollReady { .. } if self.is_blocked() => Some((RECEIVER, true)),
            Action::PollRecv { key, .. } if self.is_blocked() => {
                Some((if self.many { key } else { RECEIVER }, true))
            }
            Action::TryRecv if self.is_blocked() => Some((PASSING, true)),
            Action::Cancel { key } if self.many && self.is_blocked() => {
                self.sleepers.iter().any(|sleeper| sleeper.key == key).then_some((PASSING, true))
            }
            _ => None,
        }
    }

    /// The refusals of a future that is gone count for those who come after it.
    fn pass_patience_on(&mut self, action: &Action) {
        if let Action::PollSend { key, .. }
        | Action::PollReserve { key, .. }
        | Action::Cancel { key } = *action
        {
            let refusals = self.refusals.remove(&key).unwrap_or(0);
            *self.refusals.entry(PASSING).or_default() += refusals;
        }
    }
}

impl Model for Queue {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let successors = self.step_beside_receivers(action).into_iter();
        successors.flat_map(|(next, answer)| self.with_lapses(next, action, answer)).collect()
    }

    fn fact(&self, (name, _): Fact) -> usize {
        match name {
            "len" => self.messages.len(),
            "capacity" => self.available(),
            "max_capacity" => self.capacity.unwrap_or(usize::MAX),
            "senders" => self.senders,
            "weak" => self.weak,
            "receivers" => self.receivers,
            "closed" => usize::from(self.closed),
            "closed to the receiver" => usize::from(self.closed || self.senders == 0),
            "messages" => self.messages.len() + self.unsent,
            _ => unreachable!("nobody asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        let waiter = self.line.iter().find(|waiter| waiter.key == future);
        let sleeper = self.sleepers.iter().find(|sleeper| sleeper.key == future);
        let stuck = self.is_stuck();
        waiter.is_some_and(|waiter| waiter.turn != Turn::Waiting || waiter.impatient && stuck)
            || sleeper.is_some_and(|sleeper| {
                let stuck =
                    self.is_blocked() || self.unpromised() == 0 && !self.messages.is_empty();
                sleeper.rest != Rest::Asleep || sleeper.impatient && stuck
            })
            || self.closed && self.closers.contains(&future)
    }

    fn absorb(&mut self, other: &Self) -> bool {
        self.absorb_alike(other)
    }
}
