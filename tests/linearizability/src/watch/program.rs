//! What the threads do with a watch channel.

use fastrand::Rng;
use levada::watch::{self, Receiver, Ref, Sender};

use super::{Op, Watch};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// The handles of one thread.
struct Handles {
    sender: Option<Sender<u8>>,
    /// With their numbers.
    receivers: Vec<(usize, Receiver<u8>)>,
    /// The number of the next receiver.
    next: usize,
    yield_now: fn(),
}

/// Records what two to four threads do with one watch channel, all sending and receiving.
pub fn run(seed: u64, threads: &impl Threads) -> (Watch, Vec<Event<Op>>) {
    let mut rng = Rng::with_seed(seed);
    let actors = rng.usize(2..=4);
    let yield_now = threads.yield_now();
    let (sender, receiver) = watch::channel(0);
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
    (Watch { senders: actors }, record(seed, threads, programs))
}

/// Reads the value, and lets others go first while it is borrowed.
fn look(value: &Ref<'_, u8>, yield_now: fn()) -> (u8, bool) {
    if (**value).is_multiple_of(2) {
        yield_now();
    }
    (**value, value.has_changed())
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

    fn send(&mut self, sender: Sender<u8>, actor: &mut Actor<Op>) {
        let value = actor.value();
        match actor.rng.u8(..14) {
            0..=3 => {
                let id = actor.id();
                actor.record_steps(|| {
                    let sent = sender.send(value).map_err(|_| ());
                    let found = sent.is_ok().then_some(Op::FindReceiver(id));
                    found.into_iter().chain([Op::Send(id, value, sent)]).collect()
                });
            }
            4 | 5 => actor.record(|| Op::Replace(value, sender.send_replace(value))),
            6 | 7 => actor.record(|| {
                let mut old = 0;
                sender.send_modify(|place| {
                    (self.yield_now)();
                    old = std::mem::replace(place, value);
                });
                Op::Replace(value, old)
            }),
            8 => actor.record(|| Op::SenderBorrow(look(&sender.borrow(), self.yield_now).0)),
            9 => actor.record(|| Op::SenderIsClosed(sender.is_closed())),
            10 => actor.record(|| Op::ReceiverCount(sender.receiver_count())),
            11 | 12 => {
                let id = self.number();
                actor.record_steps(|| {
                    self.receivers.push((id, sender.subscribe()));
                    vec![Op::SeeFirst(id), Op::Subscribe(id)]
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

    fn receive(&mut self, id: usize, mut receiver: Receiver<u8>, actor: &mut Actor<Op>) {
        let yield_now = self.yield_now;
        match actor.rng.u8(..14) {
            0 | 1 => actor.record(|| Op::Borrow(id, look(&receiver.borrow(), yield_now))),
            2 | 3 => actor
                .record(|| Op::BorrowAndUpdate(id, look(&receiver.borrow_and_update(), yield_now))),
            4 => actor.record(|| Op::HasChanged(id, receiver.has_changed().map_err(|_| ()))),
            5 => actor.record(|| {
                receiver.mark_changed();
                Op::MarkChanged(id)
            }),
            6 => actor.record(|| {
                receiver.mark_unchanged();
                Op::MarkUnchanged(id)
            }),
            7..=9 => {
                let polled = Polled {
                    poll: &|poll| vec![Op::ChangedPoll(id, poll)],
                    cancelled: &|| Op::ChangedCancel,
                    starved: &|| Op::ChangedStarve(id),
                };
                actor.wait(async { receiver.changed().await.map_err(|_| ()) }, &polled);
            }
            10 => actor.record(|| Op::ReceiverIsClosed(receiver.is_closed())),
            11 => {
                let clone = self.number();
                actor.record(|| {
                    self.receivers.push((clone, receiver.clone()));
                    Op::CloneReceiver(id, clone)
                });
            }
            _ => {
                return actor.record(|| {
                    drop(receiver);
                    Op::DropReceiver(id)
                });
            }
        }
        self.receivers.push((id, receiver));
    }
}
