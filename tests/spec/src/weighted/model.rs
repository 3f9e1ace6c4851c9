//! What a weighted channel is specified to do: a queue, a sum of weights, and the senders in line.
//!
//! The model is exact but for one thing. A sender whose turn has come and that does not take it
//! loses it "after a bounded number of polls" of the others, while nothing can be received. After
//! [`GRACE`] refusals in such a state the turn may lapse at each further one; it must when the same
//! task was refused as often in a row as the channel can have learned to wait.

use std::collections::{BTreeSet, VecDeque};

use support::GRACE;

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// Tasks that ask without a future.
const PASSING: Key = Key::MAX;
/// The receiver, whichever future it asks with.
const RECEIVER: Key = Key::MAX - 1;

/// A sender in line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Waiter {
    key: Key,
    weight: usize,
    turn: Turn,
}

/// Where a sender in line stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    /// Its room is set aside for it.
    Granted,
    /// Its turn came and lapsed. It is first in line when it comes.
    Lapsed,
    Waiting,
}

/// A channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighted {
    max: usize,
    rejects: bool,
    /// Each with its weight.
    messages: VecDeque<(usize, usize)>,
    /// How many permits are out, and their weight.
    permits: usize,
    reserved: usize,
    senders: usize,
    has_receiver: bool,
    closed: bool,
    /// Those that were granted room, and then those that wait; also those whose turn lapsed.
    line: Vec<Waiter>,
    /// The receive that was polled last, if it waits.
    reader: Option<Key>,
    /// Futures that wait for the channel to be closed.
    closers: BTreeSet<Key>,
    /// Futures that must have been woken since they were polled.
    woken: BTreeSet<Key>,
    /// Messages in futures.
    unsent: usize,
    /// How many refusals were counted, how many turns have lapsed, and which task was refused last,
    /// how often in a row.
    refusals: usize,
    lapses: u32,
    streak: (Key, usize),
}

impl Weighted {
    pub(super) fn new(max: usize, rejects: bool) -> Self {
        Self {
            max,
            rejects,
            messages: VecDeque::new(),
            permits: 0,
            reserved: 0,
            senders: 1,
            has_receiver: true,
            closed: false,
            line: Vec::new(),
            reader: None,
            closers: BTreeSet::new(),
            woken: BTreeSet::new(),
            unsent: 0,
            refusals: 0,
            lapses: 0,
            streak: (PASSING, 0),
        }
    }

    /// Whether a sender that comes now gets an answer at once.
    pub(super) fn answers_sender(&self, weight: usize) -> bool {
        self.ask(weight.max(1)) != Err(Answer::Full)
    }

    /// Whether the receiver gets an answer at once.
    pub(super) fn answers_receiver(&self) -> bool {
        !self.messages.is_empty() || self.is_ended()
    }

    /// The weight of messages and permits.
    fn held(&self) -> usize {
        self.messages.iter().map(|(_, weight)| weight).sum::<usize>() + self.reserved
    }

    fn granted(&self) -> usize {
        let granted = self.line.iter().filter(|waiter| waiter.turn == Turn::Granted);
        granted.map(|waiter| waiter.weight).sum()
    }

    /// Whether this much may be added: within the maximum, or alone.
    fn fits(&self, weight: usize) -> bool {
        let taken = self.held() + self.granted();
        taken == 0 || taken + weight <= self.max
    }

    fn is_awaited(&self) -> bool {
        self.line.iter().any(|waiter| waiter.turn == Turn::Waiting)
    }

    /// Whether nothing but turns that are not taken keeps senders from going on.
    fn is_stuck(&self) -> bool {
        !self.closed && self.messages.is_empty() && self.granted() > 0
    }

    fn is_ended(&self) -> bool {
        self.messages.is_empty() && (self.senders == 0 || self.closed && self.permits == 0)
    }

    /// Whether the weight is refused whatever room there is.
    fn check(&self, weight: usize) -> Result<(), Answer> {
        let is_refused = self.rejects && weight > self.max;
        if is_refused { Err(Answer::TooHeavy { weight, max: self.max }) } else { Ok(()) }
    }

    /// Whether a sender that does not wait may have this much.
    fn ask(&self, weight: usize) -> Result<(), Answer> {
        self.check(weight)?;
        if self.closed {
            return Err(Answer::Closed);
        }
        if !self.is_awaited() && self.fits(weight) { Ok(()) } else { Err(Answer::Full) }
    }

    /// What is free goes to those in line, in order.
    fn settle(&mut self) {
        while !self.closed
            && let Some(next) = self.line.iter().position(|waiter| waiter.turn == Turn::Waiting)
            && self.fits(self.line[next].weight)
        {
            self.line[next].turn = Turn::Granted;
            self.woken.insert(self.line[next].key);
        }
        if self.is_ended() {
            self.woken.extend(self.reader.take());
        }
    }

    /// Room has come back. If that is of no use before a turn lapses, the receiver counts.
    fn give_back(&mut self) {
        self.settle();
        if self.is_stuck() && self.is_awaited() {
            self.woken.extend(self.reader.take());
        }
    }

    /// Turns that are not taken are passed on.
    fn lapse(&mut self) {
        for waiter in self.line.iter_mut().filter(|waiter| waiter.turn == Turn::Granted) {
            waiter.turn = Turn::Lapsed;
            self.lapses += 1;
        }
        self.settle();
    }

    fn push(&mut self, message: usize, weight: usize) {
        self.messages.push_back((message, weight));
        self.woken.extend(self.reader.take());
    }

    /// A future asks for room. `lapses`: the turns of others lapse meanwhile.
    fn poll_turn(&mut self, key: Key, weight: usize, lapses: bool) -> Result<(), Answer> {
        self.woken.remove(&key);
        let place = self.line.iter().position(|waiter| waiter.key == key);
        if place.is_none() {
            self.check(weight)?;
        }
        let turn = place.map(|place| self.line.remove(place).turn);
        if self.closed {
            return Err(Answer::Closed);
        }
        let has_come = match turn {
            Some(Turn::Granted) => true,
            Some(Turn::Lapsed) => self.fits(weight),
            Some(Turn::Waiting) => false,
            None => !self.is_awaited() && self.fits(weight),
        };
        if has_come {
            return Ok(());
        }
        let first = self.line.iter().position(|waiter| waiter.turn == Turn::Waiting);
        let place = match turn {
            Some(Turn::Waiting) => place.expect("it was in line"),
            Some(_) => first.unwrap_or(self.line.len()),
            None => self.line.len(),
        };
        self.line.insert(place, Waiter { key, weight, turn: Turn::Waiting });
        if self.is_stuck() {
            // It counts, and has to come back by itself.
            self.woken.insert(key);
        }
        self.settle();
        if lapses {
            self.lapse();
        }
        let granted = Waiter { key, weight, turn: Turn::Granted };
        let Some(place) = self.line.iter().position(|waiter| *waiter == granted) else {
            return Err(Answer::Pending);
        };
        self.line.remove(place);
        self.woken.remove(&key);
        Ok(())
    }

    fn receive(&mut self, limit: usize) -> Option<Answer> {
        let count = limit.min(self.messages.len());
        let received: Vec<_> = self.messages.drain(..count).map(|(message, _)| message).collect();
        if received.is_empty() && limit > 0 {
            return self.is_ended().then_some(Answer::Ended);
        }
        self.give_back();
        Some(Answer::Got(received))
    }

    fn poll_recv(&mut self, key: Key, limit: usize, lapses: bool) -> Answer {
        self.woken.remove(&key);
        if let Some(answer) = self.receive(limit) {
            return answer;
        }
        self.reader = Some(key);
        if self.is_stuck() && self.is_awaited() {
            self.woken.insert(key);
        }
        if lapses {
            self.lapse();
        }
        Answer::Pending
    }

    fn send_permit(&mut self, reserved: usize, message: usize, weight: usize) -> Answer {
        self.permits -= 1;
        self.reserved -= reserved;
        let answer = if weight > reserved {
            Answer::TooHeavy { weight, max: reserved }
        } else if self.has_receiver {
            self.push(message, weight);
            Answer::Done
        } else {
            Answer::Closed
        };
        self.settle();
        answer
    }

    fn close(&mut self) {
        self.closed = true;
        self.woken.append(&mut self.closers);
        self.woken.extend(self.line.iter().map(|waiter| waiter.key));
        self.woken.extend(self.reader.take());
    }

    fn apply(&mut self, action: &Action, lapses: bool) -> Answer {
        match *action {
            Action::CloneSender => self.senders += 1,
            Action::DropSender => self.senders -= 1,
            Action::Upgrade => {
                let is_alive = self.senders > 0;
                self.senders += usize::from(is_alive);
                return Answer::Upgraded(is_alive);
            }
            Action::SendPermit { reserved, message, weight } => {
                return self.send_permit(reserved, message, weight.max(1));
            }
            Action::Release(reserved) => {
                self.permits -= 1;
                self.reserved -= reserved;
                self.give_back();
            }
            Action::SetMax(max) => {
                self.max = max;
                self.give_back();
            }
            Action::StartSend => self.unsent += 1,
            Action::DropUnsent => self.unsent -= 1,
            Action::PollRecv { key, limit } => return self.poll_recv(key, limit, lapses),
            Action::TryRecv => {
                let received = self.receive(1);
                if lapses {
                    self.lapse();
                }
                return received.unwrap_or(Answer::Empty);
            }
            Action::PollClosed { key } if !self.closed => {
                self.closers.insert(key);
                return Answer::Pending;
            }
            Action::PollClosed { .. } => {}
            Action::Close => self.close(),
            Action::DropReceiver => {
                self.close();
                self.has_receiver = false;
                self.messages.clear();
            }
            Action::Cancel { key } => {
                self.closers.remove(&key);
                self.woken.remove(&key);
                let before = self.line.len();
                self.line.retain(|waiter| waiter.key != key);
                if self.line.len() < before {
                    self.give_back();
                }
            }
            _ => return self.apply_send(action, lapses),
        }
        self.settle();
        Answer::Done
    }

    /// What takes room.
    fn apply_send(&mut self, action: &Action, lapses: bool) -> Answer {
        let (asked, weight) = match *action {
            Action::TrySend { weight, .. } | Action::TryReserve(weight) => {
                let weight = weight.max(1);
                if lapses {
                    self.lapse();
                }
                (self.ask(weight), weight)
            }
            Action::PollSend { key, weight, .. } | Action::PollReserve { key, weight } => {
                let weight = weight.max(1);
                (self.poll_turn(key, weight, lapses), weight)
            }
            _ => unreachable!("it takes no room"),
        };
        if matches!(action, Action::PollSend { .. }) && asked != Err(Answer::Pending) {
            self.unsent -= 1;
        }
        match (asked, *action) {
            (Err(refused), _) => return refused,
            (Ok(()), Action::TrySend { message, .. } | Action::PollSend { message, .. }) => {
                self.push(message, weight);
            }
            (Ok(()), _) => {
                self.permits += 1;
                self.reserved += weight;
            }
        }
        Answer::Done
    }

    /// Which task's patience a refusal of the action uses.
    fn poller(&self, action: &Action, answer: &Answer) -> Option<Key> {
        let poller = match (*action, answer) {
            (Action::PollSend { key, .. } | Action::PollReserve { key, .. }, Answer::Pending) => {
                key
            }
            (Action::TrySend { .. } | Action::TryReserve(_), Answer::Full) => PASSING,
            (Action::PollRecv { .. }, Answer::Pending) if self.is_awaited() => RECEIVER,
            (Action::TryRecv, Answer::Empty) if self.is_awaited() => PASSING,
            _ => return None,
        };
        self.is_stuck().then_some(poller)
    }
}

impl Model for Weighted {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action, false);
        let Some(poller) = self.poller(action, &answer) else {
            next.streak = (PASSING, 0);
            return vec![(next, answer)];
        };
        let mut successors = Vec::new();
        next.refusals += 1;
        if next.refusals >= GRACE {
            let mut lapsed = Self { refusals: next.refusals, streak: (PASSING, 0), ..self.clone() };
            let answer = lapsed.apply(action, true);
            successors.push((lapsed, answer));
        }
        next.streak =
            if self.streak.0 == poller { (poller, self.streak.1 + 1) } else { (poller, 1) };
        // Each lapse may have taught the channel, and the waiter, to wait twice as long.
        if next.streak.1 < GRACE << (2 * self.lapses).min(12) {
            successors.push((next, answer));
        }
        successors
    }

    fn fact(&self, (name, _): Fact) -> usize {
        match name {
            "messages" => self.messages.len() + self.unsent,
            "len" => self.messages.len(),
            "weight" => usize::from(self.has_receiver) * self.held(),
            "max" => self.max,
            "senders" => self.senders,
            "closed" => usize::from(self.closed),
            "closed to the receiver" => usize::from(self.closed || self.senders == 0),
            _ => unreachable!("no view asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }

    fn absorb(&mut self, other: &Self) -> bool {
        let counts = (other.refusals, other.lapses, other.streak);
        let (refusals, lapses, streak) = (self.refusals, self.lapses, self.streak);
        (self.refusals, self.lapses, self.streak) = counts;
        let is_same = self == other;
        // More refusals allow a lapse; more patience, or a shorter streak, does not demand it yet.
        self.refusals = refusals.max(counts.0);
        self.lapses = lapses.max(counts.1);
        self.streak = if counts.2.1 < streak.1 { counts.2 } else { streak };
        if !is_same {
            (self.refusals, self.lapses, self.streak) = (refusals, lapses, streak);
        }
        is_same
    }
}
