//! What the threads do with a channel that has an overflow policy.

use std::cell::RefCell;
use std::task::Poll;

use fastrand::Rng;
use levada::mpsc::{Offered, Overflow};

use super::{Op, Policies};
use crate::recorder::{Event, Threads, record};

thread_local! {
    /// What the hook got from the sends of this thread.
    static GONE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The hook of the channels: it runs where the sender runs.
fn hook(value: u8) {
    GONE.with_borrow_mut(|gone| gone.push(value));
}

/// What the hook got since the last call: at most one message of one send.
fn gone() -> Option<u8> {
    let gone = GONE.take();
    assert!(gone.len() <= 1, "the hook got {gone:?} of one send");
    gone.first().copied()
}

/// What became of a message: what went for it, if one did; the error is that the channel is closed.
type Outcome = Result<Option<u8>, ()>;

/// The steps of a send with this outcome, by this policy; `free` is what `offer` said.
fn steps(id: usize, policy: Overflow, value: u8, outcome: Outcome, free: Option<usize>) -> Vec<Op> {
    let evicts = matches!(policy, Overflow::EvictOldest | Overflow::EvictNewest);
    match outcome {
        Ok(None) => vec![Op::TakeRoom(id, evicts, free), Op::Store(id, value)],
        Ok(Some(gone)) if gone != value => {
            vec![Op::Exchange(id, policy, value, gone), Op::Count]
        }
        Ok(Some(_)) if policy == Overflow::Wait => vec![Op::Discard(id, false)],
        Ok(Some(_)) => vec![Op::Discard(id, evicts), Op::Count],
        Err(()) => vec![Op::PerhapsTakeRoom(id, evicts), Op::Fail(id)],
    }
}

/// The steps of an `offer`.
fn offered(id: usize, policy: Overflow, value: u8, offered: Result<Offered<u8>, ()>) -> Vec<Op> {
    match offered {
        Ok(Offered::Queued { free }) => steps(id, policy, value, Ok(None), Some(free)),
        Ok(Offered::Evicted(gone) | Offered::Discarded(gone)) => {
            steps(id, policy, value, Ok(Some(gone)), None)
        }
        Err(()) => steps(id, policy, value, Err(()), None),
    }
}

/// The steps of a receive that gives these messages; `given` first, if there is one receiver.
fn taken(many: bool, values: &[u8]) -> Vec<Op> {
    let give = |value| (!many).then_some(Op::Give(value));
    values.iter().flat_map(|value| give(*value).into_iter().chain([Op::Take(*value)])).collect()
}

/// The steps of a poll of a receive.
fn polled(many: bool, poll: Poll<Option<u8>>) -> Vec<Op> {
    match poll {
        Poll::Ready(Some(value)) => taken(many, &[value]),
        Poll::Ready(None) => vec![Op::End],
        Poll::Pending => vec![Op::Empty],
    }
}

fn draw(seed: u64, many: bool) -> Policies {
    let mut rng = Rng::with_seed(seed);
    let policies = [
        Overflow::Wait,
        Overflow::EvictOldest,
        Overflow::EvictOldest,
        Overflow::EvictNewest,
        Overflow::EvictNewest,
        Overflow::DiscardIncoming,
    ];
    let overflow = policies[rng.usize(..policies.len())];
    let receivers = if many { rng.usize(1..=2) } else { 1 };
    let capacity = [1, 1, 2, 3][rng.usize(..4)];
    Policies { overflow, capacity, senders: rng.usize(1..=2), receivers, many }
}

/// Records what one or two senders and the receiver of an mpsc channel do.
pub fn mpsc(seed: u64, threads: &impl Threads) -> (Policies, Vec<Event<Op>>) {
    let channel = draw(seed, false);
    (channel, record(seed, threads, mpsc::programs(channel)))
}

/// Records what one or two senders and one or two receivers of an mpmc channel do.
pub fn mpmc(seed: u64, threads: &impl Threads) -> (Policies, Vec<Event<Op>>) {
    let channel = draw(seed, true);
    (channel, record(seed, threads, mpmc::programs(channel)))
}

/// The programs are the same for both channels but for `$receive_alone`, what only a single
/// receiver does; the types are not. `$receivers` makes of one receiver as many as are wanted.
macro_rules! programs {
    ($name:ident, $many:literal, $receivers:expr, $receive_alone:path) => {
        mod $name {
            use std::collections::VecDeque;

            use levada::$name as channel;

            use super::{Op, Overflow, Policies, gone, hook, offered, polled, steps, taken};
            use crate::recorder::{Actor, Polled, Program};

            pub(super) fn programs(run: Policies) -> Vec<Program<Op>> {
                let builder = channel::builder(run.capacity).overflow(run.overflow);
                let (tx, rx) = builder.on_evicted(hook).build();
                let senders = vec![tx; run.senders].into_iter().map(|tx| -> Program<Op> {
                    Box::new(move |actor| send(tx, run.overflow, actor))
                });
                let receivers: Vec<channel::Receiver<u8>> = $receivers(rx, run.receivers);
                let receivers = receivers.into_iter();
                let receivers =
                    receivers.map(|rx| -> Program<Op> { Box::new(|actor| receive(rx, actor)) });
                senders.chain(receivers).collect()
            }

            fn send(tx: channel::Sender<u8>, policy: Overflow, actor: &mut Actor<Op>) {
                for _ in 0..actor.rng.u8(3..=7) {
                    actor.jitter();
                    if !actor.is_over() {
                        send_once(&tx, policy, actor);
                    }
                }
                if !actor.is_over() && actor.rng.bool() {
                    actor.record(|| {
                        drop(tx);
                        Op::DropSender
                    });
                } else {
                    actor.keep(tx);
                }
            }

            fn send_once(tx: &channel::Sender<u8>, policy: Overflow, actor: &mut Actor<Op>) {
                match actor.rng.u8(..14) {
                    0..=2 if policy == Overflow::Wait => send_or_not(tx, actor),
                    3..=5 if policy == Overflow::Wait => send_some(tx, actor),
                    0..=2 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.record_steps(|| {
                            let sent = tx.try_send(value).map_err(|_| ());
                            steps(id, policy, value, sent.map(|()| gone()), None)
                        });
                    }
                    3..=5 => {
                        let (id, value) = (actor.id(), actor.value());
                        let polled = Polled {
                            poll: &|poll| {
                                let std::task::Poll::Ready(outcome) = poll else {
                                    unreachable!("a send waits under a policy")
                                };
                                let steps = steps(id, policy, value, outcome, None);
                                [Op::PerhapsEnter(id)].into_iter().chain(steps).collect()
                            },
                            cancelled: &|| Op::Cancel,
                            starved: &|| Op::Cancel,
                        };
                        let send = async { tx.send(value).await.map(|()| gone()).map_err(|_| ()) };
                        actor.wait(send, &polled);
                    }
                    6 | 7 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.record_steps(|| {
                            offered(id, policy, value, tx.offer(value).map_err(|_| ()))
                        });
                    }
                    8..=10 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.record_steps(|| {
                            let sent = tx.force_send(value).map_err(|_| ());
                            steps(id, Overflow::EvictOldest, value, sent, None)
                        });
                    }
                    11 => reserve(tx, actor),
                    12 => actor.record(|| Op::Len(tx.len())),
                    _ => actor.record(|| Op::Evicted(tx.evicted())),
                }
            }

            /// `try_send` under the policy `Wait`.
            fn send_or_not(tx: &channel::Sender<u8>, actor: &mut Actor<Op>) {
                let (id, value) = (actor.id(), actor.value());
                actor.record_steps(|| match tx.try_send(value) {
                    Err(channel::error::TrySendError::Full(_)) => vec![Op::Full(id)],
                    sent => {
                        let sent = sent.map(|()| None).map_err(|_| ());
                        steps(id, Overflow::Wait, value, sent, None)
                    }
                });
            }

            /// `try_send_many` under the policy `Wait`.
            fn send_some(tx: &channel::Sender<u8>, actor: &mut Actor<Op>) {
                let id = actor.id();
                let all: Vec<_> = (0..actor.rng.u8(1..=3)).map(|_| actor.value()).collect();
                let mut batch = VecDeque::from(all.clone());
                actor.record_steps(|| match tx.try_send_many(&mut batch) {
                    Ok(sent) => {
                        assert!(batch.iter().eq(&all[sent..]), "what was not sent is still there");
                        let stored = all[..sent]
                            .iter()
                            .flat_map(|value| steps(id, Overflow::Wait, *value, Ok(None), None));
                        let stop = (sent < all.len()).then_some(Op::Stop(id));
                        stored.chain(stop).collect()
                    }
                    Err(channel::error::TrySendError::Full(())) => vec![Op::Full(id)],
                    Err(channel::error::TrySendError::Closed(())) => {
                        steps(id, Overflow::Wait, 0, Err(()), None)
                    }
                });
            }

            fn reserve(tx: &channel::Sender<u8>, actor: &mut Actor<Op>) {
                let mut permit = None;
                actor.record(|| {
                    permit = tx.try_reserve().ok();
                    Op::TryReserve(permit.is_some())
                });
                actor.jitter();
                let value = actor.value();
                if let Some(permit) = permit {
                    if actor.rng.u8(..3) > 0 {
                        actor.record(|| {
                            permit.send(value);
                            Op::PermitSend(value)
                        });
                    } else {
                        actor.record(|| {
                            drop(permit);
                            Op::PermitDrop
                        });
                    }
                }
            }

            #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
            fn receive(mut rx: channel::Receiver<u8>, actor: &mut Actor<Op>) {
                for _ in 0..actor.rng.u8(3..=9) {
                    actor.jitter();
                    if !actor.is_over() {
                        rx = receive_once(rx, actor);
                    }
                }
                if !actor.is_over() && actor.rng.bool() {
                    actor.record_steps(|| {
                        drop(rx);
                        vec![Op::DropReceiver, Op::DropMessages]
                    });
                } else {
                    actor.keep(rx);
                }
            }

            #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
            fn receive_once(
                mut rx: channel::Receiver<u8>,
                actor: &mut Actor<Op>,
            ) -> channel::Receiver<u8> {
                match actor.rng.u8(..14) {
                    0..=4 => actor.record_steps(|| match rx.try_recv() {
                        Ok(value) => taken($many, &[value]),
                        Err(channel::error::TryRecvError::Empty) => vec![Op::Empty],
                        Err(channel::error::TryRecvError::Disconnected) => vec![Op::End],
                    }),
                    5..=7 => actor.wait(
                        rx.recv(),
                        &Polled {
                            poll: &|poll| polled($many, poll),
                            cancelled: &|| Op::Cancel,
                            starved: &|| Op::Starve,
                        },
                    ),
                    8 => actor.record_steps(|| {
                        let values: Vec<_> = rx.drain().collect();
                        let drained = (!$many).then_some(Op::Drained);
                        taken($many, &values).into_iter().chain(drained).collect()
                    }),
                    9 => actor.record(|| Op::Len(rx.len())),
                    10 if actor.rng.bool() => actor.record(|| {
                        rx.close();
                        Op::Close
                    }),
                    _ => $receive_alone(&mut rx, actor),
                }
                rx
            }
        }
    };
}

programs!(mpsc, false, |rx, _| vec![rx], super::look);
programs!(mpmc, true, |rx, receivers| vec![rx; receivers], super::receive_one_more);

/// What only the receiver of mpsc does: it looks before it takes.
fn look(rx: &mut levada::mpsc::Receiver<u8>, actor: &mut crate::recorder::Actor<Op>) {
    let takes = actor.rng.bool();
    if actor.rng.bool() {
        return actor.record_steps(|| match rx.peek() {
            Some(value) => vec![Op::Give(*value), Op::Look(*value)],
            None => vec![Op::Nothing],
        });
    }
    actor.record_steps(|| {
        let mut seen = None;
        let received = rx.recv_if(|value| {
            seen = Some(*value);
            takes
        });
        assert_eq!(received, seen.filter(|_| takes));
        match seen {
            Some(value) if takes => vec![Op::Give(value), Op::Look(value), Op::Take(value)],
            Some(value) => vec![Op::Give(value), Op::Look(value)],
            None => vec![Op::Nothing],
        }
    });
}

/// A receiver of mpmc cannot look.
fn receive_one_more(rx: &mut levada::mpmc::Receiver<u8>, actor: &mut crate::recorder::Actor<Op>) {
    actor.record_steps(|| match rx.try_recv() {
        Ok(value) => taken(true, &[value]),
        Err(levada::mpmc::error::TryRecvError::Empty) => vec![Op::Empty],
        Err(levada::mpmc::error::TryRecvError::Disconnected) => vec![Op::End],
    });
}
