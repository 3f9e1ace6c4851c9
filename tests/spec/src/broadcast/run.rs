//! Does the same to a broadcast channel and to its model, and compares.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_core::{FusedStream, Stream};
use levada::broadcast::error::{Lagged, RecvError, TryRecvError};
use levada::broadcast::{Receiver, Sender, WeakSender, channel};

use super::model::Broadcast;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Key, Tamper, View};
use crate::handle::Handle;
use crate::running::{BoxFuture, Futures};
use crate::value::{Value, Values};
use crate::{Stats, pick};

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Recv { receiver: Key, owns_receiver: bool },
    Closed,
}

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
struct Run {
    futures: Futures<Kind, Answer>,
    senders: Vec<Handle<Sender<Value>>>,
    weak: Vec<WeakSender<Value>>,
    receivers: Vec<(Key, Handle<Receiver<Value>>)>,
    values: Values,
    checker: Checker<Broadcast>,
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
    let (sender, receiver) = channel(case.capacity);
    let mut run = Run {
        futures: Futures::default(),
        senders: Vec::new(),
        weak: Vec::new(),
        receivers: Vec::new(),
        values: Values::default(),
        checker: Checker::new(Broadcast::new(case.capacity), tamper),
        leaked: false,
    };
    if case.is_deserted {
        run.senders.push(Handle::new(Sender::new(case.capacity)));
        assert!(!run.senders[0].peek().is_some_and(|other| other.same_channel(&sender)));
    } else {
        run.senders.push(Handle::new(sender));
        run.join(Some(receiver));
    }
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
    }
}

/// The next item of a receiver as a stream.
async fn next_of(receiver: Receiver<Value>) -> Answer {
    let mut stream = pin!(receiver.into_stream());
    assert!(!stream.is_terminated(), "it has not told the end");
    let item = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), item.is_none());
    match item {
        Some(Ok(value)) => Answer::Got(value.id),
        Some(Err(Lagged(missed))) => Answer::Lagged(missed),
        None => Answer::Closed,
    }
}

impl Run {
    fn step(&mut self, op: Op) {
        match op {
            Op::CloneSender(n)
            | Op::DropSender(n)
            | Op::Downgrade(n)
            | Op::Send(n)
            | Op::Subscribe(n)
            | Op::StartClosed(n) => {
                if let Some(at) = pick(self.senders.len(), n) {
                    self.step_sender(op, at);
                }
            }
            Op::CloneWeak(n) | Op::DropWeak(n) | Op::Upgrade(n) => {
                if let Some(at) = pick(self.weak.len(), n) {
                    self.step_weak(op, at);
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
        let key = self.futures.key();
        self.receivers.extend(receiver.map(|receiver| (key, Handle::new(receiver))));
        self.note(Action::Join(key), Answer::Done);
    }

    fn step_sender(&mut self, op: Op, at: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        match op {
            Op::CloneSender(_) => {
                let clone = sender.clone();
                self.senders.push(Handle::new(clone));
                self.note(Action::CloneSender, Answer::Done);
            }
            Op::Downgrade(_) => {
                self.weak.push(sender.downgrade());
                self.note(Action::Downgrade, Answer::Done);
            }
            Op::Send(_) => {
                let value = self.values.value();
                let id = value.id;
                let answer = match sender.send(value) {
                    Ok(receivers) => Answer::Sent(receivers),
                    Err(error) => {
                        assert_eq!(error.0.id, id, "another message came back");
                        Answer::Refused
                    }
                };
                self.note(Action::Send(id), answer);
            }
            Op::Subscribe(_) => {
                let receiver = sender.subscribe();
                self.join(Some(receiver));
            }
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

    fn step_weak(&mut self, op: Op, at: usize) {
        match op {
            Op::CloneWeak(_) => {
                self.weak.push(self.weak[at].clone());
                self.note(Action::CloneWeak, Answer::Done);
            }
            Op::Upgrade(_) => {
                let sender = self.weak[at].upgrade();
                self.note(Action::Upgrade, Answer::Upgraded(sender.is_some()));
                self.senders.extend(sender.map(Handle::new));
            }
            _ => {
                drop(self.weak.remove(at));
                self.note(Action::DropWeak, Answer::Done);
            }
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
            view.note("weak", 0, sender.weak_count());
            view.note("receivers", 0, sender.receiver_count());
            view.note("len", 0, sender.len());
            view.note("empty", 0, sender.is_empty().into());
            assert!(self.senders[0].peek().is_some_and(|first| first.same_channel(sender)));
        }
        for weak in &self.weak {
            view.note("senders", 0, weak.strong_count());
            view.note("weak", 0, weak.weak_count());
        }
        for (key, receiver) in &self.receivers {
            let Some(receiver) = receiver.peek() else { continue };
            view.note("senders", 0, receiver.sender_strong_count());
            view.note("weak", 0, receiver.sender_weak_count());
            view.note("closed", 0, receiver.is_closed().into());
            view.note("behind", *key, receiver.len());
            view.note("behind", *key, receiver.lag().try_into().expect("few were sent"));
            view.note("nothing left", *key, receiver.is_empty().into());
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
