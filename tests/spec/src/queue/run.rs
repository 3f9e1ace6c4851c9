//! Does the same to a channel and to its model, and compares.

use std::task::Poll;

use support::{Ledger, Message};

use super::family::Family;
use super::future::{Kind, Out, Permits, numbers};
use super::model::Queue;
use super::{Action, Answer, Case, Op};
use crate::check::{Checker, Tamper, View};
use crate::handle::{Handle, Loan};
use crate::running::Futures;
use crate::{Stats, clock};

/// How often futures that wake themselves are polled before that counts as for ever.
const PATIENCE: usize = 1000;

/// A channel and everything that was made of it. What borrows comes first, so that it is dropped
/// first.
pub(super) struct Run<F: Family> {
    pub(super) futures: Futures<Kind, Out<F>>,
    pub(super) permits: Vec<(Permits<F>, Option<Loan>)>,
    pub(super) senders: Vec<Handle<F::Tx>>,
    pub(super) weak: Vec<F::Weak>,
    pub(super) receivers: Vec<Handle<F::Rx>>,
    /// Whether all messages can be evicted.
    pub(super) evicts: bool,
    /// Something that owns a handle was forgotten: the channel stays for ever.
    pub(super) leaked: bool,
    ledger: Ledger,
    pub(super) checker: Checker<Queue>,
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
    let mut run = Run::<F>::new(case, tamper);
    for &op in &case.ops {
        run.step(op);
        run.look();
    }
    run.finish()
}

impl<F: Family> Run<F> {
    fn new(case: &Case, tamper: Tamper<Answer>) -> Self {
        let (sender, receiver) = F::channel(case.capacity);
        let (other, _) = F::channel(case.capacity);
        assert!(!F::same_channel(&sender, &other), "two channels are two");
        let capacity = F::BOUNDED.then_some(case.capacity);
        Self {
            futures: Futures::default(),
            permits: Vec::new(),
            senders: vec![Handle::new(sender)],
            weak: Vec::new(),
            receivers: vec![Handle::new(receiver)],
            evicts: F::evicts(case.capacity),
            leaked: false,
            // An operation sends three at most.
            ledger: Ledger::new(3 * case.ops.len()),
            checker: Checker::new(Queue::new(capacity, F::MANY), tamper),
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Poll(n) => self.with_future(n, |run, at| run.poll(at, false)),
            Op::PollElsewhere(n) => self.with_future(n, |run, at| run.poll(at, true)),
            Op::PollWoken => {
                self.poll_woken();
            }
            Op::Cancel(n) => self.with_future(n, Self::cancel),
            Op::Forget(n) => self.with_future(n, Self::forget),
            _ if self.step_sender(op) || self.step_permit(op) => {}
            _ => self.step_receiver(op),
        }
    }

    /// Tells the model what was done, and what came of it.
    pub(super) fn note(&mut self, action: Action, answer: Answer) {
        self.checker.check(&action, answer);
    }

    /// A new message.
    pub(super) fn message(&self) -> Message {
        self.ledger.message()
    }

    fn with_future(&mut self, n: u8, f: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = self.futures.pick(n) {
            f(self, at);
        }
    }

    fn poll(&mut self, at: usize, elsewhere: bool) {
        let (key, kind) = self.futures.describe(at);
        let (out, loan) = match clock(|| self.futures.poll(at, elsewhere)) {
            Poll::Pending => return self.note(kind.action(key), Answer::Pending),
            Poll::Ready(ready) => ready,
        };
        self.check_wakers(kind);
        match out {
            Out::Closed => self.note(kind.action(key), Answer::Done),
            Out::Sent(result) => {
                let answer = if result.is_ok() { Answer::Done } else { Answer::Closed };
                if let (Err(Some(back)), Kind::Send { message, .. }) = (&result, kind) {
                    assert_eq!(back.id(), message, "another message came back");
                }
                drop(result);
                self.note(kind.action(key), answer);
                self.drop_owned(kind);
            }
            Out::Reserved(Some(permits)) => {
                self.note(kind.action(key), Answer::Done);
                self.permits.push((permits, loan));
            }
            Out::Reserved(None) => {
                self.note(kind.action(key), Answer::Closed);
                self.drop_owned(kind);
            }
            Out::Ready(is_there) => {
                let answer = if is_there { Answer::Done } else { Answer::Ended };
                self.note(kind.action(key), answer);
            }
            Out::Received(messages) => {
                self.note(kind.action(key), Answer::Got(numbers(&messages)));
                self.drop_owned(kind);
            }
        }
    }

    /// Polls those who are woken when it begins; gives their number.
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

    fn cancel(&mut self, at: usize) {
        let (key, kind) = self.futures.describe(at);
        self.futures.cancel(at);
        self.check_wakers(kind);
        self.note(Action::Cancel { key }, Answer::Done);
        if let Kind::Send { .. } = kind {
            self.note(Action::DropUnsent, Answer::Done);
        }
        self.drop_owned(kind);
    }

    fn forget(&mut self, at: usize) {
        self.leaked |= self.futures.describe(at).1.owns_handle();
        self.futures.forget(at);
    }

    /// The handle that a future owned went with it.
    fn drop_owned(&mut self, kind: Kind) {
        match kind {
            Kind::Send { owns_sender: true, .. } | Kind::Reserve { owns_sender: true, .. } => {
                self.note(Action::DropSender, Answer::Done);
            }
            Kind::Recv { owns_receiver: true, .. } => self.note(Action::DropReceiver, Answer::Done),
            _ => {}
        }
    }

    /// A future that is gone has no waker anywhere, but for the receiver of mpsc: it is told which
    /// waker to use next, and not that a future was dropped.
    fn check_wakers(&self, kind: Kind) {
        if F::MANY || !matches!(kind, Kind::Recv { .. } | Kind::Ready) {
            let parked = usize::from(!F::MANY);
            assert!(self.futures.wakers_left() <= parked, "a waker outlives its {kind:?}");
        }
    }

    /// Compares what can be seen of the channel.
    fn look(&mut self) {
        let mut view = View::default();
        view.note("messages", 0, self.ledger.alive());
        let ends = |count: usize| [0, count.saturating_sub(1)].into_iter().take(count);
        for sender in ends(self.senders.len()).filter_map(|at| self.senders[at].peek()) {
            let (strong, weak, closed) = F::sender_counts(sender);
            view.note("senders", 0, strong);
            view.note("weak", 0, weak);
            view.note("closed", 0, closed.into());
            let (len, is_empty, is_full) = F::sender_len(sender);
            view.note("len", 0, len);
            assert_eq!(is_empty, len == 0);
            if let Some((capacity, max)) = F::sender_capacity(sender) {
                assert_eq!(is_full, Some(capacity == 0));
                view.note("capacity", 0, capacity);
                view.note("max_capacity", 0, max);
            }
            assert!(self.senders[0].peek().is_some_and(|first| F::same_channel(first, sender)));
        }
        for weak in &self.weak {
            let (strong, weak) = F::weak_counts(weak);
            view.note("senders", 0, strong);
            view.note("weak", 0, weak);
        }
        for receiver in ends(self.receivers.len()).filter_map(|at| self.receivers[at].peek()) {
            let (strong, weak, closed) = F::receiver_counts(receiver);
            view.note("senders", 0, strong);
            view.note("weak", 0, weak);
            view.note("closed to the receiver", 0, closed.into());
            let (len, is_empty) = F::len(receiver);
            assert_eq!(is_empty, len == 0);
            view.note("len", 0, len);
            if let Some((capacity, max)) = F::receiver_capacity(receiver) {
                view.note("capacity", 0, capacity);
                view.note("max_capacity", 0, max);
            }
            if let Some((receivers, is_same)) = F::receivers(receiver) {
                view.note("receivers", 0, receivers);
                assert!(is_same, "a receiver is of its own channel");
            }
        }
        self.futures.show(&mut view);
        self.checker.look(view);
    }

    /// Lets the futures that are left run as far as they get, and takes everything apart.
    fn finish(mut self) -> Stats {
        let mut rounds = 0;
        while self.poll_woken() > 0 {
            rounds += 1;
            assert!(rounds < PATIENCE, "somebody wakes itself for ever");
        }
        while let Some(at) = self.futures.pick(0) {
            self.cancel(at);
            self.look();
        }
        while self.drop_permit(0)
            || self.drop_sender(0)
            || self.drop_receiver(0)
            || self.drop_weak(0)
        {
            self.look();
        }
        if !self.leaked {
            assert_eq!(self.futures.wakers_left(), 0, "wakers outlive their channel");
        }
        Stats { steps: self.checker.steps() }
    }
}
