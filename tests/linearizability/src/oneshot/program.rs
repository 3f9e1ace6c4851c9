//! What the threads do with a oneshot channel.

use levada::oneshot::{self, Receiver, Sender};

use super::{Oneshot, Op};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// Records what the two ends of a oneshot channel do.
pub fn run(seed: u64, threads: &impl Threads) -> (Oneshot, Vec<Event<Op>>) {
    let (sender, receiver) = oneshot::channel();
    let programs: Vec<Program<Op>> = vec![
        Box::new(move |actor| send(sender, actor)),
        Box::new(move |actor| receive(receiver, actor)),
    ];
    (Oneshot, record(seed, threads, programs))
}

fn send(mut sender: Sender<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(..4) {
        actor.jitter();
        if !actor.is_over() {
            if actor.rng.bool() {
                actor.record(|| Op::SenderIsClosed(sender.is_closed()));
            } else {
                let polled = Polled {
                    poll: &|poll| vec![Op::ClosedPoll(poll)],
                    cancelled: &|| Op::ClosedCancel,
                    starved: &|| Op::ClosedStarve,
                };
                actor.wait(sender.closed(), &polled);
            }
        }
    }
    if actor.is_over() {
        actor.keep(sender);
    } else if actor.rng.u8(..4) > 0 {
        let value = actor.value();
        actor.record(|| Op::Send(value, sender.send(value).map_err(|_| ())));
    } else {
        actor.record(|| {
            drop(sender);
            Op::DropSender
        });
    }
}

fn receive(mut receiver: Receiver<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(1..=6) {
        actor.jitter();
        if !actor.is_over() {
            receive_once(&mut receiver, actor);
        }
    }
    if !actor.is_over() && actor.rng.bool() {
        actor.record(|| {
            drop(receiver);
            Op::DropReceiver
        });
    } else {
        actor.keep(receiver);
    }
}

fn receive_once(receiver: &mut Receiver<u8>, actor: &mut Actor<Op>) {
    match actor.rng.u8(..9) {
        0 | 1 => actor.record(|| Op::TryRecv(receiver.try_recv())),
        // It must not be polled after its result.
        2..=4 if !receiver.is_terminated() => {
            let polled = Polled {
                poll: &|poll| vec![Op::RecvPoll(poll)],
                cancelled: &|| Op::RecvCancel,
                starved: &|| Op::RecvStarve,
            };
            actor.wait(async { receiver.await.map_err(|_| ()) }, &polled);
        }
        2..=5 => actor.record(|| Op::IsEmpty(receiver.is_empty())),
        6 => actor.record(|| Op::IsTerminated(receiver.is_terminated())),
        7 => actor.record(|| {
            receiver.close();
            Op::Close
        }),
        _ => {}
    }
}
