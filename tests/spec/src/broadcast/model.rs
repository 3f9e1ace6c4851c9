//! What broadcast is specified to do: everything ever sent, and how far each receiver is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Broadcast {
    /// Rounded up to a power of two.
    capacity: usize,
    sent: Vec<usize>,
    senders: usize,
    weak: usize,
    /// For each receiver: how many of the messages it is past.
    receivers: BTreeMap<Key, usize>,
    /// Futures that wait for a message.
    readers: BTreeSet<Key>,
    /// Futures that wait for the end of the receivers.
    closers: BTreeSet<Key>,
    /// Those for which it has come since they were polled.
    woken: BTreeSet<Key>,
}

impl Broadcast {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.next_power_of_two(),
            sent: Vec::new(),
            senders: 1,
            weak: 0,
            receivers: BTreeMap::new(),
            readers: BTreeSet::new(),
            closers: BTreeSet::new(),
            woken: BTreeSet::new(),
        }
    }

    /// Whether a receiver gets an answer at once.
    pub(super) fn answers(&self, receiver: Key) -> bool {
        self.senders == 0 || self.receivers[&receiver] < self.sent.len()
    }

    /// The oldest message that is kept.
    fn oldest(&self) -> usize {
        self.sent.len().saturating_sub(self.capacity)
    }

    /// Messages that are kept and that somebody has yet to read.
    fn unread(&self) -> usize {
        let slowest = self.receivers.values().min().copied().unwrap_or(self.sent.len());
        self.sent.len() - slowest.max(self.oldest())
    }

    fn send(&mut self, message: usize) -> Answer {
        if self.receivers.is_empty() {
            return Answer::Refused;
        }
        self.sent.push(message);
        self.woken.append(&mut self.readers);
        Answer::Sent(self.receivers.len())
    }

    fn try_recv(&mut self, receiver: Key) -> Answer {
        let (oldest, end) = (self.oldest(), self.sent.len());
        let next = self.receivers.get_mut(&receiver).expect("it was made");
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Answer::Lagged(missed.try_into().expect("few were sent"));
        }
        if *next == end {
            return if self.senders == 0 { Answer::Closed } else { Answer::Empty };
        }
        *next += 1;
        Answer::Got(self.sent[*next - 1])
    }

    fn poll_recv(&mut self, key: Key, receiver: Key) -> Answer {
        self.forget(key);
        match self.try_recv(receiver) {
            Answer::Empty => {
                self.readers.insert(key);
                Answer::Pending
            }
            answer => answer,
        }
    }

    /// A future is not in any line, for now.
    fn forget(&mut self, key: Key) {
        self.readers.remove(&key);
        self.closers.remove(&key);
        self.woken.remove(&key);
    }

    fn apply(&mut self, action: &Action) -> Answer {
        match *action {
            Action::CloneSender => self.senders += 1,
            Action::DropSender => {
                self.senders -= 1;
                if self.senders == 0 {
                    self.woken.append(&mut self.readers);
                }
            }
            Action::Downgrade | Action::CloneWeak => self.weak += 1,
            Action::DropWeak => self.weak -= 1,
            Action::Upgrade => {
                let is_alive = self.senders > 0;
                self.senders += usize::from(is_alive);
                return Answer::Upgraded(is_alive);
            }
            Action::Send(message) => return self.send(message),
            Action::Join(receiver) => drop(self.receivers.insert(receiver, self.sent.len())),
            Action::DropReceiver(receiver) => {
                self.receivers.remove(&receiver);
                if self.receivers.is_empty() {
                    self.woken.append(&mut self.closers);
                }
            }
            Action::TryRecv(receiver) => return self.try_recv(receiver),
            Action::PollRecv { key, receiver } => return self.poll_recv(key, receiver),
            Action::PollClosed { key } => {
                self.forget(key);
                if !self.receivers.is_empty() {
                    self.closers.insert(key);
                    return Answer::Pending;
                }
            }
            Action::Cancel { key } => self.forget(key),
        }
        Answer::Done
    }
}

impl Model for Broadcast {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action);
        vec![(next, answer)]
    }

    fn fact(&self, (name, of): Fact) -> usize {
        match name {
            // As each message is kept until all have read it.
            "len" | "messages" => self.unread(),
            "empty" => usize::from(self.unread() == 0),
            "nothing left" => usize::from(self.receivers[&of] == self.sent.len()),
            "senders" => self.senders,
            "weak" => self.weak,
            "receivers" => self.receivers.len(),
            "closed" => usize::from(self.senders == 0),
            "behind" => self.sent.len() - self.receivers[&of],
            _ => unreachable!("nobody asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }
}
