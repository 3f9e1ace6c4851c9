//! The operations of receivers.

use support::Message;

use super::family::Family;
use super::future::{Kind, numbers};
use super::run::Run;
use super::{Action, Answer, Op};
use crate::handle::Handle;
use crate::pick;

impl<F: Family> Run<F> {
    /// Does what is a receiver's.
    pub(super) fn step_receiver(&mut self, op: Op) {
        match op {
            Op::StartRecv(n) => self.with_receiver(n, |run, at| {
                let (future, loan) = F::recv(&run.receivers[at]);
                run.futures.start(
                    Kind::Recv { limit: 1, owns_receiver: false },
                    future,
                    Some(loan),
                );
            }),
            Op::StartPollRecv(n) => self.with_receiver(n, |run, at| {
                if let Some((future, loan)) = F::poll_recv(&run.receivers[at]) {
                    run.futures.start(
                        Kind::Recv { limit: 1, owns_receiver: false },
                        future,
                        Some(loan),
                    );
                }
            }),
            Op::StartRecvMany(n, limit) => self.with_receiver(n, |run, at| {
                let limit = limit_of(limit);
                let (future, loan) = F::recv_many(&run.receivers[at], limit);
                run.futures.start(Kind::Recv { limit, owns_receiver: false }, future, Some(loan));
            }),
            Op::StartPollRecvMany(n, limit) => self.with_receiver(n, |run, at| {
                let limit = limit_of(limit);
                if let Some((future, loan)) = F::poll_recv_many(&run.receivers[at], limit) {
                    run.futures.start(
                        Kind::Recv { limit, owns_receiver: false },
                        future,
                        Some(loan),
                    );
                }
            }),
            Op::StartNext(n) => self.with_free_receiver(n, |run, at| {
                let receiver = run.receivers.remove(at).take();
                let kind = Kind::Recv { limit: 1, owns_receiver: true };
                run.futures.start(kind, F::next(receiver), None);
            }),
            Op::StartReady(n) => self.with_receiver(n, |run, at| {
                if let Some((future, loan)) = F::ready(&run.receivers[at]) {
                    run.futures.start(Kind::Ready, future, Some(loan));
                }
            }),
            Op::CloneReceiver(n) => self.with_receiver(n, |run, at| {
                if let Some(clone) = run.receivers[at].peek().and_then(F::clone_receiver) {
                    run.receivers.push(Handle::new(clone));
                    run.note(Action::CloneReceiver, Answer::Done);
                }
            }),
            Op::DropReceiver(n) => self.with_receiver(n, |run, at| {
                run.drop_receiver(at);
            }),
            Op::Close(n) => self.with_free_receiver(n, |run, at| {
                run.receivers[at].with_mut(F::close);
                run.note(Action::Close, Answer::Done);
            }),
            _ => self.step_receiver_now(op),
        }
    }

    /// What receives at once.
    fn step_receiver_now(&mut self, op: Op) {
        let is_ready = self.checker.model().answers_receivers();
        match op {
            Op::TryRecv(n) => self.with_free_receiver(n, |run, at| {
                let received = run.receivers[at].with_mut(F::try_recv);
                let answer = match &received {
                    Ok(message) => Answer::Got(vec![message.id()]),
                    Err(true) => Answer::Ended,
                    Err(false) => Answer::Empty,
                };
                drop(received);
                run.note(Action::TryRecv, answer);
            }),
            Op::Peek(n) => self.with_free_receiver(n, |run, at| {
                if let Some(next) = run.receivers[at].with_mut(F::peek) {
                    run.note(Action::Peek, Answer::Got(Vec::from_iter(next)));
                }
            }),
            Op::RecvIf(n, answer) => self.with_free_receiver(n, |run, at| {
                let Some(next) = run.receivers[at].with_mut(F::peek) else { return };
                run.note(Action::Peek, Answer::Got(Vec::from_iter(next)));
                let received = run.receivers[at].with_mut(|rx| F::recv_if(rx, answer)).flatten();
                let id = received.as_ref().map(Message::id);
                assert_eq!(id, next.filter(|_| answer), "the next message, if the condition holds");
                drop(received);
                if let Some(id) = id {
                    run.note(Action::TryRecv, Answer::Got(vec![id]));
                }
            }),
            Op::Drain(n) => self.with_free_receiver(n, |run, at| {
                let received = run.receivers[at].with_mut(F::drain);
                let (key, ids) = (run.futures.key(), numbers(&received));
                drop(received);
                if is_ready {
                    run.note(Action::PollRecv { key, limit: usize::MAX }, Answer::Got(ids));
                } else {
                    // As a `try_recv` that is refused, unless a promise expires by it.
                    let answer = if ids.is_empty() { Answer::Empty } else { Answer::Got(ids) };
                    run.note(Action::TryRecv, answer);
                }
            }),
            Op::BlockingRecv(n) if is_ready => self.with_free_receiver(n, |run, at| {
                let received = Vec::from_iter(run.receivers[at].with_mut(F::blocking_recv));
                let (key, got) = (run.futures.key(), Answer::Got(numbers(&received)));
                drop(received);
                run.note(Action::PollRecv { key, limit: 1 }, got);
            }),
            Op::BlockingRecvMany(n, limit) if is_ready => self.with_free_receiver(n, |run, at| {
                let limit = limit_of(limit);
                let received = run.receivers[at].with_mut(|rx| F::blocking_recv_many(rx, limit));
                let (key, got) = (run.futures.key(), Answer::Got(numbers(&received)));
                drop(received);
                run.note(Action::PollRecv { key, limit }, got);
            }),
            _ => {}
        }
    }

    /// With a receiver that can be borrowed: nothing borrows the one of mpsc.
    fn with_receiver(&mut self, n: u8, f: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = pick(self.receivers.len(), n)
            && (F::MANY || self.receivers[at].is_free())
        {
            f(self, at);
        }
    }

    /// With a receiver that nothing borrows.
    fn with_free_receiver(&mut self, n: u8, f: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = pick(self.receivers.len(), n)
            && self.receivers[at].is_free()
        {
            f(self, at);
        }
    }

    /// Drops a receiver, if there is one that nothing borrows.
    pub(super) fn drop_receiver(&mut self, at: usize) -> bool {
        let is_free = self.receivers.get(at).is_some_and(Handle::is_free);
        if is_free {
            drop(self.receivers.remove(at));
            self.note(Action::DropReceiver, Answer::Done);
        }
        is_free
    }
}

/// How many messages to receive at most, now and then none.
fn limit_of(n: u8) -> usize {
    usize::from(n) % 5
}
