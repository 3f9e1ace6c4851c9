//! The table of channels of two lanes, with one receiver or with many. tokio has no such channel:
//! no oracle is asked, and the rules of the grid are what is checked; the order, within a lane.

use super::own_receivers::{self as receivers, RECV, WHO, World, received, recv};
use super::{Receiver, Sender, more_lanes, open_lanes};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use levada::mpsc::error::{TryRecvError, TrySendError};
use levada::mpsc::lanes::Serve;
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;
type Action = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;
type Pair = (Sender<Message>, Receiver<Message>);

const HIGH: usize = 0;
const LOW: usize = 1;

/// The table for lanes of this capacity: those of capacity 1 are served strictly, others in turns.
pub(crate) fn table(capacity: usize) -> Table<Sender<Message>, Receiver<Message>> {
    let (mut senders, mut receivers) = (senders(), receivers::actions());
    senders.extend(other_senders());
    receivers.extend(with_lanes());
    receivers.extend(more_lanes::actions());
    let mut states = states();
    states.extend(more_lanes::states());
    Table { states, senders, receivers, drain: receivers::drain, to_all: false, size: capacity }
}

/// A table without a line: what stands for the oracle.
pub(crate) fn nothing() -> Table<Sender<Message>, Receiver<Message>> {
    Table { states: Vec::new(), senders: Vec::new(), receivers: Vec::new(), ..table(1) }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, open(world), Vec::new())),
        state("one below", |world| {
            let (tx, rx) = open(world);
            try_send(world, &tx, LOW);
            shelve(world, (tx, rx), Vec::new())
        }),
        state("two senders, full below", |world| {
            let (tx, rx) = open(world);
            while try_send(world, &tx, LOW) == "sent" {}
            world.senders.put(tx.clone());
            shelve(world, (tx, rx), Vec::new())
        }),
        state("full below, one waits", |world| {
            let (tx, rx) = open(world);
            while try_send(world, &tx, LOW) == "sent" {}
            let others = vec![waits(world, "in the low line", &tx, LOW)];
            shelve(world, (tx, rx), others)
        }),
        state("full", |world| shelve(world, full(world), Vec::new())),
        state("full, one waits in each", |world| {
            let (tx, rx) = full(world);
            let low = waits(world, "in the low line", &tx, LOW);
            let others = vec![low, waits(world, "in the high line", &tx, HIGH)];
            shelve(world, (tx, rx), others)
        }),
        state("closed, full", |world| {
            let (tx, mut rx) = full(world);
            rx.close();
            shelve(world, (tx, rx), Vec::new())
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(recv(world, &mut rx, Stage::Done))));
            shelve(world, (tx, rx), Vec::new())
        }),
        State {
            name: "a turn below was forgotten",
            build: |world| {
                let (tx, mut rx) = full(world);
                Task::waiting(tx.lane(LOW).send(world.message_in(LOW))).forget();
                while receivers::try_recv(world, &mut rx) == "message" {}
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

pub(super) fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

pub(super) fn open(world: &Arc<World>) -> Pair {
    let serve = if world.size == 1 { Serve::Strict } else { Serve::Weighted([2, 1]) };
    open_lanes([world.size; 2], serve)
}

fn full(world: &Arc<World>) -> Pair {
    let (tx, rx) = open(world);
    for lane in [LOW, HIGH] {
        while try_send(world, &tx, lane) == "sent" {}
    }
    (tx, rx)
}

pub(super) fn shelve(world: &World, (tx, rx): Pair, others: Others) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    others
}

/// Another sender, in line.
fn waits(
    world: &Arc<World>,
    name: &'static str,
    tx: &Sender<Message>,
    lane: usize,
) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    (name, Side::Sender, steps(async move { send(&world, &tx, lane, Stage::Done).await }))
}

const SEND: &[Answer] = &["sent", "closed", "stopped"];

fn senders() -> Vec<Action> {
    vec![
        Action::new("send above", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move { ends(&world, send(&world, &tx, HIGH, stage).await, tx) })
        }),
        Action::new("send below", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move { ends(&world, send(&world, &tx, LOW, stage).await, tx) })
        }),
        Action::new(
            "send below, send above",
            Stage::DONE,
            &["sent", "closed"],
            |world, tx, stage| {
                steps(async move {
                    send(&world, &tx, LOW, stage).await;
                    ends(&world, send(&world, &tx, HIGH, stage).await, tx)
                })
            },
        )
        .pauses(1),
        Action::new("reserve below, send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let answer = match staged(stage, tx.lane(LOW).reserve()).await {
                    None => "stopped",
                    Some(Err(_)) => "closed",
                    Some(Ok(permit)) => {
                        pause().await;
                        let message = world.message_in(LOW);
                        world.accepted(message.id());
                        permit.send(message);
                        "sent"
                    }
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
        Action::new("into_lanes, drop above, send below", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let [high, low] = tx.into_lanes();
                drop(high);
                pause().await;
                let message = world.message_in(LOW);
                let id = message.id();
                let sent = staged(stage, low.send(message)).await;
                let sent = sent.map(|sent| sent.map_err(|error| error.0));
                sent.map_or("stopped", |sent| answer(&world, id, sent))
            })
        })
        .pauses(1),
    ]
}

/// Those that do not wait, or send nothing.
fn other_senders() -> Vec<Action> {
    vec![
        Action::new(
            "try_send below, above",
            Stage::DONE,
            &["sent", "full", "closed"],
            |world, tx, _| {
                steps(async move {
                    try_send(&world, &tx, LOW);
                    pause().await;
                    ends(&world, try_send(&world, &tx, HIGH), tx)
                })
            },
        )
        .pauses(1),
        Action::new(
            "closed below",
            Stage::ALL,
            &["closed", "open", "stopped"],
            |world, tx, stage| {
                steps(async move {
                    let closed = staged(stage, tx.lane(LOW).closed());
                    let answer = match world.unless_released(closed).await {
                        Some(Some(())) => "closed",
                        Some(None) => "stopped",
                        None => "open",
                    };
                    ends(&world, answer, tx)
                })
            },
        ),
        Action::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Action::new("clone, drop first, ask", Stage::DONE, &["open", "closed"], |world, tx, _| {
            steps(async move {
                let clone = tx.clone();
                drop(tx);
                pause().await;
                let answer = if clone.is_closed() { "closed" } else { "open" };
                ends(&world, answer, clone)
            })
        })
        .pauses(1),
    ]
}

/// Those of the receiver that give the lane.
fn with_lanes() -> Vec<receivers::Action> {
    vec![
        receivers::Action::new("recv_with_lane", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move {
                let got = staged(stage, rx.recv_with_lane()).await;
                let answer = got.map_or("stopped", |got| numbered(&world, got));
                receivers::ends(&world, answer, rx)
            })
        }),
        receivers::Action::new(
            "try_recv_with_lane",
            Stage::DONE,
            &["message", "empty", "end"],
            |world, mut rx, _| {
                steps(async move {
                    let answer = match rx.try_recv_with_lane() {
                        Err(TryRecvError::Empty) => "empty",
                        got => numbered(&world, got.ok()),
                    };
                    receivers::ends(&world, answer, rx)
                })
            },
        ),
    ]
}

fn numbered(world: &World, got: Option<(usize, Message)>) -> Answer {
    assert!(got.as_ref().is_none_or(|(lane, _)| *lane <= LOW), "there are two lanes");
    received(world, WHO, got.map(|(_, message)| message).as_ref())
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender<Message>) -> Answer {
    world.senders.put(tx);
    answer
}

/// What became of message `id`; the error is what came back.
fn answer(world: &World, id: usize, sent: Result<(), Message>) -> Answer {
    match sent {
        Ok(()) => {
            world.accepted(id);
            "sent"
        }
        Err(message) => {
            assert_eq!(message.id(), id, "another message is given back");
            "closed"
        }
    }
}

async fn send(world: &World, tx: &Sender<Message>, lane: usize, stage: Stage) -> Answer {
    let message = world.message_in(lane);
    let id = message.id();
    match staged(stage, tx.lane(lane).send(message)).await {
        None => "stopped",
        Some(sent) => answer(world, id, sent.map_err(|error| error.0)),
    }
}

fn try_send(world: &World, tx: &Sender<Message>, lane: usize) -> Answer {
    let message = world.message_in(lane);
    let id = message.id();
    match tx.lane(lane).try_send(message) {
        Ok(()) => answer(world, id, Ok(())),
        Err(TrySendError::Full(message)) => {
            assert_eq!(message.id(), id, "another message is given back");
            "full"
        }
        Err(TrySendError::Closed(message)) => answer(world, id, Err(message)),
    }
}
