//! Does the same to a channel of lanes and to its model, and compares.

use std::task::Poll;

use support::{Ledger, Message};

use super::family::{Family, Received};
use super::model::Lanes;
use super::{Action, Answer, Case, LANES, Op};
use crate::check::{Checker, Tamper, View};
use crate::handle::{Handle, Loan};
use crate::queue::Action as In;
use crate::running::Futures;
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Send { lane: usize, message: usize },
    Recv { owns_receiver: bool },
}

/// What a future gives.
enum Out {
    Sent(Result<(), Message>),
    Received(Option<Received>),
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run<F: Family> {
    futures: Futures<Kind, Out>,
    senders: Vec<Handle<F::Sender>>,
    /// Senders of one lane.
    lanes: Vec<(usize, Handle<F::Lane>)>,
    receivers: Vec<Handle<F::Receiver>>,
    ledger: Ledger,
    /// The lane of each message.
    lane_of: Vec<usize>,
    checker: Checker<Lanes>,
    /// A receiver was forgotten.
    leaked: bool,
}

/// Runs a case.
///
/// # Panics
/// If the channel does what its model does not allow.
pub fn run<F: Family>(case: &Case) -> Stats {
    run_tampered::<F>(case, Tamper::default())
}

/// Runs a case with a fault between the channel and its model.
///
/// # Panics
/// If the fault is found.
pub fn run_tampered<F: Family>(case: &Case, tamper: Tamper<Answer>) -> Stats {
    let (sender, receiver) = F::channel(case.capacities, case.serve);
    let mut run = Run::<F> {
        futures: Futures::default(),
        senders: vec![Handle::new(sender)],
        lanes: Vec::new(),
        receivers: vec![Handle::new(receiver)],
        ledger: Ledger::new(case.ops.len()),
        lane_of: Vec::new(),
        checker: Checker::new(Lanes::new(case.capacities, F::MANY, case.serve), tamper),
        leaked: false,
    };
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

impl<F: Family> Run<F> {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneSender(n) | Op::DropSender(n) | Op::CloneLane(n, _) | Op::Split(n) => {
                if let Some(at) = pick(self.senders.len(), n) {
                    self.step_sender(op, at);
                }
            }
            Op::DropLane(n) => {
                if let Some(at) = pick(self.lanes.len(), n) {
                    self.drop_lane(at);
                }
            }
            Op::TrySend(n, lane) | Op::StartSend(n, lane) => {
                if let Some((lane, sender, loan)) = self.lend(n, usize::from(lane) % LANES) {
                    self.send(op, lane, sender, loan);
                }
            }
            Op::StartRecv(n, _) | Op::CloneReceiver(n) => {
                if let Some(at) = pick(self.receivers.len(), n)
                    && (F::MANY || self.receivers[at].is_free())
                {
                    self.share_receiver(op, at);
                }
            }
            Op::StartNext(n)
            | Op::TryRecv(n, _)
            | Op::BlockingRecv(n)
            | Op::DropReceiver(n)
            | Op::Close(n) => {
                if let Some(at) = pick(self.receivers.len(), n)
                    && self.receivers[at].is_free()
                {
                    self.step_receiver(op, at);
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
        }
    }

    fn note(&mut self, action: Action, answer: Answer) {
        self.checker.check(&action, answer);
    }

    /// Lends the sender of a lane: that of this lane of a sender of all, or one of its own.
    fn lend(&self, n: u8, lane: usize) -> Option<(usize, &'static F::Lane, Loan)> {
        let at = pick(self.senders.len() + self.lanes.len(), n)?;
        if let Some((lane, handle)) = at.checked_sub(self.senders.len()).map(|at| &self.lanes[at]) {
            // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
            let (sender, loan) = unsafe { handle.lend() };
            return Some((*lane, sender, loan));
        }
        // SAFETY: as above.
        let (sender, loan) = unsafe { self.senders[at].lend() };
        Some((lane, F::lane(sender, lane), loan))
    }

    fn step_sender(&mut self, op: Op, at: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        match op {
            Op::CloneSender(_) => {
                let clone = sender.clone();
                self.senders.push(Handle::new(clone));
                self.note(Action::InAll(In::CloneSender), Answer::Done);
            }
            Op::CloneLane(_, lane) => {
                let lane = usize::from(lane) % LANES;
                let clone = F::lane(sender, lane).clone();
                self.lanes.push((lane, Handle::new(clone)));
                self.note(Action::In(lane, In::CloneSender), Answer::Done);
            }
            Op::Split(_) if self.senders[at].is_free() => {
                let lanes = F::into_lanes(self.senders.remove(at).take());
                self.lanes.extend(lanes.map(Handle::new).into_iter().enumerate());
            }
            Op::Split(_) => {}
            _ => {
                self.drop_sender(at);
            }
        }
    }

    fn send(&mut self, op: Op, lane: usize, sender: &'static F::Lane, loan: Loan) {
        let message = self.ledger.message();
        let id = message.id();
        self.lane_of.push(lane);
        if let Op::StartSend(..) = op {
            let send = F::send(sender, message);
            let send = Box::pin(async move { Out::Sent(send.await) });
            self.futures.start(Kind::Send { lane, message: id }, send, Some(loan));
            return self.note(Action::In(lane, In::StartSend), Answer::Done);
        }
        let answer = match F::try_send(sender, message) {
            Ok(()) => Answer::Done,
            Err((is_full, back)) => {
                assert_eq!(back.id(), id, "another message came back");
                if is_full { Answer::Full } else { Answer::Closed }
            }
        };
        self.note(Action::In(lane, In::TrySend(id)), answer);
    }

    /// What is done to a receiver that others may borrow, too.
    fn share_receiver(&mut self, op: Op, at: usize) {
        if let Op::StartRecv(_, with_lane) = op {
            let (recv, loan) = F::recv(&self.receivers[at], with_lane);
            let recv = Box::pin(async move { Out::Received(recv.await) });
            let kind = Kind::Recv { owns_receiver: false };
            return self.futures.start_with(kind, recv, Some(loan), LANES);
        }
        if let Some(clone) = self.receivers[at].peek().and_then(F::clone_receiver) {
            self.receivers.push(Handle::new(clone));
            self.note(Action::InAll(In::CloneReceiver), Answer::Done);
        }
    }

    /// What is done to a receiver while nothing borrows it.
    fn step_receiver(&mut self, op: Op, at: usize) {
        match op {
            Op::StartNext(_) => {
                let next = F::next(self.receivers.remove(at).take());
                let next = Box::pin(async move { Out::Received(next.await) });
                self.futures.start_with(Kind::Recv { owns_receiver: true }, next, None, LANES);
            }
            Op::TryRecv(_, with_lane) => {
                let answer = match self.receivers[at].with_mut(|it| F::try_recv(it, with_lane)) {
                    Ok(received) => self.got(Some(received)),
                    Err(true) => Answer::Ended,
                    Err(false) => Answer::Empty,
                };
                self.note(Action::TryRecv, answer);
            }
            Op::BlockingRecv(_) => {
                if self.checker.model().answers_receivers() {
                    let received = self.receivers[at].with_mut(F::blocking_recv);
                    let answer = self.got(received.map(|message| (None, message)));
                    self.note(Action::TryRecv, answer);
                }
            }
            Op::Close(_) => {
                self.receivers[at].with_mut(F::close);
                self.note(Action::InAll(In::Close), Answer::Done);
            }
            _ => {
                drop(self.receivers.remove(at));
                self.note(Action::InAll(In::DropReceiver), Answer::Done);
            }
        }
    }

    /// What a receive gives; the lane that it says is that of the message.
    fn got(&self, received: Option<Received>) -> Answer {
        let Some((lane, message)) = received else { return Answer::Ended };
        assert!(lane.is_none_or(|lane| lane == self.lane_of[message.id()]), "not of lane {lane:?}");
        Answer::Got(vec![message.id()])
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
                match kind {
                    Kind::Send { lane, .. } => {
                        self.note(Action::In(lane, In::Cancel { key }), Answer::Done);
                        self.note(Action::In(lane, In::DropUnsent), Answer::Done);
                    }
                    Kind::Recv { .. } => {
                        self.note(Action::InAll(In::Cancel { key }), Answer::Done);
                    }
                }
                self.drop_owned(kind);
            }
            _ => self.poll(at, matches!(op, Op::PollElsewhere(_))),
        }
        // The receiver of mpsc keeps the waker of a receive that has waited.
        let left = usize::from(!F::MANY);
        assert!(self.futures.wakers_left() <= left, "a waker outlives its {kind:?}");
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let action = match kind {
            Kind::Send { lane, message } => Action::In(lane, In::PollSend { key, message }),
            Kind::Recv { .. } => Action::PollRecv { key },
        };
        let answer = match self.futures.poll(at, elsewhere) {
            Poll::Pending => return self.note(action, Answer::Pending),
            Poll::Ready((Out::Sent(Ok(())), _loan)) => Answer::Done,
            Poll::Ready((Out::Sent(Err(back)), _loan)) => {
                let is_own = matches!(kind, Kind::Send { message, .. } if message == back.id());
                assert!(is_own, "another message came back");
                Answer::Closed
            }
            Poll::Ready((Out::Received(received), _loan)) => self.got(received),
        };
        self.note(action, answer);
        self.drop_owned(kind);
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
            self.note(Action::InAll(In::DropReceiver), Answer::Done);
        }
    }

    fn drop_sender(&mut self, at: usize) -> bool {
        let is_free = self.senders.get(at).is_some_and(Handle::is_free);
        if is_free {
            drop(self.senders.remove(at));
            self.note(Action::InAll(In::DropSender), Answer::Done);
        }
        is_free
    }

    fn drop_lane(&mut self, at: usize) -> bool {
        let is_free = self.lanes.get(at).is_some_and(|(_, handle)| handle.is_free());
        if is_free {
            let (lane, handle) = self.lanes.remove(at);
            drop(handle);
            self.note(Action::In(lane, In::DropSender), Answer::Done);
        }
        is_free
    }

    /// Compares what can be seen of the channel.
    fn look(&mut self) {
        let mut view = View::default();
        view.note("messages", 0, self.ledger.alive());
        let of_all = self.senders.iter().filter_map(Handle::peek);
        for sender in of_all.clone() {
            let is_closed = (0..LANES).all(|lane| F::facts(F::lane(sender, lane)).1);
            assert_eq!(F::is_closed(sender), is_closed);
        }
        let of_all = of_all.flat_map(|all| (0..LANES).map(|lane| (lane, F::lane(all, lane))));
        let of_one = self.lanes.iter().filter_map(|(lane, handle)| Some((*lane, handle.peek()?)));
        for (lane, sender) in of_all.chain(of_one) {
            let (senders, is_closed, len, capacity) = F::facts(sender);
            view.note("senders", lane, senders);
            view.note("closed", lane, is_closed.into());
            view.note("len", lane, len);
            view.note("capacity", lane, capacity);
        }
        for receiver in self.receivers.iter().filter_map(Handle::peek) {
            let (len, is_empty, lanes) = F::lens(receiver);
            assert_eq!((len, is_empty), (lanes.iter().sum(), len == 0));
            lanes.into_iter().enumerate().for_each(|(lane, len)| view.note("len", lane, len));
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
        while self.drop_sender(0) || self.drop_lane(0) {
            self.look();
        }
        while !self.receivers.is_empty() {
            self.step_receiver(Op::DropReceiver(0), 0);
            self.look();
        }
        if !self.leaked {
            assert_eq!(self.futures.wakers_left(), 0, "wakers outlive their channel");
        }
        Stats { steps: self.checker.steps() }
    }
}
