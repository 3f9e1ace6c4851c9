//! Does the same to a oneshot channel and to its model, and compares.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_core::FusedFuture;
use levada::oneshot::error::TryRecvError;
use levada::oneshot::{Receiver, Sender, channel};
use support::{Ledger, Message};

use super::model::Oneshot;
use super::{Action, Answer, Case, Op};
use crate::Stats;
use crate::check::{Checker, Tamper, View};
use crate::handle::Handle;
use crate::running::Futures;

/// What a future waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Recv,
    Closed,
}

/// A channel. What borrows comes first, so that it is dropped first.
struct Run {
    futures: Futures<Kind, Answer>,
    sender: Option<Handle<Sender<Message>>>,
    receiver: Option<Handle<Receiver<Message>>>,
    ledger: Ledger,
    checker: Checker<Oneshot>,
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
    let mut run = Run {
        futures: Futures::default(),
        sender: None,
        receiver: None,
        ledger: Ledger::new(case.ops.len()),
        checker: Checker::new(Oneshot::default(), tamper),
    };
    for &op in &case.ops {
        if run.sender.is_none() && run.receiver.is_none() {
            run.open();
        }
        run.step(op);
        run.look();
    }
    run.finish()
}

fn got<E>(received: &Result<Message, E>) -> Answer {
    received.as_ref().map_or(Answer::Closed, |message| Answer::Got(message.id()))
}

impl Run {
    fn open(&mut self) {
        assert_eq!(self.futures.wakers_left(), 0, "wakers outlive their channel");
        let (sender, receiver) = channel();
        self.sender = Some(Handle::new(sender));
        self.receiver = Some(Handle::new(receiver));
        self.note(Action::Open, Answer::Done);
    }

    fn note(&mut self, action: Action, answer: Answer) {
        self.checker.check(&action, answer);
    }

    fn step(&mut self, op: Op) {
        let sender_is_free = self.sender.as_ref().is_some_and(Handle::is_free);
        let receiver_is_free = self.receiver.as_ref().is_some_and(Handle::is_free);
        match op {
            Op::Poll(n) | Op::PollElsewhere(n) | Op::Cancel(n) | Op::Forget(n) => {
                if let Some(at) = self.futures.pick(n) {
                    self.step_future(op, at);
                }
            }
            Op::PollWoken => {
                self.poll_woken();
            }
            Op::Send | Op::DropSender | Op::StartClosed | Op::StartPollClosed if sender_is_free => {
                self.step_sender(op);
            }
            Op::Close | Op::TryRecv | Op::BlockingRecv | Op::DropReceiver | Op::StartRecv
                if receiver_is_free =>
            {
                self.step_receiver(op);
            }
            _ => {}
        }
    }

    /// What is done to a sender that nothing borrows.
    fn step_sender(&mut self, op: Op) {
        let Some(sender) = self.sender.take() else { return };
        match op {
            Op::Send => {
                let message = self.ledger.message();
                let id = message.id();
                let back = sender.take().send(message).map_err(|message| message.id());
                assert!(back.is_ok() || back == Err(id), "another message came back");
                let answer = if back.is_ok() { Answer::Done } else { Answer::Refused };
                return self.note(Action::Send(id), answer);
            }
            Op::DropSender => {
                drop(sender);
                return self.note(Action::DropSender, Answer::Done);
            }
            _ => {}
        }
        // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
        let (borrowed, loan) = unsafe { sender.lend_mut() };
        self.sender = Some(sender);
        if op == Op::StartClosed {
            let closed = Box::pin(async move {
                borrowed.closed().await;
                Answer::Done
            });
            self.futures.start(Kind::Closed, closed, Some(loan));
        } else {
            let closed = Box::pin(async move {
                poll_fn(|cx| borrowed.poll_closed(cx)).await;
                Answer::Done
            });
            self.futures.start(Kind::Closed, closed, Some(loan));
        }
    }

    /// What is done to a receiver that nothing borrows.
    fn step_receiver(&mut self, op: Op) {
        let Some(mut receiver) = self.receiver.take() else { return };
        let model = self.checker.model();
        match op {
            Op::BlockingRecv if model.answers() => {
                let received = receiver.take().blocking_recv();
                let answer = got(&received);
                drop(received);
                self.note(Action::TryRecv, answer);
                return self.note(Action::DropReceiver, Answer::Done);
            }
            Op::DropReceiver => {
                drop(receiver);
                return self.note(Action::DropReceiver, Answer::Done);
            }
            Op::Close => {
                receiver.with_mut(Receiver::close);
                self.note(Action::Close, Answer::Done);
            }
            Op::TryRecv => {
                let received = receiver.with_mut(Receiver::try_recv);
                let is_empty = matches!(received, Err(TryRecvError::Empty));
                let answer = if is_empty { Answer::Empty } else { got(&received) };
                drop(received);
                self.note(Action::TryRecv, answer);
            }
            Op::StartRecv if !model.has_told() => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (borrowed, loan) = unsafe { receiver.lend_mut() };
                let recv = poll_fn(move |cx| Pin::new(&mut *borrowed).poll(cx));
                let recv = Box::pin(async move { got(&recv.await) });
                self.futures.start(Kind::Recv, recv, Some(loan));
            }
            _ => {}
        }
        self.receiver = Some(receiver);
    }

    fn step_future(&mut self, op: Op, at: usize) {
        match op {
            Op::Forget(_) => self.futures.forget(at),
            // What it has stored stays: the next poll takes its place.
            Op::Cancel(_) => self.futures.cancel(at),
            _ => self.poll(at, matches!(op, Op::PollElsewhere(_))),
        }
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let action = match kind {
            Kind::Recv => Action::PollRecv { key },
            Kind::Closed => Action::PollClosed { key },
        };
        let answer = match self.futures.poll(at, elsewhere) {
            Poll::Pending => Answer::Pending,
            Poll::Ready((answer, _loan)) => answer,
        };
        self.note(action, answer);
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

    /// Compares what can be seen of the channel.
    fn look(&mut self) {
        let mut view = View::default();
        view.note("messages", 0, self.ledger.alive());
        if let Some(sender) = self.sender.as_ref().and_then(Handle::peek) {
            view.note("closed", 0, sender.is_closed().into());
        }
        if let Some(receiver) = self.receiver.as_ref().and_then(Handle::peek) {
            view.note("empty", 0, receiver.is_empty().into());
            view.note("terminated", 0, receiver.is_terminated().into());
            assert_eq!(receiver.is_terminated(), FusedFuture::is_terminated(receiver));
        }
        self.futures.show(&mut view);
        self.checker.look(view);
    }

    /// Lets the futures that are left run as far as they get, and takes everything apart.
    fn finish(mut self) -> Stats {
        // There are two ends, so at most two that wait, and each goes on once.
        let rounds = (0..3).take_while(|_| self.poll_woken() > 0).count();
        assert!(rounds < 3, "somebody wakes itself for ever");
        while let Some(at) = self.futures.pick(0) {
            self.futures.cancel(at);
        }
        if self.sender.is_some() {
            self.step_sender(Op::DropSender);
            self.look();
        }
        if self.receiver.is_some() {
            self.step_receiver(Op::DropReceiver);
            self.look();
        }
        assert_eq!(self.futures.wakers_left(), 0, "wakers outlive their channel");
        self.ledger.settle();
        Stats { steps: self.checker.steps() }
    }
}
