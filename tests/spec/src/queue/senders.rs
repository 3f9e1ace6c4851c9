//! The operations of senders and permits.

use std::collections::VecDeque;

use support::Message;

use super::family::{Family, Lent};
use super::future::{Kind, Permits};
use super::run::Run;
use super::{Action, Answer, Op};
use crate::handle::Handle;
use crate::pick;

/// Sends without waiting; the error is whether it is full, and the message.
type TrySend<F> = fn(&<F as Family>::Tx, Message) -> Result<(), (bool, Message)>;

/// The answer to a try, of which the error says whether it is full.
fn tried<T>(result: &Result<T, bool>) -> Answer {
    match result {
        Ok(_) => Answer::Done,
        Err(true) => Answer::Full,
        Err(false) => Answer::Closed,
    }
}

impl<F: Family> Run<F> {
    /// Does what is a sender's, and tells whether it was.
    pub(super) fn step_sender(&mut self, op: Op) -> bool {
        match op {
            Op::CloneSender(n) => self.with_sender(n, |run, at| {
                let clone = run.senders[at].peek().cloned();
                run.senders.extend(clone.map(Handle::new));
                run.note(Action::CloneSender, Answer::Done);
            }),
            Op::DropSender(n) => self.with_sender(n, |run, at| {
                run.drop_sender(at);
            }),
            Op::Downgrade(n) => self.with_sender(n, |run, at| {
                let weak = run.senders[at].peek().map(F::downgrade);
                run.weak.extend(weak);
                run.note(Action::Downgrade, Answer::Done);
            }),
            Op::CloneWeak(n) => self.with_weak(n, |run, at| {
                run.weak.push(run.weak[at].clone());
                run.note(Action::CloneWeak, Answer::Done);
            }),
            Op::DropWeak(n) => self.with_weak(n, |run, at| {
                run.drop_weak(at);
            }),
            Op::Upgrade(n) => self.with_weak(n, |run, at| {
                let sender = F::upgrade(&run.weak[at]);
                run.note(Action::Upgrade, Answer::Upgraded(sender.is_some()));
                run.senders.extend(sender.map(Handle::new));
            }),
            Op::TrySend(n) => self.with_sender(n, |run, at| run.try_send(at, F::try_send)),
            Op::BlockingSend(n) if self.checker.model().answers_senders() => {
                self.with_sender(n, |run, at| run.try_send(at, F::blocking_send));
            }
            Op::BlockingSend(_) => {}
            Op::ForceSend(n, offers) if self.evicts => {
                self.with_sender(n, |run, at| run.force_send(at, offers));
            }
            Op::ForceSend(..) => {}
            Op::StartClosed(n) => self.with_sender(n, |run, at| {
                let (future, loan) = F::closed(&run.senders[at]);
                run.futures.start(Kind::Closed, future, Some(loan));
            }),
            _ => return self.step_waiting_sender(op),
        }
        true
    }

    /// What sends later, or takes permits.
    fn step_waiting_sender(&mut self, op: Op) -> bool {
        match op {
            Op::StartSend(n) => self.with_sender(n, |run, at| run.start_send(at, 1, F::send)),
            Op::StartSendTimeout(n) => self.with_sender(n, |run, at| {
                // The timer has one, too.
                run.start_send(at, 2, F::send_timeout);
            }),
            Op::StartSendRef(n) => {
                self.with_sender(n, |run, at| run.start_send(at, 1, F::send_ref));
            }
            Op::StartSendMany(n) => {
                self.with_sender(n, |run, at| run.start_send(at, 1, F::send_many));
            }
            Op::TrySendMany(n, many) => {
                self.with_sender(n, |run, at| run.try_send_many(at, usize::from(many % 4)));
            }
            Op::StartSink(n) => self.with_own_sender(n, |run, sender| {
                let message = run.message();
                let kind = Kind::Send { message: message.id(), owns_sender: true };
                run.note(Action::StartSend, Answer::Done);
                run.futures.start(kind, F::send_sink(sender, message), None);
            }),
            Op::StartReserve(n) if F::BOUNDED => self.with_sender(n, |run, at| {
                let (future, loan) = F::reserve(&run.senders[at]);
                run.futures.start(
                    Kind::Reserve { need: 1, owns_sender: false },
                    future,
                    Some(loan),
                );
            }),
            Op::StartReserveMany(n, need) if F::BOUNDED => self.with_sender(n, |run, at| {
                let need = run.need(need);
                let (future, loan) = F::reserve_many(&run.senders[at], need);
                run.futures.start(Kind::Reserve { need, owns_sender: false }, future, Some(loan));
            }),
            Op::StartReserveOwned(n) if F::BOUNDED => self.with_own_sender(n, |run, sender| {
                run.futures.start(
                    Kind::Reserve { need: 1, owns_sender: true },
                    F::reserve_owned(sender),
                    None,
                );
            }),
            Op::TryReserve(n) if F::BOUNDED => self.with_sender(n, |run, at| {
                // SAFETY: the permit is kept beside the loan, and used up or forgotten before it
                // goes.
                let (sender, loan) = unsafe { run.senders[at].lend() };
                let permit = F::try_reserve(sender);
                run.note(Action::TryReserve(1), tried(&permit));
                run.permits.extend(permit.ok().map(|permit| (Permits::One(permit), Some(loan))));
            }),
            Op::TryReserveMany(n, need) if F::BOUNDED => self.with_sender(n, |run, at| {
                let need = run.need(need);
                // SAFETY: the permits are kept beside the loan, and used up or forgotten before it
                // goes.
                let (sender, loan) = unsafe { run.senders[at].lend() };
                let permits = F::try_reserve_many(sender, need);
                run.note(Action::TryReserve(need), tried(&permits));
                run.permits
                    .extend(permits.ok().map(|permits| (Permits::Many(permits), Some(loan))));
            }),
            Op::TryReserveOwned(n) if F::BOUNDED => self.with_own_sender(n, |run, sender| {
                let permit = F::try_reserve_owned(sender).map_err(|(full, sender)| {
                    run.senders.push(Handle::new(sender));
                    full
                });
                run.note(Action::TryReserve(1), tried(&permit));
                run.permits.extend(permit.ok().map(|permit| (Permits::Owned(permit), None)));
            }),
            _ => return false,
        }
        true
    }

    /// Does what is a permit's, and tells whether it was.
    pub(super) fn step_permit(&mut self, op: Op) -> bool {
        let (n, f): (u8, fn(&mut Self, usize)) = match op {
            Op::SendPermit(n) => (n, Self::send_permit),
            Op::TakePermit(n) => (n, Self::take_permit),
            Op::ForgetPermit(n) => (n, Self::forget_permit),
            Op::DropPermit(n) => (n, |run, at| {
                run.drop_permit(at);
            }),
            _ => return false,
        };
        if let Some(at) = pick(self.permits.len(), n) {
            f(self, at);
        }
        true
    }

    /// A number of permits, now and then more than there can be.
    fn need(&self, n: u8) -> usize {
        let capacity = self.checker.model().capacity.unwrap_or(0);
        usize::from(n) % (capacity + 2)
    }

    fn with_sender(&mut self, n: u8, f: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = pick(self.senders.len(), n) {
            f(self, at);
        }
    }

    fn with_weak(&mut self, n: u8, f: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = pick(self.weak.len(), n) {
            f(self, at);
        }
    }

    /// With a sender that nothing borrows.
    fn with_own_sender(&mut self, n: u8, f: impl FnOnce(&mut Self, F::Tx)) {
        if let Some(at) = pick(self.senders.len(), n)
            && self.senders[at].is_free()
        {
            let sender = self.senders.remove(at).take();
            f(self, sender);
        }
    }

    fn try_send(&mut self, at: usize, send: TrySend<F>) {
        let Some(sender) = self.senders[at].peek() else { return };
        let message = self.message();
        let id = message.id();
        let result = send(sender, message).map_err(|(full, back)| {
            assert_eq!(back.id(), id, "another message came back");
            full
        });
        self.note(Action::TrySend(id), tried(&result));
    }

    /// An `offer` that finds no room is as a try that is not counted: the model is not asked.
    fn force_send(&mut self, at: usize, offers: bool) {
        let Some(sender) = self.senders[at].peek() else { return };
        let message = self.message();
        let id = message.id();
        let back = F::force_send(sender, message, offers);
        let answer = match &back {
            Ok(None) => Answer::Done,
            Ok(Some(message)) => Answer::Got(vec![message.id()]),
            Err(_) => Answer::Closed,
        };
        let is_refused = offers && matches!(back, Ok(Some(_)));
        drop(back);
        if is_refused {
            assert!(!self.checker.model().answers_senders(), "there is room");
            assert_eq!(answer, Answer::Got(vec![id]), "another message came back");
        } else {
            self.note(Action::ForceSend(id), answer);
        }
    }

    /// To the model it is as many tries as there was room for.
    fn try_send_many(&mut self, at: usize, many: usize) {
        let Some(sender) = self.senders[at].peek() else { return };
        let mut batch: VecDeque<_> = (0..many).map(|_| self.message()).collect();
        let mut ids: VecDeque<_> = batch.iter().map(Message::id).collect();
        let result = F::try_send_many(sender, &mut batch);
        assert!(batch.iter().map(Message::id).eq(ids.iter().copied().skip(many - batch.len())));
        for id in ids.drain(..many - batch.len()) {
            self.note(Action::TrySend(id), Answer::Done);
        }
        if let (Some(id), Err(_)) = (ids.pop_front(), &result) {
            self.note(Action::TrySend(id), tried(&result));
        }
    }

    fn start_send<L>(&mut self, at: usize, wakers: usize, send: L)
    where
        L: FnOnce(&Handle<F::Tx>, Message) -> Option<Lent<F>>,
    {
        let message = self.message();
        let kind = Kind::Send { message: message.id(), owns_sender: false };
        if let Some((future, loan)) = send(&self.senders[at], message) {
            self.note(Action::StartSend, Answer::Done);
            self.futures.start_with(kind, future, Some(loan), wakers);
        }
    }

    fn send_permit(&mut self, at: usize) {
        let message = self.message();
        let id = message.id();
        match self.permits.remove(at) {
            (Permits::One(permit), _loan) => F::send_permit(permit, message),
            (Permits::Owned(permit), _) => {
                self.senders.push(Handle::new(F::send_owned(permit, message)));
            }
            (Permits::Many(mut permits), loan) => {
                let permit = permits.next();
                self.permits.insert(at, (Permits::Many(permits), loan));
                let Some(permit) = permit else { return };
                F::send_permit(permit, message);
            }
        }
        self.note(Action::SendPermit(id), Answer::Done);
    }

    fn take_permit(&mut self, at: usize) {
        match self.permits.remove(at) {
            (Permits::Owned(permit), _) => {
                self.senders.push(Handle::new(F::release(permit)));
                self.note(Action::Release(1), Answer::Done);
            }
            (Permits::Many(mut permits), loan) => {
                let permit = permits.next().map(|permit| (Permits::One(permit), loan.clone()));
                self.permits.extend(permit);
                self.permits.push((Permits::Many(permits), loan));
            }
            one => self.permits.push(one),
        }
    }

    #[expect(clippy::mem_forget, reason = "that is the operation")]
    fn forget_permit(&mut self, at: usize) {
        let (permits, _loan) = self.permits.remove(at);
        self.leaked |= matches!(permits, Permits::Owned(_));
        std::mem::forget(permits);
    }

    /// Drops permits, if there are any.
    pub(super) fn drop_permit(&mut self, at: usize) -> bool {
        if at >= self.permits.len() {
            return false;
        }
        let (permits, _loan) = self.permits.remove(at);
        let (count, owns_sender) = (permits.count(), matches!(permits, Permits::Owned(_)));
        if let (Permits::Owned(permit), Some(sender)) = (&permits, self.senders.first()) {
            assert!(sender.peek().is_some_and(|sender| F::owned_same_channel(permit, sender)));
        }
        drop(permits);
        self.note(Action::Release(count), Answer::Done);
        if owns_sender {
            self.note(Action::DropSender, Answer::Done);
        }
        true
    }

    /// Drops a sender, if there is one that nothing borrows.
    pub(super) fn drop_sender(&mut self, at: usize) -> bool {
        let is_free = self.senders.get(at).is_some_and(Handle::is_free);
        if is_free {
            drop(self.senders.remove(at));
            self.note(Action::DropSender, Answer::Done);
        }
        is_free
    }

    /// Drops a weak sender, if there is one.
    pub(super) fn drop_weak(&mut self, at: usize) -> bool {
        let exists = at < self.weak.len();
        if exists {
            drop(self.weak.remove(at));
            self.note(Action::DropWeak, Answer::Done);
        }
        exists
    }
}
