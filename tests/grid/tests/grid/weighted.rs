//! The table of the weighted channel: messages that weigh 1 and 2 in turns. tokio has no such
//! channel: no oracle is asked, and the rules of the grid are what is checked.

use super::own_receivers::{self as receivers, RECV, WHO, World, recv};
use super::own_senders::{self as senders, SEND, answer, ends, send};
use super::{Receiver, Sender, sent};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use levada::mpsc;
use levada::mpsc::weighted::Permit;
use levada::mpsc::weighted::error::TrySendError;
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;
type Pair = (Sender<Message>, Receiver<Message>);

/// The table for a channel with this maximum.
pub(crate) fn table(max: usize) -> Table<Sender<Message>, Receiver<Message>> {
    let (mut senders, mut receivers) = (senders::actions(), receivers::actions());
    senders.extend(permits());
    senders.extend(others());
    receivers.extend(many());
    let mut states = states();
    states.extend(further_states());
    Table { states, senders, receivers, drain: receivers::drain, to_all: false, size: max }
}

/// A table without a line: what stands for the oracle.
pub(crate) fn nothing() -> Table<Sender<Message>, Receiver<Message>> {
    Table { states: Vec::new(), senders: Vec::new(), receivers: Vec::new(), ..table(1) }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, open(world), Vec::new())),
        state("one message", |world| {
            let (tx, rx) = open(world);
            try_send(world, &tx);
            shelve(world, (tx, rx), Vec::new())
        }),
        state("two senders", |world| {
            let (tx, rx) = open(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx), Vec::new())
        }),
        state("full", |world| shelve(world, full(world), Vec::new())),
        state("full, one waits", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits(world, "in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("full, two wait", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits(world, "in line", &tx), waits(world, "second in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("full, one waits for all", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits_for_all(world, &tx), waits(world, "second in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
    ]
}

/// With permits out, closed, cancelled, forgotten.
fn further_states() -> Vec<State> {
    vec![
        state("a permit is out", |world| {
            let (tx, rx) = open(world);
            let others = vec![holds(world, &tx, true)];
            shelve(world, (tx, rx), others)
        }),
        state("a permit is out and comes back, one waits", |world| {
            let (tx, rx) = open(world);
            let others = vec![holds(world, &tx, false), waits_for_all(world, &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("the maximum has shrunk", |world| {
            let (tx, rx) = full(world);
            tx.set_max_weight(1);
            shelve(world, (tx, rx), Vec::new())
        }),
        state("closed with a message", |world| {
            let (tx, mut rx) = open(world);
            try_send(world, &tx);
            rx.close();
            shelve(world, (tx, rx), Vec::new())
        }),
        state("closed, a permit is out", |world| {
            let (tx, mut rx) = open(world);
            let others = vec![holds(world, &tx, true)];
            rx.close();
            shelve(world, (tx, rx), others)
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(recv(world, &mut rx, Stage::Done))));
            shelve(world, (tx, rx), Vec::new())
        }),
        State {
            name: "a turn was forgotten",
            build: |world| {
                let (tx, mut rx) = full(world);
                Task::waiting(tx.send(world.message())).forget();
                while receivers::try_recv(world, &mut rx) == "message" {}
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn weigh(message: &Message) -> usize {
    1 + message.id() % 2
}

/// A new channel that is asked after each step how full it is.
fn open(world: &Arc<World>) -> Pair {
    let (tx, rx) = mpsc::weighted(world.size, weigh);
    let weak = tx.downgrade();
    world.set_probe(move || {
        let Some(tx) = weak.upgrade() else { return String::new() };
        // One that is heavier than the maximum goes alone; and the maximum may have shrunk.
        let is_alone = tx.weight() <= 2;
        assert!(is_alone || tx.weight() <= tx.max_weight() || tx.max_weight() == 1);
        String::new()
    });
    (tx, rx)
}

fn full(world: &Arc<World>) -> Pair {
    let (tx, rx) = open(world);
    while try_send(world, &tx) == "sent" {}
    (tx, rx)
}

fn shelve(world: &World, (tx, rx): Pair, others: Others) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    others
}

/// Another sender, in line for room.
fn waits(
    world: &Arc<World>,
    name: &'static str,
    tx: &Sender<Message>,
) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    (name, Side::Sender, steps(async move { send(&world, &tx, Stage::Done).await }))
}

/// Another sender, in line for all the room there is.
fn waits_for_all(world: &Arc<World>, tx: &Sender<Message>) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    let sending = steps(async move {
        let reserved = tx.reserve_weight(world.size).await;
        reserved.map_or("closed", |permit| send_with(&world, permit))
    });
    ("all in line", Side::Sender, sending)
}

/// A permit that is used at the end, or is not.
fn holds(world: &Arc<World>, tx: &Sender<Message>, uses: bool) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    let mut holding = steps(async move {
        let permit = tx.try_reserve_weight(1).expect("there is room");
        world.released().await;
        if uses { send_with(&world, permit) } else { "released" }
    });
    assert!(support::poll_now(&mut holding).is_pending(), "it holds the permit now");
    ("the permit", Side::Sender, holding)
}

const TRY_SEND: &[Answer] = &["sent", "full", "closed"];

/// Those that reserve.
fn permits() -> Vec<senders::Action> {
    vec![
        senders::Action::new(
            "reserve_weight, send",
            Stage::ALL,
            &["sent", "closed", "stopped", "too heavy"],
            |world, tx, stage| {
                steps(async move {
                    let answer = match staged(stage, tx.reserve_weight(1)).await {
                        None => "stopped",
                        Some(Err(_)) => "closed",
                        Some(Ok(permit)) => {
                            pause().await;
                            send_with(&world, permit)
                        }
                    };
                    ends(&world, answer, tx)
                })
            },
        )
        .pauses(1),
        senders::Action::new(
            "reserve all, drop",
            Stage::DONE,
            &["dropped", "closed"],
            |world, tx, stage| {
                steps(async move {
                    let permit = staged(stage, tx.reserve_weight(world.size)).await;
                    pause().await;
                    let answer = if let Some(Ok(_)) = permit { "dropped" } else { "closed" };
                    drop(permit);
                    ends(&world, answer, tx)
                })
            },
        )
        .pauses(2),
        senders::Action::new("try_reserve_weight, send", Stage::DONE, TRY_SEND, |world, tx, _| {
            steps(async move {
                let answer = match tx.try_reserve_weight(2) {
                    Ok(permit) => {
                        pause().await;
                        send_with(&world, permit)
                    }
                    Err(TrySendError::Full(())) => "full",
                    Err(_) => "closed",
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
    ]
}

/// Those that do not wait.
fn others() -> Vec<senders::Action> {
    vec![
        senders::Action::new("try_send", Stage::DONE, TRY_SEND, |world, tx, _| {
            steps(async move { ends(&world, try_send(&world, &tx), tx) })
        }),
        senders::Action::new("try_send, drop", Stage::DONE, TRY_SEND, |world, tx, _| {
            steps(async move {
                let answer = try_send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        senders::Action::new("raise the maximum", Stage::DONE, &["raised"], |world, tx, _| {
            steps(async move {
                tx.set_max_weight(world.size + 2);
                ends(&world, "raised", tx)
            })
        }),
        senders::Action::new("lower, send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                tx.set_max_weight(1);
                pause().await;
                ends(&world, send(&world, &tx, stage).await, tx)
            })
        })
        .pauses(1),
    ]
}

/// Those of the receiver that take several messages.
fn many() -> Vec<receivers::Action> {
    vec![receivers::Action::new("recv_many", Stage::ALL, RECV, |world, mut rx, stage| {
        steps(async move {
            let mut buffer = Vec::new();
            let count = staged(stage, rx.recv_many(&mut buffer, 2)).await;
            buffer.iter().for_each(|message| world.received(WHO, message));
            assert_eq!(count.unwrap_or_default(), buffer.len());
            let answer = match count {
                None => "stopped",
                Some(0) => "end",
                Some(_) => "message",
            };
            receivers::ends(&world, answer, rx)
        })
    })]
}

fn send_with(world: &World, permit: Permit<'_, Message>) -> Answer {
    let message = world.message();
    let (id, weight) = (message.id(), weigh(&message));
    if weight > permit.weight() {
        let back = permit.send(message).expect_err("it is too heavy").into_inner();
        assert_eq!(back.id(), id, "another message is given back");
        return "too heavy";
    }
    answer(world, id, sent(permit.send(message)))
}

fn try_send(world: &World, tx: &Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.try_send(message) {
        Ok(()) => answer(world, id, Ok(())),
        Err(TrySendError::Full(message)) => {
            assert_eq!(message.id(), id, "another message is given back");
            "full"
        }
        Err(error) => answer(world, id, Err(error.into_inner())),
    }
}
