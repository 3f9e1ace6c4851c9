//! What a rendezvous channel is specified to do: senders in line, each with its message, and the
//! sends whose message was taken.

use std::collections::BTreeSet;

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Rendezvous {
    senders: usize,
    closed: bool,
    /// Sends that wait, and their messages.
    line: Vec<(Key, usize)>,
    /// Sends that have not learned yet that their messages were taken.
    served: BTreeSet<Key>,
    /// The receive that was polled last, if it waits.
    reader: Option<Key>,
    /// Futures that wait for the channel to be closed.
    closers: BTreeSet<Key>,
    /// Futures that must have been woken since they were polled.
    woken: BTreeSet<Key>,
    /// Messages that were not taken.
    unsent: usize,
}

impl Rendezvous {
    pub(super) fn new() -> Self {
        Self {
            senders: 1,
            closed: false,
            line: Vec::new(),
            served: BTreeSet::new(),
            reader: None,
            closers: BTreeSet::new(),
            woken: BTreeSet::new(),
            unsent: 0,
        }
    }

    /// Whether a sender that comes now gets an answer at once: it is refused.
    pub(super) fn answers_sender(&self) -> bool {
        self.closed
    }

    /// Whether the receiver gets an answer at once.
    pub(super) fn answers_receiver(&self) -> bool {
        !self.line.is_empty() || self.is_ended()
    }

    fn is_ended(&self) -> bool {
        self.closed || self.line.is_empty() && self.senders == 0
    }

    fn poll_send(&mut self, key: Key, message: usize) -> Answer {
        self.woken.remove(&key);
        let is_in_line = self.line.iter().any(|(other, _)| *other == key);
        if self.served.remove(&key) {
            return Answer::Done;
        }
        if self.closed {
            self.line.retain(|(other, _)| *other != key);
            self.unsent -= 1;
            return Answer::Closed;
        }
        if !is_in_line {
            self.line.push((key, message));
            self.woken.extend(self.reader.take());
        }
        Answer::Pending
    }

    /// A send goes; its message goes with it, unless it was taken.
    fn cancel_send(&mut self, key: Key) {
        self.woken.remove(&key);
        self.line.retain(|(other, _)| *other != key);
        self.unsent -= usize::from(!self.served.remove(&key));
    }

    fn receive(&mut self) -> Answer {
        if self.is_ended() {
            return Answer::Ended;
        }
        if self.line.is_empty() {
            return Answer::Empty;
        }
        let (key, message) = self.line.remove(0);
        self.served.insert(key);
        self.woken.insert(key);
        self.unsent -= 1;
        Answer::Got(message)
    }

    fn close(&mut self) {
        self.closed = true;
        self.woken.extend(self.line.iter().map(|(key, _)| *key));
        self.woken.append(&mut self.closers);
    }

    fn apply(&mut self, action: &Action) -> Answer {
        match *action {
            Action::CloneSender => self.senders += 1,
            Action::DropSender => self.senders -= 1,
            Action::Upgrade => {
                let is_alive = self.senders > 0;
                self.senders += usize::from(is_alive);
                return Answer::Upgraded(is_alive);
            }
            Action::StartSend => self.unsent += 1,
            Action::PollSend { key, message } => return self.poll_send(key, message),
            Action::CancelSend { key } => self.cancel_send(key),
            Action::Send if self.closed => return Answer::Closed,
            Action::Send => {
                // It was in the line for a moment.
                self.woken.extend(self.reader.take());
                return Answer::Pending;
            }
            Action::PollClosed { key } if !self.closed => {
                self.closers.insert(key);
                return Answer::Pending;
            }
            Action::PollClosed { .. } => {}
            Action::PollRecv { key } => {
                self.woken.remove(&key);
                let answer = self.receive();
                if answer != Answer::Empty {
                    return answer;
                }
                self.reader = Some(key);
                return Answer::Pending;
            }
            Action::TryRecv => return self.receive(),
            Action::Close | Action::DropReceiver => self.close(),
            Action::Cancel { key } => {
                self.closers.remove(&key);
                self.woken.remove(&key);
            }
        }
        if self.is_ended() {
            self.woken.extend(self.reader.take());
        }
        Answer::Done
    }
}

impl Model for Rendezvous {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action);
        vec![(next, answer)]
    }

    fn fact(&self, (name, _): Fact) -> usize {
        match name {
            "messages" => self.unsent,
            "len" if self.closed => 0,
            "len" => self.line.len(),
            "senders" => self.senders,
            "closed" => usize::from(self.closed),
            "closed to the receiver" => usize::from(self.closed || self.senders == 0),
            _ => unreachable!("no view asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }
}
