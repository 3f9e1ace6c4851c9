//! Who takes part in a run.

use crate::run::End;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use support::{Tally, Task};

/// What an action says when it is done.
pub type Answer = &'static str;

/// An action on its way: each poll is one step.
pub type Steps = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// An action's future.
pub fn steps(future: impl Future<Output = Answer> + Send + 'static) -> Steps {
    Box::pin(future)
}

/// Whose handle a party uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// A sender.
    Sender,
    /// A receiver.
    Receiver,
}

/// One who takes part.
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    task: Option<Task<Steps>>,
    pub(crate) answer: Option<Answer>,
    /// What its wakers were made of.
    tallies: Vec<Arc<Tally>>,
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Party {
    pub(crate) fn new(name: &'static str, side: Side, steps: Steps) -> Self {
        let task = Task::new(steps);
        let tallies = vec![task.wakers()];
        Self { name, side, task: Some(task), answer: None, tallies }
    }

    /// Stands for one who is on another thread.
    pub(crate) fn absent() -> Self {
        Self { name: "", side: Side::Sender, task: None, answer: None, tallies: Vec::new() }
    }

    /// One poll, if it is not done.
    pub(crate) fn step(&mut self) {
        if let Some(task) = &mut self.task {
            let polled = task.poll();
            self.note(polled);
        }
    }

    /// One poll, with the same waker or, so that both are seen, with a new one each time.
    pub(crate) fn step_as(&mut self, end: End) {
        match end {
            End::Drain => self.step(),
            End::Leave => {
                self.step_elsewhere();
            }
        }
    }

    /// One poll with a new waker; gives whether it is done by that.
    pub(crate) fn step_elsewhere(&mut self) -> bool {
        let Some(task) = &mut self.task else { return false };
        let polled = task.poll_elsewhere();
        self.tallies.push(task.wakers());
        self.note(polled);
        self.is_done()
    }

    fn note(&mut self, polled: Poll<Answer>) {
        if let Poll::Ready(answer) = polled {
            self.answer = Some(answer);
            self.task = None;
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.answer.is_some()
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.task.as_ref().is_some_and(Task::is_woken)
    }

    /// How many of its wakers others keep, now that it is done.
    pub(crate) fn wakers_kept(&self) -> usize {
        self.tallies.iter().map(|tally| Arc::strong_count(tally) - 1).sum()
    }
}
