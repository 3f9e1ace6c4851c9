//! What the threads do with a channel of two lanes.

use std::task::Poll;

use fastrand::Rng;
use levada::mpsc::error::TryRecvError;
use levada::mpsc::lanes::Serve;

use super::{LANES, Lanes, Op};
use crate::queue::{self, Queue, Refused};
use crate::recorder::{Event, Threads, record};

fn draw(seed: u64, promises: bool) -> Lanes {
    let mut rng = Rng::with_seed(seed);
    let serves = [Serve::Strict, Serve::Weighted([2, 1]), Serve::Weighted([1, 1])];
    let serve = serves[rng.usize(..serves.len())];
    let (senders, receivers) = (rng.usize(1..=2), rng.usize(1..=if promises { 2 } else { 1 }));
    let lanes = core::array::from_fn(|_| Queue {
        capacity: rng.usize(1..=2),
        senders,
        receivers,
        promises,
    });
    Lanes { lanes, serve }
}

/// The steps of something that is done in one lane.
fn in_lane(lane: usize, op: queue::Op) -> Vec<Op> {
    queue::steps(op).into_iter().map(|op| Op::Lane(lane, op)).collect()
}

/// The steps of something that is done in all lanes.
fn in_all(ops: &[queue::Op]) -> Vec<Op> {
    let lanes = (0..LANES).flat_map(|lane| ops.iter().map(move |op| (lane, op)));
    lanes.map(|(lane, op)| Op::Lane(lane, op.clone())).collect()
}

/// The steps of a receive.
fn received(id: usize, result: Result<(usize, u8), TryRecvError>) -> Vec<Op> {
    let nothing = |ended| {
        let missed = [(); LANES].map(|()| Op::Miss(id, ended));
        [Op::Order(id)].into_iter().chain(missed).chain([Op::Nothing(id, ended)]).collect()
    };
    match result {
        Ok((lane, value)) => {
            let skipped = [(); LANES - 1].map(|()| Op::Skip(id, lane));
            let taken = [Op::Take(id, lane, value), Op::Note(id, lane)];
            [Op::Order(id)].into_iter().chain(skipped).chain(taken).collect()
        }
        Err(TryRecvError::Empty) => nothing(false),
        Err(TryRecvError::Disconnected) => nothing(true),
    }
}

/// The steps of a poll of a receive.
fn polled(id: usize, poll: Poll<Option<(usize, u8)>>) -> Vec<Op> {
    received(
        id,
        match poll {
            Poll::Ready(Some(received)) => Ok(received),
            Poll::Ready(None) => Err(TryRecvError::Disconnected),
            Poll::Pending => Err(TryRecvError::Empty),
        },
    )
}

/// Records what one or two senders and the receiver of an mpsc channel do.
pub fn mpsc(seed: u64, threads: &impl Threads) -> (Lanes, Vec<Event<Op>>) {
    let channel = draw(seed, false);
    (channel, record(seed, threads, mpsc::programs(channel)))
}

/// Records what one or two senders and one or two receivers of an mpmc channel do.
pub fn mpmc(seed: u64, threads: &impl Threads) -> (Lanes, Vec<Event<Op>>) {
    let channel = draw(seed, true);
    (channel, record(seed, threads, mpmc::programs(channel)))
}

/// The programs are the same for both channels; the types are not. `$receivers` makes of one
/// receiver as many as are wanted.
macro_rules! programs {
    ($name:ident, $receivers:expr) => {
        mod $name {
            use levada::$name as channel;

            use super::{LANES, Lanes, Op, Refused, in_all, in_lane, polled, queue, received};
            use crate::recorder::{Actor, Polled, Program};

            type Sender = channel::lanes::Sender<u8, LANES>;
            type Receiver = channel::lanes::Receiver<u8, LANES>;

            pub(super) fn programs(run: Lanes) -> Vec<Program<Op>> {
                let capacities = run.lanes.map(|lane| lane.capacity);
                let (tx, rx) = channel::lanes(capacities, run.serve);
                let senders = vec![tx; run.lanes[0].senders].into_iter();
                let senders =
                    senders.map(|tx| -> Program<Op> { Box::new(|actor| send(tx, actor)) });
                let receivers: Vec<Receiver> = $receivers(rx, run.lanes[0].receivers);
                let receivers = receivers.into_iter();
                let receivers =
                    receivers.map(|rx| -> Program<Op> { Box::new(|actor| receive(rx, actor)) });
                senders.chain(receivers).collect()
            }

            fn send(tx: Sender, actor: &mut Actor<Op>) {
                for _ in 0..actor.rng.u8(3..=5) {
                    actor.jitter();
                    if !actor.is_over() {
                        let lane = actor.rng.usize(..LANES);
                        send_once(tx.lane(lane), lane, actor);
                    }
                }
                for (lane, tx) in tx.into_lanes().into_iter().enumerate() {
                    if !actor.is_over() && actor.rng.bool() {
                        actor.record(|| {
                            drop(tx);
                            Op::Lane(lane, queue::Op::DropSender)
                        });
                    } else {
                        actor.keep(tx);
                    }
                }
            }

            fn send_once(tx: &channel::Sender<u8>, lane: usize, actor: &mut Actor<Op>) {
                let (id, value) = (actor.id(), actor.value());
                if actor.rng.bool() {
                    actor.record_steps(|| {
                        let sent = tx.try_send(value).map_err(Refused::from);
                        in_lane(lane, queue::Op::TrySend(id, value, sent))
                    });
                } else {
                    actor.wait(
                        tx.send(value),
                        &Polled {
                            poll: &|poll| {
                                let poll = poll.map(|sent| sent.map_err(|_| ()));
                                in_lane(lane, queue::Op::SendPoll(id, value, poll))
                            },
                            cancelled: &|| Op::Lane(lane, queue::Op::SendCancel(id)),
                            starved: &|| Op::Lane(lane, queue::Op::SendStarve(id)),
                        },
                    );
                }
            }

            #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
            fn receive(mut rx: Receiver, actor: &mut Actor<Op>) {
                // A receive has up to six steps, and on a loaded machine it is polled more often.
                for _ in 0..actor.rng.u8(3..=4) {
                    actor.jitter();
                    if !actor.is_over() {
                        rx = receive_once(rx, actor);
                    }
                }
                if !actor.is_over() && actor.rng.bool() {
                    actor.record_steps(|| {
                        drop(rx);
                        in_all(&[queue::Op::DropReceiver, queue::Op::DropMessages])
                    });
                } else {
                    actor.keep(rx);
                }
            }

            #[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
            fn receive_once(mut rx: Receiver, actor: &mut Actor<Op>) -> Receiver {
                let id = actor.id();
                match actor.rng.u8(..12) {
                    0..=4 => actor.record_steps(|| received(id, rx.try_recv_with_lane())),
                    5..=9 => actor.wait(
                        rx.recv_with_lane(),
                        &Polled {
                            poll: &|poll| polled(id, poll),
                            cancelled: &|| Op::Cancel,
                            starved: &|| Op::Starve,
                        },
                    ),
                    10 => {
                        let lane = actor.rng.usize(..LANES);
                        actor.record(|| Op::Lane(lane, queue::Op::Len(rx.lane_len(lane))));
                    }
                    _ if actor.rng.bool() => actor.record_steps(|| {
                        rx.close();
                        in_all(&[queue::Op::Close])
                    }),
                    _ => {}
                }
                rx
            }
        }
    };
}

programs!(mpsc, |rx, _| vec![rx]);
programs!(mpmc, |rx, receivers| vec![rx; receivers]);
