//! What the lossless channel is specified to do: everything ever sent, how far each receiver is,
//! and the senders in line.
//!
//! The model is exact but for one thing. A sender whose turn has come and that does not take it
//! loses it "after a bounded number of polls" of the others, while the members have received
//! everything. After each refusal in such a state the turn may lapse or not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// A receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Subscriber {
    /// How many of the messages it is past.
    next: usize,
    is_member: bool,
    is_evicted: bool,
    /// It has learned of that.
    has_left: bool,
}

/// Where a sender in line stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    Granted,
    Lapsed,
    Waiting,
}

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Lossless {
    capacity: usize,
    sent: Vec<usize>,
    senders: usize,
    receivers: BTreeMap<Key, Subscriber>,
    line: Vec<(Key, Turn)>,
    /// Futures that wait for a message, and their receivers.
    readers: BTreeMap<Key, Key>,
    /// Futures that wait for the end of the receivers.
    closers: BTreeSet<Key>,
    /// Those for which it has come since they were polled.
    woken: BTreeSet<Key>,
    /// Messages in futures.
    unsent: usize,
}

impl Lossless {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            sent: Vec::new(),
            senders: 1,
            receivers: BTreeMap::new(),
            line: Vec::new(),
            readers: BTreeMap::new(),
            closers: BTreeSet::new(),
            woken: BTreeSet::new(),
            unsent: 0,
        }
    }

    /// Whether a receiver gets an answer at once.
    pub(super) fn answers(&self, receiver: Key) -> bool {
        let it = self.receivers[&receiver];
        self.senders == 0 || it.is_evicted || it.next < self.sent.len()
    }

    /// Whether a sender that comes now gets an answer at once.
    pub(super) fn answers_senders(&self) -> bool {
        self.ask() != Answer::Full
    }

    fn members(&self) -> impl Iterator<Item = &Subscriber> {
        self.receivers.values().filter(|it| it.is_member && !it.is_evicted)
    }

    /// Receivers that are counted in messages.
    fn readers(&self) -> impl Iterator<Item = &Subscriber> {
        self.receivers.values().filter(|it| !it.has_left)
    }

    /// What the slowest member has yet to receive.
    fn queued(&self) -> usize {
        self.members().map(|it| self.sent.len() - it.next).max().unwrap_or(0)
    }

    fn is_awaited(&self) -> bool {
        self.line.iter().any(|(_, turn)| *turn == Turn::Waiting)
    }

    fn granted(&self) -> usize {
        self.line.iter().filter(|(_, turn)| *turn == Turn::Granted).count()
    }

    fn free(&self) -> usize {
        self.capacity - self.queued() - self.granted()
    }

    /// The oldest message that is kept.
    fn oldest(&self) -> usize {
        self.sent.len().saturating_sub(self.capacity.next_power_of_two())
    }

    /// Messages that are kept and that a receiver has yet to read.
    fn unread(&self) -> usize {
        let slowest = self.readers().map(|it| it.next).min().unwrap_or(self.sent.len());
        self.sent.len() - slowest.max(self.oldest())
    }

    /// What is free goes to those in line, in order; without members all begin again.
    fn settle(&mut self) {
        if self.members().next().is_none() {
            self.woken.extend(self.line.drain(..).map(|(key, _)| key));
            return;
        }
        while self.free() > 0
            && let Some((key, turn)) = self.line.iter_mut().find(|(_, turn)| *turn == Turn::Waiting)
        {
            *turn = Turn::Granted;
            let key = *key;
            self.woken.insert(key);
        }
    }

    /// Whether a turn that is not taken may lapse.
    fn is_stuck(&self) -> bool {
        self.queued() == 0 && self.granted() > 0
    }

    /// Turns that are not taken are passed on.
    fn lapse(&mut self) {
        for (_, turn) in &mut self.line {
            if *turn == Turn::Granted {
                *turn = Turn::Lapsed;
            }
        }
        self.settle();
    }

    /// What a sender that is not in line gets.
    fn ask(&self) -> Answer {
        let receivers = self.readers().count();
        if receivers == 0 {
            Answer::Refused
        } else if self.members().next().is_none() || !self.is_awaited() && self.free() > 0 {
            Answer::Sent(receivers)
        } else {
            Answer::Full
        }
    }

    fn push(&mut self, message: usize) {
        self.sent.push(message);
        self.woken.extend(std::mem::take(&mut self.readers).into_keys());
    }

    /// A future asks. `lapses`: the turns of others lapse meanwhile.
    fn poll_send(&mut self, key: Key, message: usize, lapses: bool) -> Answer {
        self.woken.remove(&key);
        let place = self.line.iter().position(|(other, _)| *other == key);
        let turn = place.map(|place| self.line.remove(place).1);
        let receivers = self.readers().count();
        let has_come = match turn {
            _ if receivers == 0 || self.members().next().is_none() => true,
            Some(Turn::Granted) => true,
            Some(Turn::Lapsed) => self.free() > 0,
            Some(Turn::Waiting) => false,
            None => self.ask() != Answer::Full,
        };
        if !has_come {
            let first = self.line.iter().position(|(_, turn)| *turn == Turn::Waiting);
            let place = match turn {
                Some(Turn::Waiting) => place.expect("it was in line"),
                Some(_) => first.unwrap_or(self.line.len()),
                None => self.line.len(),
            };
            self.line.insert(place, (key, Turn::Waiting));
            self.settle();
            if lapses {
                self.lapse();
            }
            let place = self.line.iter().position(|it| *it == (key, Turn::Granted));
            let Some(place) = place else { return Answer::Pending };
            self.line.remove(place);
            self.woken.remove(&key);
        }
        self.unsent -= 1;
        if receivers == 0 {
            return Answer::Refused;
        }
        self.push(message);
        self.settle();
        Answer::Sent(receivers)
    }

    fn try_recv(&mut self, receiver: Key) -> Answer {
        let (oldest, end) = (self.oldest(), self.sent.len());
        let it = self.receivers.get_mut(&receiver).expect("it was made");
        if it.is_evicted {
            it.has_left = true;
            self.notice_the_end();
            return Answer::Evicted;
        }
        if it.next < oldest {
            let missed = oldest - it.next;
            it.next = oldest;
            return Answer::Lagged(missed.try_into().expect("few were sent"));
        }
        if it.next == end {
            return if self.senders == 0 { Answer::Closed } else { Answer::Empty };
        }
        it.next += 1;
        let message = self.sent[it.next - 1];
        self.settle();
        Answer::Got(message)
    }

    fn poll_recv(&mut self, key: Key, receiver: Key) -> Answer {
        self.forget(key);
        match self.try_recv(receiver) {
            Answer::Empty => {
                self.readers.insert(key, receiver);
                Answer::Pending
            }
            answer => answer,
        }
    }

    /// Evicts those that `is_out` names; gives their number.
    fn evict(&mut self, is_out: impl Fn(Key, &Subscriber) -> bool) -> usize {
        let mut count = 0;
        for (key, it) in &mut self.receivers {
            if !it.is_evicted && is_out(*key, it) {
                it.is_evicted = true;
                count += 1;
                let waits = self.readers.iter().filter(|(_, receiver)| *receiver == key);
                self.woken.extend(waits.map(|(future, _)| *future));
            }
        }
        self.settle();
        count
    }

    fn notice_the_end(&mut self) {
        if self.readers().next().is_none() {
            self.woken.append(&mut self.closers);
        }
    }

    /// A future is not in any line, for now.
    fn forget(&mut self, key: Key) {
        self.line.retain(|(other, _)| *other != key);
        self.readers.remove(&key);
        self.closers.remove(&key);
        self.woken.remove(&key);
    }

    fn apply(&mut self, action: &Action, lapses: bool) -> Answer {
        match *action {
            Action::CloneSender => self.senders += 1,
            Action::DropSender => {
                self.senders -= 1;
                if self.senders == 0 {
                    self.woken.extend(std::mem::take(&mut self.readers).into_keys());
                }
            }
            Action::TrySend(message) => {
                let answer = self.ask();
                if let Answer::Sent(_) = answer {
                    self.push(message);
                }
                return answer;
            }
            Action::StartSend => self.unsent += 1,
            Action::PollSend { key, message } => return self.poll_send(key, message, lapses),
            Action::CancelSend { key } => {
                self.forget(key);
                self.unsent -= 1;
                self.settle();
            }
            Action::Join { receiver, is_member } => {
                let next = self.sent.len();
                let it = Subscriber { next, is_member, is_evicted: false, has_left: false };
                self.receivers.insert(receiver, it);
            }
            Action::DropReceiver(receiver) => {
                self.receivers.remove(&receiver);
                self.settle();
                self.notice_the_end();
            }
            Action::TryRecv(receiver) => return self.try_recv(receiver),
            Action::PollRecv { key, receiver } => return self.poll_recv(key, receiver),
            Action::PollClosed { key } => {
                self.forget(key);
                if self.readers().next().is_some() {
                    self.closers.insert(key);
                    return Answer::Pending;
                }
            }
            Action::Evict(receiver) => {
                return Answer::Out(self.evict(|key, _| key == receiver));
            }
            Action::EvictBehind(lag) => {
                let end = self.sent.len();
                return Answer::Out(self.evict(|_, it| it.is_member && end - it.next >= lag));
            }
            Action::Cancel { key } => self.forget(key),
        }
        Answer::Done
    }
}

impl Model for Lossless {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action, false);
        let is_refused = matches!(answer, Answer::Full | Answer::Empty | Answer::Pending);
        if !is_refused || !next.is_stuck() {
            return vec![(next, answer)];
        }
        let mut lapsed = self.clone();
        let other = lapsed.apply(action, true);
        if !matches!(action, Action::PollSend { .. }) {
            lapsed.lapse();
        }
        vec![(next, answer), (lapsed, other)]
    }

    fn fact(&self, (name, of): Fact) -> usize {
        match name {
            "messages" => self.unread() + self.unsent,
            "senders" => self.senders,
            "closed" => usize::from(self.senders == 0),
            "receivers" => self.readers().count(),
            "subscribers" => self.receivers.values().filter(|it| !it.is_evicted).count(),
            "capacity" => self.capacity,
            "behind" | "lag" => self.sent.len() - self.receivers[&of].next,
            "member" => usize::from(self.receivers[&of].is_member),
            "evicted" => usize::from(self.receivers[&of].is_evicted),
            _ => unreachable!("no view asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }
}
