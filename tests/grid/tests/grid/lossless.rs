//! The table of lossless broadcast. One member receives: as of a queue, it gets every message, and
//! a full channel holds the senders back. Beside it are members that go, and an observer.
//!
//! tokio has no such channel: no oracle is asked, and the rules of the grid are what is checked.

use super::lossless_receivers::{self as receivers, Receiver, Sender, World, try_recv};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use levada::broadcast;
use levada::broadcast::lossless::error::TrySendError;
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender, Receiver>;
type Action = grid::Action<Sender, Receiver, Sender>;

/// The table for a channel whose member may be `capacity` messages behind.
pub(crate) fn table(capacity: usize) -> Table<Sender, Receiver> {
    let mut senders = senders();
    senders.extend(silent_senders());
    let mut states = states();
    states.extend(states_with_others());
    let (receivers, drain) = (receivers::actions(), receivers::drain);
    Table { states, senders, receivers, drain, to_all: false, size: capacity }
}

/// A table without a line: what stands for the oracle.
pub(crate) fn nothing() -> Table<Sender, Receiver> {
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
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(rx.recv())));
            shelve(world, (tx, rx), Vec::new())
        }),
        State {
            name: "a turn was forgotten",
            build: |world| {
                let (tx, mut rx) = full(world);
                Task::waiting(tx.send(Arc::new(world.message()))).forget();
                try_recv(world, &mut rx);
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

fn states_with_others() -> Vec<State> {
    vec![
        state("all receivers had gone", |world| {
            let (tx, rx) = open(world);
            try_send(world, &tx);
            world.left();
            drop(rx);
            let rx = tx.subscribe();
            shelve(world, (tx, rx), Vec::new())
        }),
        state("another member holds back", |world| {
            let (tx, mut rx) = open(world);
            let second = tx.subscribe();
            for _ in 0..world.size {
                assert_eq!(try_send(world, &tx), "sent");
                try_recv(world, &mut rx);
            }
            let others = vec![leaves(world, "the second member", second)];
            shelve(world, (tx, rx), others)
        }),
        state("another member holds back, one waits", |world| {
            let (tx, mut rx) = open(world);
            let second = tx.subscribe();
            for _ in 0..world.size {
                assert_eq!(try_send(world, &tx), "sent");
                try_recv(world, &mut rx);
            }
            let others =
                vec![leaves(world, "the second member", second), waits(world, "in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("an observer is behind", |world| {
            let (tx, mut rx) = open(world);
            let observer = tx.subscribe_lossy();
            for _ in 0..2 * world.size {
                assert_eq!(try_send(world, &tx), "sent");
                try_recv(world, &mut rx);
            }
            let others = vec![leaves(world, "the observer", observer)];
            shelve(world, (tx, rx), others)
        }),
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn open(world: &Arc<World>) -> (Sender, Receiver) {
    broadcast::lossless(world.size)
}

fn full(world: &Arc<World>) -> (Sender, Receiver) {
    let (tx, rx) = open(world);
    for _ in 0..world.size {
        assert_eq!(try_send(world, &tx), "sent");
    }
    (tx, rx)
}

fn shelve(world: &World, (tx, rx): (Sender, Receiver), others: Others) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    others
}

/// Another sender, in line.
fn waits(world: &Arc<World>, name: &'static str, tx: &Sender) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    (name, Side::Sender, steps(async move { send(&world, &tx, Stage::Done).await }))
}

/// Another receiver, which goes at the end with what it has not received.
fn leaves(world: &Arc<World>, name: &'static str, rx: Receiver) -> (&'static str, Side, Steps) {
    let world = Arc::clone(world);
    let leaving = steps(async move {
        world.released().await;
        drop(rx);
        "left"
    });
    (name, Side::Receiver, leaving)
}

const SEND: &[Answer] = &["sent", "closed", "stopped"];
const TRY_SEND: &[Answer] = &["sent", "full", "closed"];

fn senders() -> Vec<Action> {
    vec![
        Action::new("send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move { ends(&world, send(&world, &tx, stage).await, tx) })
        }),
        Action::new("send, send", Stage::DONE, &["sent", "closed"], |world, tx, stage| {
            steps(async move {
                send(&world, &tx, stage).await;
                ends(&world, send(&world, &tx, stage).await, tx)
            })
        })
        .pauses(1),
        Action::new("try_send", Stage::DONE, TRY_SEND, |world, tx, _| {
            steps(async move { ends(&world, try_send(&world, &tx), tx) })
        }),
        Action::new("try_send, drop", Stage::DONE, TRY_SEND, |world, tx, _| {
            steps(async move {
                let answer = try_send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Action::new(
            "clone, drop first, send",
            Stage::DONE,
            &["sent", "closed"],
            |world, tx, stage| {
                steps(async move {
                    let clone = tx.clone();
                    assert!(tx.same_channel(&clone));
                    drop(tx);
                    ends(&world, send(&world, &clone, stage).await, clone)
                })
            },
        )
        .pauses(1),
        Action::new("blocking_send", Stage::DONE, &["sent", "closed"], |world, tx, _| {
            steps(async move {
                let message = world.message();
                let id = message.id();
                let sent = tx.blocking_send(Arc::new(message));
                ends(&world, answer(&world, id, sent.map_err(|error| error.0)), tx)
            })
        })
        .blocks(),
    ]
}

/// Those that send nothing.
fn silent_senders() -> Vec<Action> {
    vec![
        Action::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Action::new("evict", Stage::DONE, &["evicted", "gone"], |world, tx, _| {
            steps(async move {
                world.left();
                let members = tx.subscribers().into_iter().filter(|it| it.is_member);
                let evicted = members.filter(|member| tx.evict(member.id)).count();
                let answer = if evicted > 0 { "evicted" } else { "gone" };
                ends(&world, answer, tx)
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
        Action::new("ask", Stage::DONE, &["asked"], |world, tx, _| {
            steps(async move {
                for subscriber in tx.subscribers().iter().filter(|it| it.is_member) {
                    assert!(subscriber.lag <= world.size as u64, "{subscriber:?}");
                }
                ends(&world, "asked", tx)
            })
        }),
    ]
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender) -> Answer {
    world.senders.put(tx);
    answer
}

fn answer(world: &World, id: usize, sent: Result<usize, Arc<Message>>) -> Answer {
    match sent {
        Ok(_) => {
            world.accepted(id);
            "sent"
        }
        Err(message) => {
            assert_eq!(message.id(), id, "another message is given back");
            "closed"
        }
    }
}

async fn send(world: &World, tx: &Sender, stage: Stage) -> Answer {
    let message = world.message();
    let id = message.id();
    match staged(stage, tx.send(Arc::new(message))).await {
        None => "stopped",
        Some(sent) => answer(world, id, sent.map_err(|error| error.0)),
    }
}

fn try_send(world: &World, tx: &Sender) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.try_send(Arc::new(message)) {
        Ok(receivers) => answer(world, id, Ok(receivers)),
        Err(TrySendError::Full(message)) => {
            assert_eq!(message.id(), id, "another message is given back");
            "full"
        }
        Err(TrySendError::Closed(message)) => answer(world, id, Err(message)),
    }
}
