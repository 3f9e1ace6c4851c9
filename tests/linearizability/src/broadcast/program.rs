//! What the threads do with a broadcast channel.

use std::task::Poll;

use fastrand::Rng;
use levada::broadcast::{self, Receiver, Sender};

use super::{Broadcast, Op};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// A message whose clone takes its time, so that others come in between.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) value: u8,
    pub(crate) yield_now: fn(),
}

impl Clone for Message {
    fn clone(&self) -> Self {
        if self.value.is_multiple_of(2) {
            (self.yield_now)();
        }
        Self { ..*self }
    }
}

/// The handles of one thread.
struct Handles {
    sender: Option<Sender<Message>>,
    /// With their numbers.
    receivers: Vec<(usize, Receiver<Message>)>,
    /// The number of the next receiver.
    next: usize,
    yield_now: fn(),
}

/// Records what two to four threads do with one broadcast channel, all sending and receiving.
pub fn run(seed: u64, threads: &impl Threads) -> (Broadcast, Vec<Event<Op>>) {
    let mut rng = Rng::with_seed(seed);
    let actors = rng.usize(2..=4);
    let capacity = [1, 2, 4][rng.usize(..3)];
    let yield_now = threads.yield_now();
    let (sender, receiver) = broadcast::channel(capacity);
    let mut first = vec![(0, receiver)];
    let programs = (0..actors).map(|id| {
        let receivers = std::mem::take(&mut first);
        let sender = Some(sender.clone());
        let mut handles = Handles { sender, receivers, next: 16 * (id + 1), yield_now };
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
    (Broadcast { capacity, senders: actors }, record(seed, threads, programs))
}

/// A receiver that gets a message borrows it before, to clone it.
fn steps(receiver: usize, received: bool, op: Op) -> Vec<Op> {
    let borrowed = received.then_some(Op::Borrow(receiver));
    borrowed.into_iter().chain([op]).collect()
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

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn send(&mut self, sender: Sender<Message>, actor: &mut Actor<Op>) {
        match actor.rng.u8(..12) {
            0..=5 => {
                let message = Message { value: actor.value(), yield_now: self.yield_now };
                let value = message.value;
                actor.record(|| Op::Send(value, sender.send(message).map_err(|_| ())));
            }
            6 => actor.record(|| Op::Len(sender.len())),
            7 => actor.record(|| Op::IsEmpty(sender.is_empty())),
            8 => actor.record(|| Op::ReceiverCount(sender.receiver_count())),
            9 | 10 => {
                let id = self.number();
                actor.record(|| {
                    self.receivers.push((id, sender.subscribe()));
                    Op::Subscribe(id)
                });
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

    fn receive(&mut self, id: usize, mut receiver: Receiver<Message>, actor: &mut Actor<Op>) {
        let value = |message: Message| message.value;
        match actor.rng.u8(..12) {
            0..=2 => actor.record_steps(|| {
                let result = receiver.try_recv().map(value);
                steps(id, result.is_ok(), Op::TryRecv(id, result))
            }),
            3..=6 => {
                let polled = Polled {
                    poll: &|poll| {
                        let received = matches!(poll, Poll::Ready(Ok(_)));
                        steps(id, received, Op::RecvPoll(id, poll))
                    },
                    cancelled: &|| Op::RecvCancel,
                    starved: &|| Op::RecvStarve(id),
                };
                actor.wait(async { receiver.recv().await.map(value) }, &polled);
            }
            7 => actor.record(|| Op::ReceiverLen(id, receiver.len())),
            8 => actor.record(|| Op::ReceiverIsClosed(receiver.is_closed())),
            9 => {
                let new = self.number();
                actor.record(|| {
                    self.receivers.push((new, receiver.resubscribe()));
                    Op::Subscribe(new)
                });
            }
            _ => {
                return actor.record_steps(|| {
                    drop(receiver);
                    vec![Op::DropReceiver(id), Op::GiveUp(id)]
                });
            }
        }
        self.receivers.push((id, receiver));
    }
}
