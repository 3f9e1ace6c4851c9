//! What the threads do with a rendezvous channel.

use fastrand::Rng;
use levada::mpsc::rendezvous::{Receiver, Sender};

use super::{Op, Rendezvous};
use crate::recorder::{Actor, Event, Polled, Program, Threads, record};

/// Records what one to three senders and the receiver do.
pub fn run(seed: u64, threads: &impl Threads) -> (Rendezvous, Vec<Event<Op>>) {
    let senders = Rng::with_seed(seed).usize(1..=3);
    let (tx, rx) = levada::mpsc::rendezvous();
    let programs = vec![tx; senders].into_iter();
    let programs = programs.map(|tx| -> Program<Op> { Box::new(|actor| send(tx, actor)) });
    let receiver: Program<Op> = Box::new(|actor| receive(rx, actor));
    let programs = programs.chain([receiver]).collect();
    (Rendezvous { senders }, record(seed, threads, programs))
}

fn send(tx: Sender<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(3..=6) {
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
    match actor.rng.u8(..10) {
        0..=7 => {
            let (id, value) = (actor.id(), actor.value());
            actor.wait(
                tx.send(value),
                &Polled {
                    poll: &|poll| {
                        vec![Op::SendPoll(id, value, poll.map(|sent| sent.map_err(|_| ())))]
                    },
                    cancelled: &|| Op::SendCancel(id),
                    starved: &|| Op::SendStarve(id),
                },
            );
        }
        8 => actor.record(|| Op::SenderIsClosed(tx.is_closed())),
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
}

fn receive(mut rx: Receiver<u8>, actor: &mut Actor<Op>) {
    for _ in 0..actor.rng.u8(3..=10) {
        actor.jitter();
        if !actor.is_over() {
            receive_once(&mut rx, actor);
        }
    }
    if !actor.is_over() && actor.rng.bool() {
        actor.record(|| {
            drop(rx);
            Op::DropReceiver
        });
    } else {
        actor.keep(rx);
    }
}

fn receive_once(rx: &mut Receiver<u8>, actor: &mut Actor<Op>) {
    match actor.rng.u8(..14) {
        0..=3 => actor.record(|| Op::TryRecv(rx.try_recv())),
        4..=9 => actor.wait(
            rx.recv(),
            &Polled {
                poll: &|poll| vec![Op::RecvPoll(poll)],
                cancelled: &|| Op::RecvCancel,
                starved: &|| Op::RecvStarve,
            },
        ),
        10 | 11 => actor.record(|| Op::Len(rx.len())),
        12 => actor.record(|| Op::ReceiverIsClosed(rx.is_closed())),
        _ => {
            if actor.rng.bool() {
                actor.record(|| {
                    rx.close();
                    Op::Close
                });
            }
        }
    }
}
