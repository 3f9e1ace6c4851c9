//! Does the same to a watch channel and to its model, and compares.

use std::task::Poll;

use levada::watch::{Receiver, Ref, Sender};

use super::items::{change_of_half, next_of, throttled_change};
use super::model::Watch;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Key, Tamper, View};
use crate::handle::{Handle, Loan};
use crate::running::{BoxFuture, Futures};
use crate::value::{Value, Values};
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Changed { receiver: Key },
    Recv { receiver: Key },
    MapChanged { receiver: Key },
    WaitFor { receiver: Key, rest: usize },
    Next { receiver: Key, changes: bool },
    Closed,
}

/// What a future gives.
enum Out {
    Answer(Answer),
    Look(Ref<'static, Value>),
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run {
    futures: Futures<Kind, Out>,
    looks: Vec<(Ref<'static, Value>, Loan)>,
    senders: Vec<Handle<Sender<Value>>>,
    receivers: Vec<(Key, Handle<Receiver<Value>>)>,
    values: Values,
    checker: Checker<Watch>,
    leaked: bool,
}

/// Runs a case.
///
/// # Panics
/// If the channel does what its model does not allow.
pub fn run(case: &Case) -> Stats {
    run_tampered(case, Tamper::default())
}

/// Runs a case with a fault between the channel and its model.
///
/// # Panics
/// If the fault is found.
pub fn run_tampered(case: &Case, tamper: Tamper<Answer>) -> Stats {
    let mut values = Values::default();
    let first = values.value();
    let mut run = Run {
        futures: Futures::default(),
        looks: Vec::new(),
        senders: Vec::new(),
        receivers: Vec::new(),
        values,
        checker: Checker::new(Watch::new(first.id), tamper),
        leaked: false,
    };
    if case.is_deserted {
        run.senders.push(Handle::new(Sender::new(first)));
    } else {
        let (sender, receiver) = levada::watch::channel(first);
        run.senders.push(Handle::new(sender));
        run.join(receiver);
    }
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

/// A future that gives an answer and no look.
fn answer_of(future: impl Future<Output = Answer> + 'static) -> BoxFuture<Out> {
    Box::pin(async move { Out::Answer(future.await) })
}

impl Run {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneSender(n)
            | Op::DropSender(n)
            | Op::Send(n)
            | Op::Publish(n)
            | Op::SendIfDifferent(n, _)
            | Op::SendModify(n)
            | Op::SendIfModified(n, _)
            | Op::SendReplace(n)
            | Op::BorrowBySender(n)
            | Op::Subscribe(n)
            | Op::StartClosed(n) => {
                if let Some(at) = pick(self.senders.len(), n) {
                    self.step_sender(op, at);
                }
            }
            Op::Poll(n) | Op::PollElsewhere(n) | Op::Cancel(n) | Op::Forget(n) => {
                if let Some(at) = self.futures.pick(n) {
                    self.step_future(op, at);
                }
            }
            Op::PollWoken => {
                self.poll_woken();
            }
            Op::DropLook(n) | Op::ForgetLook(n) => {
                if let Some(at) = pick(self.looks.len(), n) {
                    self.end_look(at, matches!(op, Op::ForgetLook(_)));
                }
            }
            Op::CloneReceiver(n) | Op::Borrow(n) => {
                if let Some(at) = pick(self.receivers.len(), n) {
                    self.step_shared_receiver(op, at);
                }
            }
            Op::DropReceiver(n)
            | Op::BorrowAndUpdate(n)
            | Op::MarkChanged(n)
            | Op::MarkUnchanged(n)
            | Op::StartChanged(n)
            | Op::StartRecv(n)
            | Op::StartMapChanged(n)
            | Op::StartWaitFor(n, _)
            | Op::StartNext(n)
            | Op::StartNextChange(n)
            | Op::StartThrottled(n) => {
                let at = pick(self.receivers.len(), n);
                if let Some(at) = at.filter(|&at| self.receivers[at].1.is_free()) {
                    self.step_receiver(op, at);
                }
            }
        }
    }

    fn note(&mut self, action: Action, answer: Answer) {
        self.checker.check(&action, answer);
    }

    /// Adds a receiver that has seen the current value.
    fn join(&mut self, receiver: Receiver<Value>) {
        let key = self.futures.key();
        self.receivers.push((key, Handle::new(receiver)));
        self.note(Action::Subscribe(key), Answer::Done);
    }

    fn keep_look(&mut self, action: Action, look: Ref<'static, Value>, loan: Loan) {
        let answer = Answer::Look(look.id, look.has_changed());
        self.looks.push((look, loan));
        self.note(action, answer);
    }

    #[expect(clippy::mem_forget, reason = "that is one of the operations")]
    fn end_look(&mut self, at: usize, forget: bool) {
        let (look, _loan) = self.looks.remove(at);
        let value = look.id;
        if forget {
            self.leaked = true;
            std::mem::forget(look);
        } else {
            drop(look);
        }
        self.note(Action::EndLook { value, kept: forget }, Answer::Done);
    }

    fn step_sender(&mut self, op: Op, at: usize) {
        // SAFETY: what borrows the sender below is kept beside the loan, and goes first.
        let (sender, loan) = unsafe { self.senders[at].lend() };
        match op {
            Op::CloneSender(_) => {
                self.senders.push(Handle::new(sender.clone()));
                self.note(Action::CloneSender, Answer::Done);
            }
            Op::Send(_) => {
                let value = self.values.value();
                let id = value.id;
                let refused = sender.send(value).map_err(|error| error.0.id);
                assert!(refused.is_ok() || refused == Err(id), "another value came back");
                let answer = if refused.is_ok() { Answer::Done } else { Answer::Refused };
                self.note(Action::Send(id), answer);
            }
            Op::Publish(_) => {
                let value = self.values.value();
                self.note(Action::Publish(value.id), Answer::Done);
                sender.publish(value);
            }
            Op::SendIfDifferent(_, is_different) => {
                let new = self.values.value();
                let value = if is_different { new } else { sender.borrow().clone() };
                let (id, is_sent) = (value.id, sender.send_if_different(value));
                let answer = if is_sent { Answer::Done } else { Answer::Refused };
                self.note(Action::SendIfDifferent(id), answer);
            }
            Op::Subscribe(_) => self.join(sender.subscribe()),
            Op::BorrowBySender(_) => self.keep_look(Action::BorrowBySender, sender.borrow(), loan),
            Op::StartClosed(_) => {
                let closed = Box::pin(async move {
                    sender.closed().await;
                    Out::Answer(Answer::Done)
                });
                self.futures.start(Kind::Closed, closed, Some(loan));
            }
            Op::DropSender(_) => {
                drop(loan);
                self.drop_sender(at);
            }
            _ if self.checker.model().is_unseen() => self.step_exclusive_sender(op, sender),
            _ => {}
        }
    }

    /// What waits until nobody looks at the value; nobody does.
    fn step_exclusive_sender(&mut self, op: Op, sender: &Sender<Value>) {
        let value = self.values.value();
        let id = value.id;
        match op {
            Op::SendReplace(_) => {
                let old = sender.send_replace(value).id;
                self.note(Action::SendReplace(id), Answer::Got(old));
            }
            Op::SendIfModified(_, is_told) => {
                let answer = sender.send_if_modified(|place| {
                    *place = value;
                    is_told
                });
                assert_eq!(answer, is_told);
                self.note(Action::Modify(id, is_told), Answer::Done);
            }
            _ => {
                sender.send_modify(|place| *place = value);
                self.note(Action::Modify(id, true), Answer::Done);
            }
        }
    }

    /// What takes `&self`.
    fn step_shared_receiver(&mut self, op: Op, at: usize) {
        let from = self.receivers[at].0;
        if self.receivers[at].1.peek().is_none() {
            return;
        }
        // SAFETY: what borrows the receiver below is kept beside the loan, and goes first.
        let (receiver, loan) = unsafe { self.receivers[at].1.lend() };
        if let Op::Borrow(_) = op {
            return self.keep_look(Action::Borrow(from), receiver.borrow(), loan);
        }
        let to = self.futures.key();
        self.receivers.push((to, Handle::new(receiver.clone())));
        self.note(Action::CloneReceiver { from, to }, Answer::Done);
    }

    /// What takes `&mut self`, of a receiver that nothing borrows.
    fn step_receiver(&mut self, op: Op, at: usize) {
        let (receiver, handle) = &mut self.receivers[at];
        let receiver = *receiver;
        match op {
            Op::MarkChanged(_) => {
                handle.with_mut(Receiver::mark_changed);
                return self.note(Action::MarkChanged(receiver), Answer::Done);
            }
            Op::MarkUnchanged(_) => {
                handle.with_mut(Receiver::mark_unchanged);
                return self.note(Action::MarkUnchanged(receiver), Answer::Done);
            }
            Op::StartNext(_) | Op::StartNextChange(_) => {
                let changes = matches!(op, Op::StartNextChange(_));
                let handle = self.receivers.remove(at).1.take();
                let next = answer_of(next_of(handle, changes));
                self.futures.start(Kind::Next { receiver, changes }, next, None);
                return;
            }
            Op::StartThrottled(_) => {
                let next = answer_of(throttled_change(self.receivers.remove(at).1.take()));
                self.futures.start(Kind::Next { receiver, changes: true }, next, None);
                return;
            }
            Op::StartMapChanged(_) => {
                let change = answer_of(change_of_half(self.receivers.remove(at).1.take()));
                self.futures.start(Kind::MapChanged { receiver }, change, None);
                return;
            }
            Op::DropReceiver(_) => {
                drop(self.receivers.remove(at));
                return self.note(Action::DropReceiver(receiver), Answer::Done);
            }
            _ => {}
        }
        // SAFETY: what borrows the receiver below is kept beside the loan, and goes first.
        let (handle, loan) = unsafe { handle.lend_mut() };
        if let Op::BorrowAndUpdate(_) = op {
            let look = handle.borrow_and_update();
            return self.keep_look(Action::BorrowAndUpdate(receiver), look, loan);
        }
        if let Op::StartWaitFor(_, rest) = op {
            let rest = usize::from(rest) % 3;
            let wait = Box::pin(async move {
                let look = handle.wait_for(|value| value.id % 3 == rest).await;
                look.map_or(Out::Answer(Answer::Closed), Out::Look)
            });
            self.futures.start(Kind::WaitFor { receiver, rest }, wait, Some(loan));
            return;
        }
        if let Op::StartRecv(_) = op {
            let recv = Box::pin(async move {
                handle.recv().await.map_or(Out::Answer(Answer::Closed), Out::Look)
            });
            self.futures.start(Kind::Recv { receiver }, recv, Some(loan));
            return;
        }
        let changed = Box::pin(async move {
            let changed = handle.changed().await;
            Out::Answer(changed.map_or(Answer::Closed, |()| Answer::Done))
        });
        self.futures.start(Kind::Changed { receiver }, changed, Some(loan));
    }

    fn step_future(&mut self, op: Op, at: usize) {
        let (key, kind) = self.futures.describe(at);
        match op {
            Op::Forget(_) => {
                self.leaked |= matches!(kind, Kind::Next { .. } | Kind::MapChanged { .. });
                self.futures.forget(at);
            }
            Op::Cancel(_) => {
                self.futures.cancel(at);
                self.note(Action::Cancel { key }, Answer::Done);
                self.drop_owned(kind);
            }
            _ => self.poll(at, matches!(op, Op::PollElsewhere(_))),
        }
        assert_eq!(self.futures.wakers_left(), 0, "a waker outlives its {kind:?}");
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let action = match kind {
            Kind::Changed { receiver } => Action::PollChanged { key, receiver },
            Kind::Recv { receiver } => Action::PollRecv { key, receiver },
            Kind::MapChanged { receiver } => Action::PollMapChanged { key, receiver },
            Kind::WaitFor { receiver, rest } => Action::PollWaitFor { key, receiver, rest },
            Kind::Next { receiver, changes } => Action::PollNext { key, receiver, changes },
            Kind::Closed => Action::PollClosed { key },
        };
        match self.futures.poll(at, elsewhere) {
            Poll::Pending => self.note(action, Answer::Pending),
            Poll::Ready((Out::Answer(answer), _loan)) => {
                self.note(action, answer);
                self.drop_owned(kind);
            }
            Poll::Ready((Out::Look(look), loan)) => {
                self.keep_look(action, look, loan.expect("a look borrows the receiver"));
            }
        }
    }

    fn poll_woken(&mut self) -> usize {
        let woken = self.futures.woken();
        for &key in &woken {
            if let Some(at) = self.futures.position(key) {
                self.poll(at, false);
                self.look();
            }
        }
        woken.len()
    }

    fn drop_owned(&mut self, kind: Kind) {
        if let Kind::Next { receiver, .. } | Kind::MapChanged { receiver } = kind {
            self.note(Action::DropReceiver(receiver), Answer::Done);
        }
    }

    fn drop_sender(&mut self, at: usize) -> bool {
        let is_free = self.senders.get(at).is_some_and(Handle::is_free);
        if is_free {
            drop(self.senders.remove(at));
            self.note(Action::DropSender, Answer::Done);
        }
        is_free
    }

    /// Compares what can be seen of the channel.
    fn look(&mut self) {
        let mut view = View::default();
        // Without handles there is no channel, and no value.
        if !self.senders.is_empty() || !self.receivers.is_empty() {
            view.note("messages", 0, self.values.alive());
        }
        for sender in self.senders.iter().filter_map(Handle::peek) {
            view.note("senders", 0, sender.sender_count());
            view.note("receivers", 0, sender.receiver_count());
            assert_eq!(sender.is_closed(), sender.receiver_count() == 0);
            assert!(self.senders[0].peek().is_some_and(|first| first.same_channel(sender)));
        }
        for (key, receiver) in &self.receivers {
            let Some(receiver) = receiver.peek() else { continue };
            view.note("closed", 0, receiver.is_closed().into());
            let changed = receiver.has_changed();
            assert_eq!(changed.is_err(), receiver.is_closed());
            let changed = changed.unwrap_or_else(|_| receiver.borrow().has_changed());
            view.note("changed", *key, changed.into());
            assert!(receiver.same_channel(receiver));
        }
        self.futures.show(&mut view);
        self.checker.look(view);
    }

    /// Lets the futures that are left run as far as they get, and takes everything apart.
    fn finish(mut self) -> Stats {
        let most = self.checker.steps() + self.futures.woken().len();
        for _ in 0..=most {
            if self.poll_woken() == 0 {
                break;
            }
        }
        assert_eq!(self.futures.woken(), [], "somebody wakes itself for ever");
        while let Some(at) = self.futures.pick(0) {
            self.step_future(Op::Cancel(0), at);
            self.look();
        }
        while !self.looks.is_empty() {
            self.end_look(0, false);
            self.look();
        }
        while self.drop_sender(0) {
            self.look();
        }
        while !self.receivers.is_empty() {
            self.step_receiver(Op::DropReceiver(0), 0);
            self.look();
        }
        assert!(self.leaked || self.values.alive() == 0, "values outlive their channel");
        Stats { steps: self.checker.steps() }
    }
}
