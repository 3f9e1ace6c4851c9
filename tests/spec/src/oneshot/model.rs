//! What oneshot is specified to do: one value, and two ends.

use std::collections::BTreeSet;

use super::{Action, Answer};
use crate::check::{Fact, Key, Model};

/// A channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Oneshot {
    value: Option<usize>,
    sender_gone: bool,
    receiver_gone: bool,
    /// The receiver takes no value any more.
    closed: bool,
    /// The receiver has told how it ended.
    told: bool,
    /// Whose waker each end has stored: the latest.
    receiving: Option<Key>,
    closing: Option<Key>,
    /// Whom the other end has told.
    woken: BTreeSet<Key>,
}

impl Oneshot {
    /// Whether the receiver gets an answer, once.
    pub(super) fn answers(&self) -> bool {
        !self.told && (self.sender_gone || self.closed)
    }

    /// Whether it may be polled: not after it has told the end.
    pub(super) fn has_told(&self) -> bool {
        self.told
    }

    fn tell_receiver(&mut self) {
        self.woken.extend(self.receiving.take());
    }

    fn tell_sender(&mut self) {
        self.woken.extend(self.closing.take());
    }

    fn is_refusing(&self) -> bool {
        self.closed || self.receiver_gone
    }

    /// The receiver lets go of the channel.
    fn leave(&mut self) {
        self.closed = true;
        self.told = true;
        self.receiving = None;
        self.tell_sender();
    }

    fn try_recv(&mut self) -> Answer {
        if self.told {
            return Answer::Closed;
        }
        if !self.answers() {
            return Answer::Empty;
        }
        self.leave();
        self.value.take().map_or(Answer::Closed, Answer::Got)
    }

    fn apply(&mut self, action: &Action) -> Answer {
        match *action {
            Action::Open => {
                *self = Self { woken: std::mem::take(&mut self.woken), ..Self::default() }
            }
            Action::Send(value) => {
                self.sender_gone = true;
                self.closing = None;
                if self.is_refusing() {
                    return Answer::Refused;
                }
                self.value = Some(value);
                self.tell_receiver();
            }
            Action::DropSender => {
                self.sender_gone = true;
                self.closing = None;
                self.tell_receiver();
            }
            Action::Close if !self.told && !self.sender_gone => {
                self.closed = true;
                self.receiving = None;
                self.tell_sender();
            }
            Action::Close => {}
            Action::TryRecv => return self.try_recv(),
            Action::DropReceiver => {
                self.receiver_gone = true;
                self.value = None;
                self.leave();
            }
            Action::PollRecv { key } => {
                self.woken.remove(&key);
                let answer = self.try_recv();
                if answer != Answer::Empty {
                    return answer;
                }
                self.receiving = Some(key);
                return Answer::Pending;
            }
            Action::PollClosed { key } => {
                self.woken.remove(&key);
                if !self.is_refusing() {
                    self.closing = Some(key);
                    return Answer::Pending;
                }
            }
        }
        Answer::Done
    }
}

impl Model for Oneshot {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        let mut next = self.clone();
        let answer = next.apply(action);
        vec![(next, answer)]
    }

    fn fact(&self, (name, _): Fact) -> usize {
        match name {
            "closed" => self.is_refusing().into(),
            "empty" => self.value.is_none().into(),
            "terminated" => self.told.into(),
            "messages" => self.value.is_some().into(),
            _ => unreachable!("nobody asks for {name}"),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.woken.contains(&future)
    }
}
