//! Does the same to a rendezvous channel and to its model, and compares.

use std::future::{poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::{FusedStream, Stream};
use levada::mpsc;
use levada::mpsc::error::{SendError, SendTimeoutError, TryRecvError};
use levada::mpsc::rendezvous::{self, Receiver, Sender, WeakSender};
use support::{Ledger, Message, now};

use super::model::Rendezvous;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Tamper, View};
use crate::handle::Handle;
use crate::running::{BoxFuture, Futures};
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Send { message: usize },
    Closed,
    Recv { owns_receiver: bool },
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run {
    futures: Futures<Kind, Answer>,
    senders: Vec<Handle<Sender<Message>>>,
    weak: Vec<WeakSender<Message>>,
    receiver: Option<Handle<Receiver<Message>>>,
    ledger: Ledger,
    checker: Checker<Rendezvous>,
    /// A receiver was forgotten.
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
    let (sender, receiver) = if case.is_named {
        rendezvous::builder().named("case").build()
    } else {
        mpsc::rendezvous()
    };
    let mut run = Run {
        futures: Futures::default(),
        senders: vec![Handle::new(sender)],
        weak: Vec::new(),
        receiver: Some(Handle::new(receiver)),
        ledger: Ledger::new(case.ops.len()),
        checker: Checker::new(Rendezvous::new(), tamper),
        leaked: false,
    };
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

fn sent_in_time(result: Result<(), SendTimeoutError<Message>>, id: usize) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(SendTimeoutError::Closed(message)) => sent(Err(SendError(message)), id),
        Err(SendTimeoutError::Timeout(message)) => {
            assert_eq!(message.id(), id);
            Answer::Pending
        }
    }
}

fn sent(result: Result<(), SendError<Message>>, id: usize) -> Answer {
    let Err(SendError(back)) = result else { return Answer::Done };
    assert_eq!(back.id(), id, "another message came back");
    Answer::Closed
}

fn received(message: Option<Message>) -> Answer {
    message.map_or(Answer::Ended, |message| Answer::Got(message.id()))
}

/// The next message of a receiver as a stream.
async fn next_of(receiver: Receiver<Message>) -> Answer {
    let mut stream = pin!(receiver.into_stream());
    assert!(!stream.is_terminated(), "it has not told the end");
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), next.is_none());
    received(next)
}

impl Run {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneWeak(n) | Op::DropWeak(n) | Op::Upgrade(n) => {
                if let Some(at) = pick(self.weak.len(), n) {
                    self.step_weak(op, at);
                }
            }
            Op::StartRecv
            | Op::StartNext
            | Op::TryRecv
            | Op::BlockingRecv
            | Op::Close
            | Op::DropReceiver => {
                if let Some(receiver) = self.receiver.take_if(|receiver| receiver.is_free()) {
                    self.step_receiver(op, receiver);
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
            Op::CloneSender(n)
            | Op::DropSender(n)
            | Op::Downgrade(n)
            | Op::BlockingSend(n)
            | Op::SendInNoTime(n)
            | Op::StartSend(n)
            | Op::StartClosed(n) => {
                if let Some(at) = pick(self.senders.len(), n) {
                    self.step_sender(op, at);
                }
            }
        }
    }

    fn note(&mut self, action: Action, answer: Answer) {
        self.checker.check(&action, answer);
    }

    fn step_sender(&mut self, op: Op, at: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        match op {
            Op::CloneSender(_) => {
                let clone = sender.clone();
                self.senders.push(Handle::new(clone));
                self.note(Action::CloneSender, Answer::Done);
            }
            Op::Downgrade(_) => self.weak.push(sender.downgrade()),
            Op::BlockingSend(_) => {
                if self.checker.model().answers_sender() {
                    let message = self.ledger.message();
                    let id = message.id();
                    let answer = sent(sender.blocking_send(message), id);
                    self.note(Action::Send, answer);
                }
            }
            Op::SendInNoTime(n) => {
                let message = self.ledger.message();
                let id = message.id();
                let sent = match n % 3 {
                    0 => now(sender.send_until(message, ready(()))),
                    1 => sender.blocking_send_timeout(message, Duration::ZERO),
                    _ => sender.blocking_send_deadline(message, Instant::now()),
                };
                let answer = sent_in_time(sent, id);
                self.note(Action::Send, answer);
            }
            Op::DropSender(_) => {
                self.drop_sender(at);
            }
            _ => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (sender, loan) = unsafe { self.senders[at].lend() };
                if let Op::StartClosed(_) = op {
                    let closed = sender.closed();
                    let closed = Box::pin(async move {
                        closed.await;
                        Answer::Done
                    });
                    return self.futures.start(Kind::Closed, closed, Some(loan));
                }
                let message = self.ledger.message();
                let (id, send) = (message.id(), sender.send(message));
                let send: BoxFuture<_> = Box::pin(async move { sent(send.await, id) });
                self.futures.start(Kind::Send { message: id }, send, Some(loan));
                self.note(Action::StartSend, Answer::Done);
            }
        }
    }

    fn step_weak(&mut self, op: Op, at: usize) {
        match op {
            Op::CloneWeak(_) => self.weak.push(self.weak[at].clone()),
            Op::Upgrade(_) => {
                let sender = self.weak[at].upgrade();
                self.note(Action::Upgrade, Answer::Upgraded(sender.is_some()));
                self.senders.extend(sender.map(Handle::new));
            }
            _ => drop(self.weak.remove(at)),
        }
    }

    /// What is done to the receiver while nothing borrows it.
    fn step_receiver(&mut self, op: Op, mut receiver: Handle<Receiver<Message>>) {
        match op {
            Op::StartRecv => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (handle, loan) = unsafe { receiver.lend_mut() };
                let recv = Box::pin(async move { received(handle.recv().await) });
                self.futures.start(Kind::Recv { owns_receiver: false }, recv, Some(loan));
            }
            Op::StartNext => {
                let next = Box::pin(next_of(receiver.take()));
                return self.futures.start(Kind::Recv { owns_receiver: true }, next, None);
            }
            Op::TryRecv => {
                let answer = match receiver.with_mut(Receiver::try_recv) {
                    Ok(message) => Answer::Got(message.id()),
                    Err(TryRecvError::Empty) => Answer::Empty,
                    Err(TryRecvError::Disconnected) => Answer::Ended,
                };
                self.note(Action::TryRecv, answer);
            }
            Op::BlockingRecv => {
                if self.checker.model().answers_receiver() {
                    let answer = received(receiver.with_mut(Receiver::blocking_recv));
                    self.note(Action::TryRecv, answer);
                }
            }
            Op::Close => {
                receiver.with_mut(Receiver::close);
                self.note(Action::Close, Answer::Done);
            }
            _ => {
                drop(receiver);
                return self.note(Action::DropReceiver, Answer::Done);
            }
        }
        self.receiver = Some(receiver);
    }

    fn step_future(&mut self, op: Op, at: usize) {
        let (key, kind) = self.futures.describe(at);
        match op {
            Op::Forget(_) => {
                self.leaked |= matches!(kind, Kind::Recv { owns_receiver: true });
                self.futures.forget(at);
            }
            Op::Cancel(_) => {
                self.futures.cancel(at);
                let action = match kind {
                    Kind::Send { .. } => Action::CancelSend { key },
                    _ => Action::Cancel { key },
                };
                self.note(action, Answer::Done);
                self.drop_owned(kind);
            }
            _ => self.poll(at, matches!(op, Op::PollElsewhere(_))),
        }
        // The receiver keeps the waker of a receive that has waited.
        assert!(self.futures.wakers_left() <= 1, "a waker outlives its {kind:?}");
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let action = match kind {
            Kind::Send { message } => Action::PollSend { key, message },
            Kind::Closed => Action::PollClosed { key },
            Kind::Recv { .. } => Action::PollRecv { key },
        };
        match self.futures.poll(at, elsewhere) {
            Poll::Pending => self.note(action, Answer::Pending),
            Poll::Ready((answer, _loan)) => {
                self.note(action, answer);
                self.drop_owned(kind);
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
        if let Kind::Recv { owns_receiver: true } = kind {
            self.note(Action::DropReceiver, Answer::Done);
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
        for sender in self.senders.iter().filter_map(Handle::peek) {
            view.note("messages", 0, self.ledger.alive());
            view.note("senders", 0, sender.strong_count());
            view.note("closed", 0, sender.is_closed().into());
            assert!(self.senders[0].peek().is_some_and(|first| first.same_channel(sender)));
        }
        if let Some(receiver) = self.receiver.as_ref().and_then(Handle::peek) {
            // Messages of sends that were forgotten go with the channel.
            view.note("messages", 0, self.ledger.alive());
            view.note("closed to the receiver", 0, receiver.is_closed().into());
            let len = receiver.len();
            view.note("len", 0, len);
            assert_eq!(receiver.is_empty(), len == 0);
        }
        self.futures.show(&mut view);
        self.checker.look(view);
    }

    /// Lets the futures that are left run as far as they get, and takes everything apart.
    fn finish(mut self) -> Stats {
        while self.poll_woken() > 0 {}
        while let Some(at) = self.futures.pick(0) {
            self.step_future(Op::Cancel(0), at);
            self.look();
        }
        while self.drop_sender(0) {
            self.look();
        }
        if let Some(receiver) = self.receiver.take() {
            self.step_receiver(Op::DropReceiver, receiver);
            self.look();
        }
        self.weak.clear();
        if !self.leaked {
            assert_eq!(self.futures.wakers_left(), 0, "wakers outlive their channel");
        }
        Stats { steps: self.checker.steps() }
    }
}
