//! What watch is specified to do: one value, its version, and the version each receiver has seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// The number of the current value.
    value: usize,
    version: i64,
    senders: usize,
    /// For each receiver: the version that it has seen.
    receivers: BTreeMap<Key, i64>,
    /// How many look at a value.
    looks: BTreeMap<usize, usize>,
    /// Streams that gave the value they began with.
    started: BTreeSet<Key>,
    /// Receivers of a projection: what they have seen last.
    projected: BTreeMap<Key, usize>,
    /// Futures that wait for another version, or the end of the senders.
    readers: BTreeSet<Key>,
    /// Futures that wait for the end of the receivers.
    closers: BTreeSet<Key>,
    /// Those for which it has come since they were polled.
    woken: BTreeSet<Key>,
}

impl Watch {
    /// A channel without receivers.
    pub(super) fn new(value: usize) -> Self {
        Self {
            value,
            version: 0,
            senders: 1,
            receivers: BTreeMap::new(),
            looks: BTreeMap::new(),
            started: BTreeSet::new(),
            projected: BTreeMap::new(),
            readers: BTreeSet::new(),
            closers: BTreeSet::new(),
            woken: BTreeSet::new(),
        }
    }

    /// Whether nobody looks at the current value, so that it can be changed or taken.
    pub(super) fn is_unseen(&self) -> bool {
        !self.looks.contains_key(&self.value)
    }

    fn set(&mut self, value: usize, is_told: bool) {
        self.value = value;
        if is_told {
            self.version += 1;
            self.woken.append(&mut self.readers);
        }
    }

    fn look(&mut self, has_changed: bool) -> Answer {
        *self.looks.entry(self.value).or_default() += 1;
        Answer::Look(self.value, has_changed)
    }

    fn see(&mut self, receiver: Key) -> bool {
        let seen = self.receivers.get_mut(&receiver).expect("it was made");
        std::mem::replace(seen, self.version) != self.version
    }

    fn end_look(&mut self, value: usize) {
        let looks = self.looks.get_mut(&value).expect("somebody looks at it");
        *looks -= 1;
        if *looks == 0 {
            self.looks.remove(&value);
        }
    }

    /// A future is not in any line, for now.
    fn forget(&mut self, key: Key) {
        self.readers.remove(&key);
        self.closers.remove(&key);
        self.woken.remove(&key);
    }

    /// Nothing new: waits, unless nothing can come.
    fn wait(&mut self, key: Key) -> Answer {
        if self.senders == 0 {
            return Answer::Closed;
        }
        self.readers.insert(key);
        Answer::Pending
    }

    fn poll(&mut self, action: &Action) -> Answer {
        match *action {
            Action::PollChanged { key, receiver } => {
                self.forget(key);
                if self.see(receiver) { Answer::Done } else { self.wait(key) }
            }
            Action::PollRecv { key, receiver } => {
                self.forget(key);
                if self.see(receiver) { self.look(true) } else { self.wait(key) }
            }
            Action::PollMapChanged { key, receiver } => {
                self.forget(key);
                let (is_new, half) = (self.see(receiver), self.value / 2);
                match self.projected.insert(key, half) {
                    Some(seen) if is_new && half != seen => Answer::Done,
                    Some(seen) => {
                        self.projected.insert(key, seen);
                        self.wait(key)
                    }
                    None => self.wait(key),
                }
            }
            Action::PollWaitFor { key, receiver, rest } => {
                self.forget(key);
                let has_changed = self.see(receiver);
                if self.value % 3 == rest { self.look(has_changed) } else { self.wait(key) }
            }
            Action::PollNext { key, receiver, changes } => {
                self.forget(key);
                if !changes && self.started.insert(key) {
                    self.see(receiver);
                }
                if self.see(receiver) { Answer::Got(self.value) } else { self.wait(key) }
            }
            Action::PollClosed { key } => {
                self.forget(key);
                if self.receivers.is_empty() {
                    return Answer::Done;
                }
                self.closers.insert(key);
                Answer::Pending
            }
            _ => unreachable!("{action:?} is no poll"),
        }
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
            Action::Send(_) if self.receivers.is_empty() => return Answer::Refused,
            Action::Send(value) | Action::Publish(value) => self.set(value, true),
            Action::SendIfDifferent(value) if value == self.value => return Answer::Refused,
            Action::SendIfDifferent(value) => self.set(value, true),
            Action::SendReplace(value) => {
                let old = self.value;
                self.set(value, true);
                return Answer::Got(old);
            }
            Action::Modify(value, is_told) => self.set(value, is_told),
            Action::BorrowBySender => return self.look(false),
            Action::Subscribe(receiver) => drop(self.receivers.insert(receiver, self.version)),
            Action::CloneReceiver { from, to } => {
                let seen = self.receivers[&from];
                self.receivers.insert(to, seen);
            }
            Action::DropReceiver(receiver) => {
                self.receivers.remove(&receiver);
                if self.receivers.is_empty() {
                    self.woken.append(&mut self.closers);
                }
            }
            Action::Borrow(receiver) => {
                let has_changed = self.receivers[&receiver] != self.version;
                return self.look(has_changed);
            }
            Action::BorrowAndUpdate(receiver) => {
                let has_changed = self.see(receiver);
                return self.look(has_changed);
            }
            Action::MarkChanged(receiver) => {
                *self.receivers.get_mut(&receiver).expect("it was made") -= 1;
            }
            Action::MarkUnchanged(receiver) => drop(self.see(receiver)),
            Action::EndLook { value, kept: false } => self.end_look(value),
            Action::EndLook { .. } => {}
            Action::Cancel { key } => self.forget(key),
            _ => return self.poll(action),
        }
        Answer::Done
    }
}

impl Model for Watch {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action);
        vec![(next, answer)]
    }

    fn fact(&self, (name, of): Fact) -> usize {
        match name {
            "senders" => self.senders,
            "receivers" => self.receivers.len(),
            "closed" => usize::from(self.senders == 0),
            "changed" => usize::from(self.receivers[&of] != self.version),
            // The current one, and those that somebody looks at.
            "messages" => self.looks.len() + usize::from(self.is_unseen()),
            _ => unreachable!("nobody asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }
}
