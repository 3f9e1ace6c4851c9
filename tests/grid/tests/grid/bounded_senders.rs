//! What the sender of a bounded queue may do.

use super::queue_receivers::World;
use super::{Receiver, Sender, TrySendError};
use grid::{Answer, Stage, pause, staged, steps};
use support::Message;

type Action = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;

const SEND: &[Answer] = &["sent", "closed", "stopped"];

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    let mut all = waiting();
    all.extend(permits());
    all.extend(other_permits());
    all.extend(others());
    all
}

/// Those that wait for capacity.
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
        Action::new("reserve, send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let answer = match staged(stage, tx.reserve()).await {
                    None => "stopped",
                    Some(Err(_)) => "closed",
                    Some(Ok(permit)) => {
                        pause().await;
                        let message = world.message();
                        world.accepted(message.id());
                        permit.send(message);
                        "sent"
                    }
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
        Action::new("reserve_many, send one", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let answer = match staged(stage, tx.reserve_many(tx.max_capacity().min(2))).await {
                    None => "stopped",
                    Some(Err(_)) => "closed",
                    Some(Ok(mut permits)) => {
                        let message = world.message();
                        world.accepted(message.id());
                        permits.next().expect("at least one").send(message);
                        pause().await;
                        "sent"
                    }
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
        Action::new("reserve_owned, send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                match staged(stage, tx.reserve_owned()).await {
                    None => "stopped",
                    Some(Err(_)) => "closed",
                    Some(Ok(permit)) => {
                        let message = world.message();
                        world.accepted(message.id());
                        ends(&world, "sent", permit.send(message))
                    }
                }
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
    ]
}

/// Those that hold a permit.
fn permits() -> Vec<Action> {
    vec![
        Action::new("reserve, drop", Stage::DONE, &["dropped", "closed"], |world, tx, stage| {
            steps(async move {
                let permit = staged(stage, tx.reserve()).await;
                pause().await;
                let answer = if let Some(Ok(_)) = permit { "dropped" } else { "closed" };
                drop(permit);
                ends(&world, answer, tx)
            })
        })
        .pauses(2),
        Action::new("try_reserve, forget", Stage::DONE, TRY_RESERVE, |world, tx, _| {
            steps(async move {
                let answer = match tx.try_reserve() {
                    Ok(permit) => {
                        forget(permit);
                        "reserved"
                    }
                    Err(error) => refusal(&error),
                };
                ends(&world, answer, tx)
            })
        }),
        Action::new("try_reserve, send", Stage::DONE, TRY_RESERVE, |world, tx, _| {
            steps(async move {
                let answer = match tx.try_reserve() {
                    Ok(permit) => {
                        pause().await;
                        let message = world.message();
                        world.accepted(message.id());
                        permit.send(message);
                        "reserved"
                    }
                    Err(error) => refusal(&error),
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
    ]
}

/// Those that hold many permits, or own one.
fn other_permits() -> Vec<Action> {
    vec![
        Action::new("try_reserve_many, send one", Stage::DONE, TRY_RESERVE, |world, tx, _| {
            steps(async move {
                let answer = match tx.try_reserve_many(tx.max_capacity().min(2)) {
                    Ok(mut permits) => {
                        pause().await;
                        let message = world.message();
                        world.accepted(message.id());
                        permits.next().expect("at least one").send(message);
                        world.remark(&format!("{} left", permits.len()));
                        "reserved"
                    }
                    Err(error) => refusal(&error),
                };
                ends(&world, answer, tx)
            })
        })
        .pauses(1),
        Action::new("try_reserve_owned, release", Stage::DONE, TRY_RESERVE, |world, tx, _| {
            steps(async move {
                match tx.try_reserve_owned() {
                    Ok(permit) => {
                        pause().await;
                        ends(&world, "reserved", permit.release())
                    }
                    Err(error) => {
                        let answer = refusal(&error);
                        ends(&world, answer, error.into_inner())
                    }
                }
            })
        })
        .pauses(1),
        Action::new("try_reserve_owned, drop", Stage::DONE, TRY_RESERVE, |_, tx, _| {
            steps(async move {
                let permit = tx.try_reserve_owned();
                pause().await;
                match permit {
                    Ok(_) => "reserved",
                    Err(error) => refusal(&error),
                }
            })
        })
        .pauses(1),
    ]
}

const TRY_RESERVE: &[Answer] = &["reserved", "full", "closed"];

/// Those that do not wait, and those that block.
fn others() -> Vec<Action> {
    vec![
        Action::new("try_send", Stage::DONE, &["sent", "full", "closed"], |world, tx, _| {
            steps(async move { ends(&world, try_send(&world, &tx), tx) })
        }),
        Action::new("try_send, drop", Stage::DONE, &["sent", "full", "closed"], |world, tx, _| {
            steps(async move {
                let answer = try_send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Action::new("blocking_send", Stage::DONE, &["sent", "closed"], |world, tx, _| {
            steps(async move {
                let message = world.message();
                let id = message.id();
                let answer = match tx.blocking_send(message) {
                    Ok(()) => sent(&world, id),
                    Err(error) => given_back(id, &error.0, "closed"),
                };
                ends(&world, answer, tx)
            })
        })
        .blocks(),
        Action::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Action::new(
            "clone, send, drop first",
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
                let (free, most) = (tx.capacity(), tx.max_capacity());
                assert!(free <= most, "{free} of {most} are free");
                let counts = (tx.strong_count(), tx.weak_count());
                let answer = if tx.is_closed() { "closed" } else { "open" };
                let free = if tx.is_closed() { 0 } else { free };
                world.remark(&format!("{free}/{most} {counts:?}"));
                ends(&world, answer, tx)
            })
        }),
    ]
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender<Message>) -> Answer {
    world.senders.put(tx);
    answer
}

fn sent(world: &World, id: usize) -> Answer {
    world.accepted(id);
    "sent"
}

fn given_back(id: usize, message: &Message, answer: Answer) -> Answer {
    assert_eq!(message.id(), id, "another message is given back");
    answer
}

/// Sends a message, as far as `stage` says.
pub(super) async fn send(world: &World, tx: &Sender<Message>, stage: Stage) -> Answer {
    let message = world.message();
    let id = message.id();
    match staged(stage, tx.send(message)).await {
        None => "stopped",
        Some(Ok(())) => sent(world, id),
        Some(Err(error)) => given_back(id, &error.0, "closed"),
    }
}

pub(super) fn try_send(world: &World, tx: &Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.try_send(message) {
        Ok(()) => sent(world, id),
        Err(error) => {
            let answer = refusal(&error);
            given_back(id, &error.into_inner(), answer)
        }
    }
}

fn refusal<T>(error: &TrySendError<T>) -> Answer {
    match error {
        TrySendError::Full(_) => "full",
        TrySendError::Closed(_) => "closed",
    }
}

#[expect(clippy::mem_forget, reason = "that is the question")]
fn forget<T>(permit: T) {
    std::mem::forget(permit);
}
