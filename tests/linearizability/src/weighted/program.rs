//! What the threads do with a weighted channel.

use std::task::Poll;

use fastrand::Rng;
use levada::mpsc::error::TryRecvError;
use levada::mpsc::weighted::error::{SendError, TrySendError};
use levada::mpsc::weighted::{self, Oversize, Receiver, Sender};

use super::{Op, Refused, Weighted, weight};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// Records what one or two senders and the receiver do.
pub fn run(seed: u64, threads: &impl Threads) -> (Weighted, Vec<Event<Op>>) {
    let mut rng = Rng::with_seed(seed);
    let (max, rejects, senders) = (rng.usize(2..=6), rng.u8(..4) == 0, rng.usize(1..=3));
    let oversize = if rejects { Oversize::Reject } else { Oversize::Alone };
    let (tx, rx) = weighted::builder(max, |value: &u8| weight(*value)).oversize(oversize).build();
    let programs = vec![tx; senders].into_iter();
    let programs = programs.map(|tx| -> Program<Op> { Box::new(|actor| send(tx, actor)) });
    let receiver: Program<Op> = Box::new(|actor| receive(rx, actor));
    let programs = programs.chain([receiver]).collect();
    (Weighted { max, rejects, senders }, record(seed, threads, programs))
}

/// The steps that take room, and a place for a message of this weight.
fn taken(id: usize, weight: usize) -> Vec<Op> {
    vec![Op::Look(id), Op::TakeRoom(id, weight), Op::TakePlace(id)]
}

/// The steps of a refusal.
fn refused(id: usize, weight: usize, why: Refused) -> Vec<Op> {
    let before = match why {
        Refused::Closed => vec![Op::Look(id), Op::PerhapsTakeRoom(id, weight)],
        Refused::Full => vec![Op::Look(id), Op::Grant],
        Refused::TooHeavy => vec![],
    };
    before.into_iter().chain([Op::Refuse(id, weight, why), Op::Grant]).collect()
}

fn why<T>(error: &TrySendError<T>) -> Refused {
    match error {
        TrySendError::Full(_) => Refused::Full,
        TrySendError::Closed(_) => Refused::Closed,
        TrySendError::TooHeavy(_) => Refused::TooHeavy,
    }
}

/// The steps of a poll of `send`.
fn polled(id: usize, value: u8, poll: Poll<Result<(), SendError<u8>>>) -> Vec<Op> {
    let entered = [Op::PerhapsEnter(id, weight(value)), Op::Grant];
    match poll {
        Poll::Pending => vec![Op::Wait(id, weight(value))],
        Poll::Ready(Ok(())) => {
            let taken = taken(id, weight(value)).into_iter();
            entered.into_iter().chain(taken).chain([Op::Store(id, value)]).collect()
        }
        Poll::Ready(Err(SendError::Closed(_))) => {
            entered.into_iter().chain(refused(id, weight(value), Refused::Closed)).collect()
        }
        Poll::Ready(Err(SendError::TooHeavy(_))) => refused(id, weight(value), Refused::TooHeavy),
    }
}

fn send(tx: Sender<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(3..=5) {
        actor.jitter();
        if !actor.is_over() {
            send_once(&tx, actor);
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

fn send_once(tx: &Sender<u8>, actor: &mut Actor<Op>) {
    match actor.rng.u8(..12) {
        0..=2 => {
            let (id, value) = (actor.id(), actor.value());
            actor.record_steps(|| match tx.try_send(value) {
                Ok(()) => {
                    let taken = taken(id, weight(value)).into_iter();
                    taken.chain([Op::Store(id, value)]).collect()
                }
                Err(error) => refused(id, weight(value), why(&error)),
            });
        }
        3..=6 => {
            let (id, value) = (actor.id(), actor.value());
            actor.wait(
                tx.send(value),
                &Polled {
                    poll: &|poll| polled(id, value, poll),
                    cancelled: &|| Op::Cancel(id),
                    starved: &|| Op::Starve(id),
                },
            );
        }
        7 | 8 => reserve(tx, actor),
        9 => actor.record(|| Op::Weight(tx.weight())),
        10 => {
            let max = actor.rng.usize(2..=6);
            actor.record(|| {
                tx.set_max_weight(max);
                Op::SetMax(max)
            });
        }
        _ => actor.record(|| Op::IsClosed(tx.is_closed())),
    }
}

fn reserve(tx: &Sender<u8>, actor: &mut Actor<Op>) {
    let (id, reserved) = (actor.id(), actor.rng.usize(1..=5));
    let mut permit = None;
    actor.record_steps(|| match tx.try_reserve_weight(reserved) {
        Ok(taken_now) => {
            permit = Some(taken_now);
            taken(id, reserved)
        }
        Err(error) => refused(id, reserved, why(&error)),
    });
    actor.jitter();
    let value = actor.value();
    let Some(permit) = permit else { return };
    let given_back = || vec![Op::Shrink(id, 0), Op::Grant, Op::Release(id)];
    if actor.rng.u8(..3) == 0 {
        return actor.record_steps(|| {
            drop(permit);
            given_back()
        });
    }
    actor.record_steps(|| match permit.send(value) {
        Ok(()) => vec![Op::Shrink(id, weight(value)), Op::Grant, Op::Store(id, value)],
        Err(SendError::TooHeavy(heavy)) => {
            assert_eq!((heavy.weight, heavy.max), (weight(value), reserved));
            given_back()
        }
        // What the message does not need goes first, and the rest when it comes back.
        Err(SendError::Closed(_)) => {
            let shrunk = [Op::Shrink(id, weight(value)), Op::Grant];
            shrunk.into_iter().chain(given_back()).collect()
        }
    });
}

fn receive(mut rx: Receiver<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(3..=8) {
        actor.jitter();
        if !actor.is_over() {
            receive_once(&mut rx, actor);
        }
    }
    if !actor.is_over() && actor.rng.bool() {
        actor.record_steps(|| {
            drop(rx);
            vec![Op::Close, Op::CloseLine, Op::Gone]
        });
    } else {
        actor.keep(rx);
    }
}

/// The steps of a receive that gives these messages.
fn received(values: &[u8]) -> Vec<Op> {
    let weight = values.iter().map(|value| weight(*value)).sum();
    let taken = values.iter().map(|value| Op::Take(*value));
    taken.chain([Op::GiveBack(weight), Op::Grant]).collect()
}

/// The steps of a poll of a receive.
fn received_by_poll(poll: Poll<Vec<u8>>) -> Vec<Op> {
    match poll {
        Poll::Ready(values) if values.is_empty() => vec![Op::End],
        Poll::Ready(values) => received(&values),
        Poll::Pending => vec![Op::Grant, Op::Empty],
    }
}

fn receive_once(rx: &mut Receiver<u8>, actor: &mut Actor<Op>) {
    let polled = Polled {
        poll: &received_by_poll,
        cancelled: &|| Op::RecvCancel,
        starved: &|| Op::RecvStarve,
    };
    match actor.rng.u8(..14) {
        0..=3 => actor.record_steps(|| match rx.try_recv() {
            Ok(value) => received(&[value]),
            Err(TryRecvError::Empty) => vec![Op::Grant, Op::Empty],
            Err(TryRecvError::Disconnected) => vec![Op::End],
        }),
        4..=7 => actor.wait(async { rx.recv().await.into_iter().collect() }, &polled),
        8 | 9 => {
            let limit = actor.rng.usize(1..=3);
            let many = async {
                let mut buffer = Vec::new();
                rx.recv_many(&mut buffer, limit).await;
                buffer
            };
            actor.wait(many, &polled);
        }
        10 | 11 => actor.record(|| Op::Weight(rx.weight())),
        12 => actor.record(|| Op::Len(rx.len())),
        _ => {
            if actor.rng.bool() {
                actor.record_steps(|| {
                    rx.close();
                    vec![Op::Close, Op::CloseLine]
                });
            }
        }
    }
}
