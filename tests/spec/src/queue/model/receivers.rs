//! What is promised to the receivers that wait.

use super::{PASSING, Queue};
use crate::check::Key;
use crate::queue::{Action, Answer};

/// How many refusals the promise of a message outlives whose receiver has let so many lapse.
fn patience(lapses: u32) -> u32 {
    64 << (4 * lapses.min(2))
}

/// A receiver in line. The line is in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sleeper {
    pub(super) key: Key,
    pub(super) rest: Rest,
    pub(super) impatient: bool,
    /// How many promises it has let lapse.
    lapses: u32,
}

/// Where a receiver in line stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rest {
    Asleep,
    /// It has to look again, and is not considered until it does.
    Woken,
    /// A message is promised to it, by the promise with this number.
    Granted(usize),
}

impl Queue {
    /// The receivers that messages are promised to, with the numbers of the promises.
    fn granted(&self) -> impl Iterator<Item = (usize, &Sleeper)> {
        self.sleepers.iter().filter_map(|sleeper| match sleeper.rest {
            Rest::Granted(promise) => Some((promise, sleeper)),
            _ => None,
        })
    }

    /// The oldest promise of a message that is not taken yet.
    pub(super) fn oldest_promise(&self) -> Option<(usize, &Sleeper)> {
        self.granted().min_by_key(|&(promise, _)| promise)
    }

    /// How many messages are promised to no receiver.
    pub(super) fn unpromised(&self) -> usize {
        self.messages.len() - self.granted().count()
    }

    /// What is unpromised goes to those in line, in order.
    pub(super) fn promise(&mut self) {
        while self.many && self.unpromised() > 0 {
            let Some(next) = self.sleepers.iter_mut().find(|next| next.rest == Rest::Asleep) else {
                return;
            };
            next.rest = Rest::Granted(self.promises);
            self.promises += 1;
        }
    }

    /// Whether a future of a receiver is in line.
    pub(crate) fn has_in_line(&self, key: Key) -> bool {
        self.sleepers.iter().any(|sleeper| sleeper.key == key)
    }

    /// Wakes all receivers that sleep.
    pub(super) fn rouse(&mut self) {
        for sleeper in self.sleepers.iter_mut().filter(|sleeper| sleeper.rest == Rest::Asleep) {
            sleeper.rest = Rest::Woken;
        }
    }

    fn receive(&mut self, limit: usize) -> Vec<usize> {
        let count = limit.min(self.messages.len());
        self.held &= count == 0;
        self.messages.drain(..count).collect()
    }

    pub(super) fn try_recv(&mut self) -> Answer {
        match self.receive(self.unpromised().min(1)).pop() {
            Some(message) => Answer::Got(vec![message]),
            None if self.is_ended() => Answer::Ended,
            None => Answer::Empty,
        }
    }

    pub(super) fn poll_recv(&mut self, key: Key, limit: usize) -> Answer {
        let own = self.granted().filter(|(_, sleeper)| sleeper.key == key).count();
        let messages = self.receive(limit.min(self.unpromised() + own));
        if limit > 0 && messages.is_empty() && !self.is_ended() {
            self.sleep(key);
            return Answer::Pending;
        }
        self.sleepers.retain(|sleeper| sleeper.key != key);
        Answer::Got(messages)
    }

    /// Of mpsc, whose messages are promised to no receiver.
    pub(super) fn poll_ready(&mut self, key: Key) -> Answer {
        if self.messages.is_empty() && !self.is_ended() {
            self.sleep(key);
            return Answer::Pending;
        }
        self.sleepers.retain(|sleeper| sleeper.key != key);
        if self.messages.is_empty() { Answer::Ended } else { Answer::Done }
    }

    /// A receiver has to wait.
    fn sleep(&mut self, key: Key) {
        let impatient = self.is_blocked() || !self.messages.is_empty();
        if !self.many {
            // There is room for the waker of the latest call only.
            self.sleepers.retain(|sleeper| sleeper.key == key);
        }
        match self.sleepers.iter_mut().find(|sleeper| sleeper.key == key) {
            Some(sleeper) => *sleeper = Sleeper { rest: Rest::Asleep, impatient, ..*sleeper },
            None => {
                self.sleepers.push(Sleeper { key, rest: Rest::Asleep, impatient, lapses: 0 });
            }
        }
    }

    /// A future goes. What it was promised is passed on.
    pub(super) fn cancel(&mut self, key: Key) {
        self.line.retain(|waiter| waiter.key != key);
        self.closers.retain(|&closer| closer != key);
        self.sleepers.retain(|sleeper| sleeper.key != key);
    }

    /// Whether the action was kept from something by a promise to a receiver, perhaps.
    fn is_thwarted(&self, action: &Action, answer: &Answer) -> bool {
        let others = self.sleepers.iter().any(|sleeper| sleeper.rest == Rest::Asleep);
        let refused = matches!(answer, Answer::Pending | Answer::Full | Answer::Empty);
        self.oldest_promise().is_some()
            && match action {
                Action::PollRecv { .. } | Action::TryRecv => refused || others,
                Action::TrySend(_) | Action::TryReserve(_) => refused && others,
                Action::PollSend { .. } | Action::PollReserve { .. } => refused && others,
                _ => false,
            }
    }

    /// The states after an action that promises to receivers may have thwarted: the oldest promise
    /// holds, or lapses.
    pub(super) fn with_lapses(
        &self,
        mut next: Self,
        action: &Action,
        answer: Answer,
    ) -> Vec<(Self, Answer)> {
        let oldest = |queue: &Self| queue.oldest_promise().map(|(promise, _)| promise);
        if oldest(self) != oldest(&next) {
            next.thwarted = 0;
            next.thwarted_last = (PASSING, 0);
        }
        if !next.is_thwarted(action, &answer) {
            next.thwarted_last = (PASSING, 0);
            return vec![(next, answer)];
        }
        next.thwarted += 1;
        let poller = match *action {
            Action::PollRecv { key, .. } if answer == Answer::Pending => Some(key),
            Action::TryRecv if answer == Answer::Empty => Some(PASSING),
            _ => None,
        };
        next.thwarted_last = match (poller, next.thwarted_last) {
            (None, _) => (PASSING, 0),
            (Some(poller), (last, streak)) if last == poller => (last, streak + 1),
            (Some(poller), _) => (poller, 1),
        };
        let patience = next.oldest_promise().map_or(0, |(_, sleeper)| patience(sleeper.lapses));
        let must_lapse = next.thwarted_last.1 >= patience;
        let may_lapse = next.thwarted >= patience;
        let mut successors = Vec::new();
        if may_lapse {
            let mut lapsed = next.clone();
            let answer = lapsed.lapse_oldest(action, answer.clone());
            successors.push((lapsed, answer));
        }
        if !must_lapse {
            successors.push((next, answer));
        }
        successors
    }

    /// The oldest promise to a receiver lapses; the action that it thwarted may go on.
    fn lapse_oldest(&mut self, action: &Action, answer: Answer) -> Answer {
        self.thwarted = 0;
        self.thwarted_last = (PASSING, 0);
        let oldest = self.oldest_promise().map(|(_, sleeper)| sleeper.key);
        for sleeper in self.sleepers.iter_mut().filter(|sleeper| Some(sleeper.key) == oldest) {
            *sleeper = Sleeper { rest: Rest::Woken, lapses: sleeper.lapses + 1, ..*sleeper };
        }
        self.promise();
        let answer = match *action {
            Action::PollRecv { key, limit } if answer == Answer::Pending => {
                if self.granted().any(|(_, sleeper)| sleeper.key == key) {
                    self.poll_recv(key, limit)
                } else {
                    answer
                }
            }
            Action::TryRecv if answer == Answer::Empty => self.try_recv(),
            _ => answer,
        };
        self.settle();
        answer
    }
}
