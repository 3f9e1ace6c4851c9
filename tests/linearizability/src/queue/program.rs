//! What the threads do with mpsc and mpmc.

use std::task::Poll;

use fastrand::Rng;

use super::{Op, Queue, Refused};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// How many of a channel's handles a run has, and how large it is.
fn draw(rng: &mut Rng, promises: bool) -> Queue {
    let capacity = [1, 1, 2, 3][rng.usize(..4)];
    let (senders, most) = (rng.usize(1..=2), if promises { 2 } else { 1 });
    Queue { capacity, senders, receivers: rng.usize(1..=most), promises }
}

/// A sender that sends a message takes room for it before, and one that fails may have done as
/// much.
pub(crate) fn steps(op: Op) -> Vec<Op> {
    let before = match op {
        Op::TrySend(sender, _, Ok(())) => vec![Op::TakeRoom(sender)],
        Op::SendPoll(sender, _, Poll::Ready(Ok(()))) => {
            vec![Op::PerhapsEnter(sender), Op::TakeRoom(sender)]
        }
        Op::TrySend(sender, _, Err(Refused::Closed)) => vec![Op::PerhapsTakeRoom(sender)],
        Op::SendPoll(sender, _, Poll::Ready(Err(()))) => {
            vec![Op::PerhapsEnter(sender), Op::PerhapsTakeRoom(sender)]
        }
        _ => vec![],
    };
    before.into_iter().chain([op]).collect()
}

/// A receiver that takes many messages at once counts them before.
fn many_steps(limit: usize, poll: Poll<Vec<u8>>) -> Vec<Op> {
    let count = match &poll {
        Poll::Ready(values) if !values.is_empty() => Some(Op::CountMany(limit, values.len())),
        _ => None,
    };
    let granted = count.is_some().then_some(Op::Grant);
    count.into_iter().chain([Op::RecvManyPoll(poll)]).chain(granted).collect()
}

/// A receiver that got a message grants what is free after it.
fn receive_steps(op: Op) -> Vec<Op> {
    let has_message = matches!(op, Op::TryRecv(Ok(_)) | Op::RecvPoll(Poll::Ready(Some(_))));
    [op].into_iter().chain(has_message.then_some(Op::Grant)).collect()
}

/// Records what one or two senders and the receiver of an mpsc channel do.
pub fn mpsc(seed: u64, threads: &impl Threads) -> (Queue, Vec<Event<Op>>) {
    let queue = draw(&mut Rng::with_seed(seed), false);
    (queue, record(seed, threads, mpsc::programs(queue)))
}

/// Records what one or two senders and one or two receivers of an mpmc channel do.
pub fn mpmc(seed: u64, threads: &impl Threads) -> (Queue, Vec<Event<Op>>) {
    let queue = draw(&mut Rng::with_seed(seed), true);
    (queue, record(seed, threads, mpmc::programs(queue)))
}

/// The programs are the same for both channels; the types are not. `$receivers` makes of one
/// receiver as many as are wanted.
macro_rules! programs {
    ($name:ident, $receivers:expr) => {
        mod $name {
            use levada::$name as channel;

            use super::{
                Actor, Op, Polled, Program, Queue, Refused, many_steps, receive_steps, steps,
            };

            pub(super) fn programs(queue: Queue) -> Vec<Program<Op>> {
                let (tx, rx) = channel::channel(queue.capacity);
                let senders = vec![tx; queue.senders].into_iter();
                let senders =
                    senders.map(|tx| -> Program<Op> { Box::new(|actor| send(tx, actor)) });
                let receivers: Vec<channel::Receiver<u8>> = $receivers(rx, queue.receivers);
                let receivers = receivers.into_iter();
                let receivers =
                    receivers.map(|rx| -> Program<Op> { Box::new(|actor| receive(rx, actor)) });
                senders.chain(receivers).collect()
            }

            fn send(mut tx: channel::Sender<u8>, actor: &mut Actor<Op>) {
                for _ in 0..actor.rng.u8(3..=6) {
                    actor.jitter();
                    if !actor.is_over() {
                        tx = send_once(tx, actor);
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

            fn send_once(tx: channel::Sender<u8>, actor: &mut Actor<Op>) -> channel::Sender<u8> {
                match actor.rng.u8(..12) {
                    0..=2 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.record_steps(|| {
                            let sent = tx.try_send(value).map_err(Refused::from);
                            steps(Op::TrySend(id, value, sent))
                        });
                    }
                    3..=6 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.wait(
                            tx.send(value),
                            &Polled {
                                poll: &|poll| {
                                    let poll = poll.map(|sent| sent.map_err(|_| ()));
                                    steps(Op::SendPoll(id, value, poll))
                                },
                                cancelled: &|| Op::SendCancel(id),
                                starved: &|| Op::SendStarve(id),
                            },
                        );
                    }
                    7 | 8 => reserve(&tx, actor),
                    9 => actor.record(|| Op::SenderIsClosed(tx.is_closed())),
                    10 => actor.record(|| Op::Capacity(tx.capacity())),
                    _ => {
                        let mut clone = None;
                        actor.record(|| {
                            clone = Some(tx.clone());
                            Op::CloneSender
                        });
                        actor.jitter();
                        actor.record(|| {
                            drop(clone);
                            Op::DropSender
                        });
                    }
                }
                tx
            }

            fn reserve(tx: &channel::Sender<u8>, actor: &mut Actor<Op>) {
                let mut permit = None;
                actor.record(|| {
                    let result = tx.try_reserve();
                    Op::TryReserve(result.map(|got| permit = Some(got)).map_err(Refused::from))
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
                for _ in 0..actor.rng.u8(3..=8) {
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
                match actor.rng.u8(..15) {
                    0..=3 => actor.record_steps(|| receive_steps(Op::TryRecv(rx.try_recv()))),
                    4..=7 => actor.wait(
                        rx.recv(),
                        &Polled {
                            poll: &|poll| receive_steps(Op::RecvPoll(poll)),
                            cancelled: &|| Op::RecvCancel,
                            starved: &|| Op::RecvStarve,
                        },
                    ),
                    8 | 9 => {
                        let limit = actor.rng.usize(1..=3);
                        let many = async {
                            let mut buffer = Vec::new();
                            rx.recv_many(&mut buffer, limit).await;
                            buffer
                        };
                        actor.wait(
                            many,
                            &Polled {
                                poll: &|poll| many_steps(limit, poll),
                                cancelled: &|| Op::RecvCancel,
                                starved: &|| Op::RecvStarve,
                            },
                        );
                    }
                    10 => actor.record(|| Op::Len(rx.len())),
                    11 => actor.record(|| Op::IsEmpty(rx.is_empty())),
                    12 => actor.record(|| Op::ReceiverIsClosed(rx.is_closed())),
                    13 => actor.record(|| Op::Capacity(rx.capacity())),
                    _ => close(&mut rx, actor),
                }
                rx
            }

            fn close(rx: &mut channel::Receiver<u8>, actor: &mut Actor<Op>) {
                if actor.rng.bool() {
                    actor.record(|| {
                        rx.close();
                        Op::Close
                    });
                }
            }
        }
    };
}

programs!(mpsc, |rx, _| vec![rx]);
programs!(mpmc, |rx, receivers| vec![rx; receivers]);
