//! What the sender of a weighted or a rendezvous channel may do that is the same of both.

use super::own_receivers::World;
use super::{Receiver, Sender, sent};
use grid::{Answer, Stage, pause, staged, steps};
use support::Message;

pub(super) type Action = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;

pub(super) const SEND: &[Answer] = &["sent", "closed", "stopped"];

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    let mut all = waiting();
    all.extend(others());
    all
}

fn waiting() -> Vec<Action> {
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
        Action::new("send, drop", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move { send(&world, &tx, stage).await })
        }),
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
                let answer = answer(&world, id, sent(tx.blocking_send(message)));
                ends(&world, answer, tx)
            })
        })
        .blocks(),
    ]
}

/// Those that send nothing.
fn others() -> Vec<Action> {
    vec![
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
        Action::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Action::new("downgrade, drop, upgrade", Stage::DONE, &["gone", "alive"], |world, tx, _| {
            steps(async move {
                let weak = tx.downgrade();
                drop(tx);
                pause().await;
                weak.upgrade().map_or("gone", |tx| ends(&world, "alive", tx))
            })
        })
        .pauses(1),
        Action::new("ask", Stage::DONE, &["open", "closed"], |world, tx, _| {
            steps(async move {
                assert!(tx.strong_count() > 0);
                let answer = if tx.is_closed() { "closed" } else { "open" };
                ends(&world, answer, tx)
            })
        }),
    ]
}

/// Puts the sender back on its shelf, and answers.
pub(super) fn ends(world: &World, answer: Answer, tx: Sender<Message>) -> Answer {
    world.senders.put(tx);
    answer
}

/// What became of message `id`; the error is what came back.
pub(super) fn answer(world: &World, id: usize, sent: Result<(), Message>) -> Answer {
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

pub(super) async fn send(world: &World, tx: &Sender<Message>, stage: Stage) -> Answer {
    let message = world.message();
    let id = message.id();
    match staged(stage, tx.send(message)).await {
        None => "stopped",
        Some(result) => answer(world, id, sent(result)),
    }
}
