//! A queue without bound: its states, and what its sender may do.

use super::queue_receivers::{World, drain, recv};
use super::{Receiver, Sender, channel, more, queue_receivers};
use grid::{Answer, Others, Stage, Table, pause, staged, steps};
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;
type Action = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;

/// The table; its fullest state has `messages`.
pub(crate) fn table(messages: usize) -> Table<Sender<Message>, Receiver<Message>> {
    let mut receivers = queue_receivers::actions();
    receivers.extend(more::actions());
    let mut states = states();
    states.extend(more::states());
    Table { states, senders: senders(), receivers, drain, to_all: false, size: messages }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| {
            shelve(world, open(world));
            Vec::new()
        }),
        state("one message", |world| {
            let (tx, rx) = open(world);
            send(world, &tx);
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("many messages", |world| {
            let (tx, rx) = open(world);
            for _ in 0..world.size {
                send(world, &tx);
            }
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("two senders", |world| {
            let (tx, rx) = open(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("closed with a message", |world| {
            let (tx, mut rx) = open(world);
            send(world, &tx);
            rx.close();
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(recv(world, &mut rx, Stage::Done)));
            shelve(world, (tx, rx));
            Vec::new()
        }),
    ]
}

pub(super) fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

pub(super) fn open(world: &Arc<World>) -> (Sender<Message>, Receiver<Message>) {
    let (tx, rx) = channel();
    let weak = tx.downgrade();
    world.set_probe(move || {
        let closed = weak.upgrade().map(|tx| tx.is_closed());
        format!("{closed:?}{}", weak.weak_count())
    });
    (tx, rx)
}

pub(super) fn shelve(world: &World, (tx, rx): (Sender<Message>, Receiver<Message>)) {
    world.senders.put(tx);
    world.receivers.put(rx);
}

const SEND: &[Answer] = &["sent", "closed"];

fn senders() -> Vec<Action> {
    vec![
        Action::new("send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move { ends(&world, send(&world, &tx), tx) })
        }),
        Action::new("send, send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                send(&world, &tx);
                pause().await;
                ends(&world, send(&world, &tx), tx)
            })
        })
        .pauses(1),
        Action::new("send, drop", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let answer = send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Action::new("clone, send, drop first", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let clone = tx.clone();
                assert!(tx.same_channel(&clone));
                drop(tx);
                pause().await;
                ends(&world, send(&world, &clone), clone)
            })
        })
        .pauses(1),
        Action::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Action::new("closed", Stage::ALL, &["closed", "open", "stopped"], |world, tx, stage| {
            steps(async move {
                let answer = match world.unless_released(staged(stage, tx.closed())).await {
                    Some(Some(())) => "closed",
                    Some(None) => "stopped",
                    None => "open",
                };
                ends(&world, answer, tx)
            })
        }),
        Action::new("downgrade, drop, upgrade", Stage::DONE, &["open", "gone"], |world, tx, _| {
            steps(async move {
                let weak = tx.downgrade();
                drop(tx);
                pause().await;
                match weak.upgrade() {
                    Some(tx) => ends(&world, "open", tx),
                    None => "gone",
                }
            })
        })
        .pauses(1),
        Action::new("ask", Stage::DONE, &["open", "closed"], |world, tx, _| {
            steps(async move {
                world.remark(&format!("{:?}", (tx.strong_count(), tx.weak_count())));
                let answer = if tx.is_closed() { "closed" } else { "open" };
                ends(&world, answer, tx)
            })
        }),
    ]
}

fn send(world: &World, tx: &Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.send(message) {
        Ok(()) => {
            world.accepted(id);
            "sent"
        }
        Err(error) => {
            assert_eq!(error.0.id(), id, "another message is given back");
            "closed"
        }
    }
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender<Message>) -> Answer {
    world.senders.put(tx);
    answer
}
