//! Does the same to a weighted channel and to its model, and compares.

use std::task::Poll;

use levada::mpsc;
use levada::mpsc::weighted::error::TryRecvError;
use levada::mpsc::weighted::{self, Oversize, Permit, Receiver, Sender, WeakSender};
use support::Ledger;

use super::calls::{Parcel, next_of, received, sent, tried, unless_exchanged, weight_of};
use super::model::Weighted;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Tamper, View};
use crate::handle::{Handle, Loan};
use crate::running::{BoxFuture, Futures};
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Send { message: usize, weight: usize },
    Reserve { weight: usize },
    Closed,
    Recv { limit: usize, owns_receiver: bool },
}

/// What a future gives.
enum Out {
    Said(Answer),
    Reserved(Permit<'static, Parcel>),
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run {
    futures: Futures<Kind, Out>,
    permits: Vec<(Permit<'static, Parcel>, Option<Loan>)>,
    senders: Vec<Handle<Sender<Parcel>>>,
    weak: Vec<WeakSender<Parcel>>,
    receiver: Option<Handle<Receiver<Parcel>>>,
    ledger: Ledger,
    checker: Checker<Weighted>,
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
    let weigh = |parcel: &Parcel| parcel.weight;
    let (sender, receiver) = if case.rejects {
        weighted::builder(case.max, weigh).oversize(Oversize::Reject).named("case").build()
    } else {
        mpsc::weighted(case.max, weigh)
    };
    let mut run = Run {
        futures: Futures::default(),
        permits: Vec::new(),
        senders: vec![Handle::new(sender)],
        weak: Vec::new(),
        receiver: Some(Handle::new(receiver)),
        ledger: Ledger::new(case.ops.len()),
        checker: Checker::new(Weighted::new(case.max, case.rejects), tamper),
        leaked: false,
    };
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

impl Run {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneWeak(n) | Op::DropWeak(n) | Op::Upgrade(n) => {
                if let Some(at) = pick(self.weak.len(), n) {
                    self.step_weak(op, at);
                }
            }
            Op::SendPermit(n, _) | Op::DropPermit(n) | Op::ForgetPermit(n) => {
                if let Some(at) = pick(self.permits.len(), n) {
                    self.step_permit(op, at);
                }
            }
            Op::StartRecv
            | Op::StartRecvMany(_)
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
            | Op::TrySend(n, _)
            | Op::BlockingSend(n, _)
            | Op::StartSend(n, _)
            | Op::StartReserve(n, _)
            | Op::TryReserve(n, _)
            | Op::SetMax(n, _)
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

    fn parcel(&self, weight: u8) -> Parcel {
        Parcel { message: self.ledger.message(), weight: weight_of(weight) }
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
            Op::TrySend(_, weight) => {
                let parcel = self.parcel(weight);
                let (message, weight) = (parcel.id(), parcel.weight);
                let refused = sender.try_send(parcel).map_err(tried).err();
                let (answer, back) =
                    refused.map_or((Answer::Done, None), |(answer, parcel)| (answer, Some(parcel)));
                let answer = unless_exchanged((answer, back), message);
                self.note(Action::TrySend { message, weight }, answer);
            }
            Op::BlockingSend(_, weight) => {
                if self.checker.model().answers_sender(weight_of(weight)) {
                    let parcel = self.parcel(weight);
                    let (message, weight) = (parcel.id(), parcel.weight);
                    let answer = unless_exchanged(sent(sender.blocking_send(parcel)), message);
                    self.note(Action::TrySend { message, weight }, answer);
                }
            }
            Op::SetMax(_, max) => {
                let max = 1 + usize::from(max) % 8;
                sender.set_max_weight(max);
                self.note(Action::SetMax(max), Answer::Done);
            }
            Op::DropSender(_) => {
                self.drop_sender(at);
            }
            _ => self.start(op, at),
        }
    }

    /// What borrows a sender.
    fn start(&mut self, op: Op, at: usize) {
        // SAFETY: the future or permit is kept beside the loan, and dropped or forgotten first.
        let (sender, loan) = unsafe { self.senders[at].lend() };
        match op {
            Op::StartSend(_, weight) => {
                let parcel = self.parcel(weight);
                let (message, weight) = (parcel.id(), parcel.weight);
                let send = sender.send(parcel);
                let send: BoxFuture<_> =
                    Box::pin(async move { Out::Said(unless_exchanged(sent(send.await), message)) });
                self.futures.start(Kind::Send { message, weight }, send, Some(loan));
                self.note(Action::StartSend, Answer::Done);
            }
            Op::StartReserve(_, weight) => {
                let weight = weight_of(weight);
                let reserve = sender.reserve_weight(weight);
                let reserve: BoxFuture<_> = Box::pin(async move {
                    match reserve.await {
                        Ok(permit) => Out::Reserved(permit),
                        Err(refused) => Out::Said(sent(Err(refused)).0),
                    }
                });
                self.futures.start(Kind::Reserve { weight }, reserve, Some(loan));
            }
            Op::TryReserve(_, weight) => {
                let weight = weight_of(weight);
                let answer = match sender.try_reserve_weight(weight) {
                    Ok(permit) => {
                        self.permits.push((permit, Some(loan)));
                        Answer::Done
                    }
                    Err(refused) => tried(refused).0,
                };
                self.note(Action::TryReserve(weight), answer);
            }
            _ => {
                let closed = sender.closed();
                let closed: BoxFuture<_> = Box::pin(async move {
                    closed.await;
                    Out::Said(Answer::Done)
                });
                self.futures.start(Kind::Closed, closed, Some(loan));
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

    #[expect(clippy::mem_forget, reason = "that is the operation")]
    fn step_permit(&mut self, op: Op, at: usize) {
        let (permit, _loan) = self.permits.remove(at);
        let reserved = permit.weight();
        match op {
            Op::SendPermit(_, weight) => {
                let parcel = self.parcel(weight);
                let (message, weight) = (parcel.id(), parcel.weight);
                let answer = unless_exchanged(sent(permit.send(parcel)), message);
                self.note(Action::SendPermit { reserved, message, weight }, answer);
            }
            Op::ForgetPermit(_) => std::mem::forget(permit),
            _ => {
                drop(permit);
                self.note(Action::Release(reserved), Answer::Done);
            }
        }
    }

    /// What is done to the receiver while nothing borrows it.
    fn step_receiver(&mut self, op: Op, mut receiver: Handle<Receiver<Parcel>>) {
        match op {
            Op::StartRecv | Op::StartRecvMany(_) => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (handle, loan) = unsafe { receiver.lend_mut() };
                let limit = if let Op::StartRecvMany(limit) = op { limit % 5 } else { 1 }.into();
                let recv: BoxFuture<_> = if op == Op::StartRecv {
                    Box::pin(async move { Out::Said(received(handle.recv().await)) })
                } else {
                    Box::pin(async move {
                        let mut parcels = Vec::new();
                        let count = handle.recv_many(&mut parcels, limit).await;
                        assert_eq!(count, parcels.len());
                        let is_end = parcels.is_empty() && limit > 0;
                        let ids = parcels.iter().map(Parcel::id).collect();
                        Out::Said(if is_end { Answer::Ended } else { Answer::Got(ids) })
                    })
                };
                let kind = Kind::Recv { limit, owns_receiver: false };
                self.futures.start(kind, recv, Some(loan));
            }
            Op::StartNext => {
                let kind = Kind::Recv { limit: 1, owns_receiver: true };
                let next = next_of(receiver.take());
                let next = Box::pin(async move { Out::Said(next.await) });
                self.futures.start(kind, next, None);
                return;
            }
            Op::TryRecv => {
                let answer = match receiver.with_mut(Receiver::try_recv) {
                    Ok(parcel) => Answer::Got(vec![parcel.id()]),
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
                self.note(Action::DropReceiver, Answer::Done);
                return;
            }
        }
        self.receiver = Some(receiver);
    }

    fn step_future(&mut self, op: Op, at: usize) {
        let (key, kind) = self.futures.describe(at);
        match op {
            Op::Forget(_) => {
                self.leaked |= matches!(kind, Kind::Recv { owns_receiver: true, .. });
                self.futures.forget(at);
            }
            Op::Cancel(_) => {
                self.futures.cancel(at);
                self.note(Action::Cancel { key }, Answer::Done);
                if let Kind::Send { .. } = kind {
                    self.note(Action::DropUnsent, Answer::Done);
                }
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
            Kind::Send { message, weight } => Action::PollSend { key, message, weight },
            Kind::Reserve { weight } => Action::PollReserve { key, weight },
            Kind::Closed => Action::PollClosed { key },
            Kind::Recv { limit, .. } => Action::PollRecv { key, limit },
        };
        match self.futures.poll(at, elsewhere) {
            Poll::Pending => self.note(action, Answer::Pending),
            Poll::Ready((Out::Said(answer), _loan)) => {
                self.note(action, answer);
                self.drop_owned(kind);
            }
            Poll::Ready((Out::Reserved(permit), loan)) => {
                self.note(action, Answer::Done);
                self.permits.push((permit, loan));
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
        if let Kind::Recv { owns_receiver: true, .. } = kind {
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
        view.note("messages", 0, self.ledger.alive());
        for sender in self.senders.iter().filter_map(Handle::peek) {
            view.note("senders", 0, sender.strong_count());
            view.note("closed", 0, sender.is_closed().into());
            let len = sender.len();
            view.note("len", 0, len);
            view.note("weight", 0, sender.weight());
            view.note("max", 0, sender.max_weight());
            assert_eq!(sender.is_empty(), len == 0);
            assert!(self.senders[0].peek().is_some_and(|first| first.same_channel(sender)));
        }
        if let Some(receiver) = self.receiver.as_ref().and_then(Handle::peek) {
            view.note("closed to the receiver", 0, receiver.is_closed().into());
            let len = receiver.len();
            view.note("len", 0, len);
            view.note("weight", 0, receiver.weight());
            view.note("max", 0, receiver.max_weight());
            assert_eq!(receiver.is_empty(), len == 0);
        }
        self.futures.show(&mut view);
        self.checker.look(view);
    }

    /// Lets the futures that are left run as far as they get, and takes everything apart.
    fn finish(mut self) -> Stats {
        // A turn that is not taken lasts as many polls, at most, for each that has one.
        for _ in 0..100_000 {
            if self.poll_woken() == 0 {
                break;
            }
        }
        assert_eq!(self.futures.woken(), [], "a future wakes itself for ever");
        while let Some(at) = self.futures.pick(0) {
            self.step_future(Op::Cancel(0), at);
            self.look();
        }
        while !self.permits.is_empty() {
            self.step_permit(Op::DropPermit(0), 0);
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
