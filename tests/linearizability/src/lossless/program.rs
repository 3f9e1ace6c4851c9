//! What the threads do with a lossless broadcast channel.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use fastrand::Rng;
use levada::broadcast;
use levada::broadcast::lossless::error::{RecvError, TryRecvError, TrySendError};
use levada::broadcast::lossless::{Receiver, Sender, SubscriberId};

use super::{Lossless, Op, Refused};
use crate::broadcast::Message;
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// The numbers of all receivers, by which any thread evicts them.
type Known = Arc<Mutex<Vec<(usize, SubscriberId)>>>;

/// The handles of one thread.
struct Handles {
    sender: Option<Sender<Message>>,
    /// With their numbers.
    receivers: Vec<(usize, Receiver<Message>)>,
    /// The number of the next receiver.
    next: usize,
    known: Known,
    yield_now: fn(),
}

/// Records what two to four threads do with one channel, all sending and receiving.
pub fn run(seed: u64, threads: &impl Threads) -> (Lossless, Vec<Event<Op>>) {
    let mut rng = Rng::with_seed(seed);
    let actors = rng.usize(2..=4);
    let capacity = rng.usize(1..=3);
    let yield_now = threads.yield_now();
    let (sender, receiver) = broadcast::lossless(capacity);
    let known = Known::new(Mutex::new(vec![(0, receiver.id())]));
    let mut first = vec![(0, receiver)];
    let programs = (0..actors).map(|id| {
        let receivers = std::mem::take(&mut first);
        let (sender, known) = (Some(sender.clone()), Arc::clone(&known));
        let mut handles = Handles { sender, receivers, next: 16 * (id + 1), known, yield_now };
        Box::new(move |actor: &mut Actor<Op>| {
            for _ in 0..actor.rng.u8(4..=8) {
                actor.jitter();
                if !actor.is_over() {
                    handles.act(actor);
                }
            }
            actor.keep(handles);
        }) as Program<Op>
    });
    let programs: Vec<_> = programs.collect();
    drop(sender);
    (Lossless { capacity, senders: actors }, record(seed, threads, programs))
}

/// The steps of a receive with this result.
fn steps(receiver: usize, result: Poll<Result<u8, TryRecvError>>, op: Op) -> Vec<Op> {
    match result {
        Poll::Ready(Ok(_)) => vec![Op::IsNotEvicted(receiver), Op::Borrow(receiver), op],
        Poll::Ready(Err(TryRecvError::Evicted)) => vec![op, Op::Leave(receiver)],
        _ => vec![Op::IsNotEvicted(receiver), op],
    }
}

impl Handles {
    fn act(&mut self, actor: &mut Actor<Op>) {
        let sends = actor.rng.bool() || self.receivers.is_empty();
        if sends && let Some(sender) = self.sender.take() {
            self.send(sender, actor);
        } else if !self.receivers.is_empty() {
            let chosen = actor.rng.usize(..self.receivers.len());
            let (id, receiver) = self.receivers.swap_remove(chosen);
            self.receive(id, receiver, actor);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<(usize, SubscriberId)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a subscription, and makes it known to the other threads.
    fn subscribe(
        &mut self,
        actor: &mut Actor<Op>,
        is_member: bool,
        subscribe: impl FnOnce() -> Receiver<Message>,
    ) {
        self.next += 1;
        let id = self.next;
        let mut new = None;
        actor.record(|| {
            new = Some(subscribe());
            Op::Subscribe(id, is_member)
        });
        if let Some(receiver) = new {
            self.known().push((id, receiver.id()));
            self.receivers.push((id, receiver));
        }
    }

    fn send(&mut self, sender: Sender<Message>, actor: &mut Actor<Op>) {
        match actor.rng.u8(..14) {
            0..=2 => {
                let (message, value) = self.message(actor);
                actor.record(|| {
                    let sent = sender.try_send(message).map_err(|error| match error {
                        TrySendError::Full(_) => Refused::Full,
                        TrySendError::Closed(_) => Refused::Closed,
                    });
                    Op::TrySend(value, sent)
                });
            }
            3..=7 => self.send_and_wait(&sender, actor),
            8 => actor.record(|| Op::ReceiverCount(sender.receiver_count())),
            9 | 10 => self.subscribe(actor, true, || sender.subscribe()),
            11 => self.subscribe(actor, false, || sender.subscribe_lossy()),
            12 => {
                let (id, subscriber) =
                    actor.rng.choice(self.known().iter()).copied().expect("the first");
                actor.record_steps(|| vec![Op::Evict(id, sender.evict(subscriber)), Op::Grant]);
            }
            _ => {
                return actor.record(|| {
                    drop(sender);
                    Op::DropSender
                });
            }
        }
        self.sender = Some(sender);
    }

    fn message(&self, actor: &mut Actor<Op>) -> (Message, u8) {
        let value = actor.value();
        (Message { value, yield_now: self.yield_now }, value)
    }

    fn send_and_wait(&self, sender: &Sender<Message>, actor: &mut Actor<Op>) {
        let (id, (message, value)) = (actor.id(), self.message(actor));
        let polled = Polled {
            poll: &|poll: Poll<Result<usize, ()>>| {
                let entered = poll.is_ready().then_some(Op::PerhapsEnter(id));
                entered.into_iter().chain([Op::SendPoll(id, value, poll)]).collect()
            },
            cancelled: &|| Op::SendCancel(id),
            starved: &|| Op::SendStarve(id),
        };
        actor.wait(async { sender.send(message).await.map_err(|_| ()) }, &polled);
    }

    fn receive(&mut self, id: usize, mut receiver: Receiver<Message>, actor: &mut Actor<Op>) {
        let value = |message: Message| message.value;
        match actor.rng.u8(..12) {
            0..=3 => actor.record_steps(|| {
                let result = receiver.try_recv().map(value);
                steps(id, Poll::Ready(result), Op::TryRecv(id, result))
            }),
            4..=8 => {
                let polled = Polled {
                    poll: &|poll: Poll<Result<u8, RecvError>>| {
                        let result = poll.map(|received| received.map_err(TryRecvError::from));
                        steps(id, result, Op::RecvPoll(id, poll))
                    },
                    cancelled: &|| Op::RecvCancel,
                    starved: &|| Op::RecvStarve(id),
                };
                actor.wait(async { receiver.recv().await.map(value) }, &polled);
            }
            9 => actor.record(|| Op::Lag(id, receiver.lag())),
            10 => self.subscribe(actor, receiver.is_member(), || receiver.resubscribe()),
            _ => {
                return actor.record_steps(|| {
                    drop(receiver);
                    vec![Op::DropReceiver(id), Op::Leave(id)]
                });
            }
        }
        self.receivers.push((id, receiver));
    }
}
