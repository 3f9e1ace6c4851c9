//! Does the same to a lossless broadcast channel and to its model, and compares.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use levada::broadcast::lossless::error::{RecvError, SendError, TryRecvError, TrySendError};
use levada::broadcast::lossless::{Receiver, Sender};
use levada::broadcast::{self, lossless};

use super::model::Lossless;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Key, Tamper, View};
use crate::handle::Handle;
use crate::running::{BoxFuture, Futures};
use crate::value::{Value, Values};
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Send { message: usize },
    Recv { receiver: Key, owns_receiver: bool },
    Closed,
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run {
    futures: Futures<Kind, Answer>,
    senders: Vec<Handle<Sender<Value>>>,
    receivers: Vec<(Key, Handle<Receiver<Value>>)>,
    values: Values,
    checker: Checker<Lossless>,
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
    let (sender, receiver) = if case.capacity.is_multiple_of(2) {
        broadcast::lossless(case.capacity)
    } else {
        lossless::builder(case.capacity).named("case").build()
    };
    let mut run = Run {
        futures: Futures::default(),
        senders: vec![Handle::new(sender)],
        receivers: Vec::new(),
        values: Values::default(),
        checker: Checker::new(Lossless::new(case.capacity), tamper),
        leaked: false,
    };
    run.join(Some(receiver));
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

fn got(received: Result<Value, RecvError>) -> Answer {
    match received {
        Ok(value) => Answer::Got(value.id),
        Err(RecvError::Lagged(missed)) => Answer::Lagged(missed),
        Err(RecvError::Closed) => Answer::Closed,
        Err(RecvError::Evicted) => Answer::Evicted,
    }
}

fn sent(id: usize, result: Result<usize, SendError<Value>>) -> Answer {
    match result {
        Ok(receivers) => Answer::Sent(receivers),
        Err(error) => {
            assert_eq!(error.0.id, id, "another message came back");
            Answer::Refused
        }
    }
}

/// The next item of a receiver as a stream.
async fn next_of(receiver: Receiver<Value>) -> Answer {
    let mut stream = pin!(receiver.into_stream());
    assert!(!stream.is_terminated(), "it has not ended");
    let item = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    let is_end = matches!(item, None | Some(Err(RecvError::Evicted)));
    assert_eq!(stream.is_terminated(), is_end);
    item.map_or(Answer::Closed, got)
}

impl Run {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneSender(n)
            | Op::DropSender(n)
            | Op::TrySend(n)
            | Op::BlockingSend(n)
            | Op::StartSend(n)
            | Op::Subscribe(n)
            | Op::SubscribeLossy(n)
            | Op::Evict(n)
            | Op::EvictAfter(n)
            | Op::StartClosed(n) => {
                if let Some(at) = pick(self.senders.len(), n) {
                    self.step_sender(op, at);
                }
            }
            Op::Resubscribe(n)
            | Op::DropReceiver(n)
            | Op::TryRecv(n)
            | Op::BlockingRecv(n)
            | Op::StartRecv(n)
            | Op::StartNext(n) => {
                let at = pick(self.receivers.len(), n);
                if let Some(at) = at.filter(|&at| self.receivers[at].1.is_free()) {
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

    /// Adds a receiver.
    fn join(&mut self, receiver: Option<Receiver<Value>>) {
        let Some(receiver) = receiver else { return };
        let key = self.futures.key();
        let is_member = receiver.is_member();
        self.receivers.push((key, Handle::new(receiver.named(key.to_string()))));
        self.note(Action::Join { receiver: key, is_member }, Answer::Done);
    }

    fn step_sender(&mut self, op: Op, at: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        match op {
            Op::CloneSender(_) => {
                let clone = sender.clone();
                self.senders.push(Handle::new(clone));
                self.note(Action::CloneSender, Answer::Done);
            }
            Op::TrySend(_) => {
                let value = self.values.value();
                let id = value.id;
                let answer = match sender.try_send(value) {
                    Err(TrySendError::Full(back)) if back.id == id => Answer::Full,
                    Err(TrySendError::Closed(back)) => sent(id, Err(SendError(back))),
                    Ok(receivers) => Answer::Sent(receivers),
                    Err(error) => panic!("another message came back: {error}"),
                };
                self.note(Action::TrySend(id), answer);
            }
            Op::BlockingSend(_) => {
                if self.checker.model().answers_senders() {
                    let value = self.values.value();
                    let id = value.id;
                    let answer = sent(id, sender.blocking_send(value));
                    self.note(Action::TrySend(id), answer);
                }
            }
            Op::StartSend(_) => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (sender, loan) = unsafe { self.senders[at].lend() };
                let value = self.values.value();
                let message = value.id;
                let send = Box::pin(async move { sent(message, sender.send(value).await) });
                self.futures.start(Kind::Send { message }, send, Some(loan));
                self.note(Action::StartSend, Answer::Done);
            }
            Op::Subscribe(_) => {
                let receiver = sender.subscribe();
                self.join(Some(receiver));
            }
            Op::SubscribeLossy(_) => {
                let receiver = sender.subscribe_lossy();
                self.join(Some(receiver));
            }
            Op::Evict(n) | Op::EvictAfter(n) => self.evict(op, usize::from(n), at),
            Op::StartClosed(_) => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (sender, loan) = unsafe { self.senders[at].lend() };
                let closed = Box::pin(async move {
                    sender.closed().await;
                    Answer::Done
                });
                self.futures.start(Kind::Closed, closed, Some(loan));
            }
            _ => {
                self.drop_sender(at);
            }
        }
    }

    fn evict(&mut self, op: Op, n: usize, at: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        if let Op::EvictAfter(_) = op {
            let lag = 1 + n % 3;
            let evicted = sender.evict_after(lag as u64, Duration::ZERO);
            assert!(evicted.iter().all(|it| it.is_member && it.lag >= lag as u64));
            self.note(Action::EvictBehind(lag), Answer::Out(evicted.len()));
            return;
        }
        let Some((key, receiver)) = self.receivers.get(n % self.receivers.len().max(1)) else {
            return;
        };
        if let Some(receiver) = receiver.peek() {
            let (key, is_out) = (*key, sender.evict(receiver.id()));
            self.note(Action::Evict(key), Answer::Out(is_out.into()));
        }
    }

    /// What is done to a receiver that nothing borrows.
    fn step_receiver(&mut self, op: Op, at: usize) {
        let receiver = self.receivers[at].0;
        match op {
            Op::Resubscribe(_) => {
                let another = self.receivers[at].1.peek().map(Receiver::resubscribe);
                self.join(another);
            }
            Op::TryRecv(_) => {
                let answer = match self.receivers[at].1.with_mut(Receiver::try_recv) {
                    Ok(value) => Answer::Got(value.id),
                    Err(TryRecvError::Lagged(missed)) => Answer::Lagged(missed),
                    Err(TryRecvError::Closed) => Answer::Closed,
                    Err(TryRecvError::Evicted) => Answer::Evicted,
                    Err(TryRecvError::Empty) => Answer::Empty,
                };
                self.note(Action::TryRecv(receiver), answer);
            }
            Op::BlockingRecv(_) => {
                if self.checker.model().answers(receiver) {
                    let answer = got(self.receivers[at].1.with_mut(Receiver::blocking_recv));
                    self.note(Action::TryRecv(receiver), answer);
                }
            }
            Op::StartRecv(_) => {
                // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
                let (handle, loan) = unsafe { self.receivers[at].1.lend_mut() };
                let recv: BoxFuture<_> = Box::pin(async move { got(handle.recv().await) });
                let kind = Kind::Recv { receiver, owns_receiver: false };
                self.futures.start(kind, recv, Some(loan));
            }
            Op::StartNext(_) => {
                let handle = self.receivers.remove(at).1.take();
                let kind = Kind::Recv { receiver, owns_receiver: true };
                self.futures.start(kind, Box::pin(next_of(handle)), None);
            }
            _ => {
                drop(self.receivers.remove(at));
                self.note(Action::DropReceiver(receiver), Answer::Done);
            }
        }
    }

    fn step_future(&mut self, op: Op, at: usize) {
        let (key, kind) = self.futures.describe(at);
        match op {
            Op::Forget(_) => {
                self.leaked |= matches!(kind, Kind::Recv { owns_receiver: true, .. });
                self.leaked |= matches!(kind, Kind::Send { .. });
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
        assert_eq!(self.futures.wakers_left(), 0, "a waker outlives its {kind:?}");
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let action = match kind {
            Kind::Send { message } => Action::PollSend { key, message },
            Kind::Recv { receiver, .. } => Action::PollRecv { key, receiver },
            Kind::Closed => Action::PollClosed { key },
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
        if let Kind::Recv { receiver, owns_receiver: true } = kind {
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
        view.note("messages", 0, self.values.alive());
        for sender in self.senders.iter().filter_map(Handle::peek) {
            view.note("senders", 0, sender.strong_count());
            view.note("receivers", 0, sender.receiver_count());
            view.note("capacity", 0, sender.capacity());
            assert!(self.senders[0].peek().is_some_and(|first| first.same_channel(sender)));
            let again = sender.downgrade().upgrade();
            assert!(again.is_some_and(|same| same.same_channel(sender)));
            let subscribers = sender.subscribers();
            view.note("subscribers", 0, subscribers.len());
            for it in subscribers {
                let key = it.name.expect("each has a name").parse().expect("a number");
                view.note("lag", key, it.lag.try_into().expect("few were sent"));
                view.note("member", key, it.is_member.into());
            }
        }
        for (key, receiver) in &self.receivers {
            let Some(receiver) = receiver.peek() else { continue };
            view.note("behind", *key, receiver.lag().try_into().expect("few were sent"));
            view.note("evicted", *key, receiver.is_evicted().into());
            view.note("closed", 0, receiver.is_closed().into());
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
        while self.drop_sender(0) {
            self.look();
        }
        while !self.receivers.is_empty() {
            self.step_receiver(Op::DropReceiver(0), 0);
            self.look();
        }
        assert!(self.leaked || self.values.alive() == 0, "messages outlive their receivers");
        Stats { steps: self.checker.steps() }
    }
}
