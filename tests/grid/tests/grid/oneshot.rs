//! The table of oneshot.

use super::sync::oneshot::error::TryRecvError;
use super::sync::oneshot::{Receiver, Sender, channel};
use grid::{Answer, Others, Stage, Steps, Table, pause, staged, steps};
use std::future::poll_fn;
use std::sync::Arc;
use support::{Message, Task};

type World = grid::World<Sender<Message>, Receiver<Message>>;
type State = grid::State<Sender<Message>, Receiver<Message>>;
type Sending = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;
type Receiving = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

pub(crate) fn table() -> Table<Sender<Message>, Receiver<Message>> {
    let receivers = [receivers(), endings(), blocking()].into_iter().flatten().collect();
    Table { states: states(), senders: senders(), receivers, drain, to_all: false, size: 1 }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, channel())),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = channel();
            drop(Task::waiting(&mut rx));
            shelve(world, (tx, rx))
        }),
        state("the sender was cancelled", |world| {
            let (mut tx, rx) = channel();
            drop(Task::waiting(Box::pin(tx.closed())));
            shelve(world, (tx, rx))
        }),
        state("both were cancelled", |world| {
            let (mut tx, mut rx) = channel();
            drop(Task::waiting(&mut rx));
            drop(Task::waiting(Box::pin(tx.closed())));
            shelve(world, (tx, rx))
        }),
        state("closed", |world| {
            let (tx, mut rx) = channel();
            rx.close();
            shelve(world, (tx, rx))
        }),
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn shelve(world: &World, (tx, rx): (Sender<Message>, Receiver<Message>)) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    Vec::new()
}

const SEND: &[Answer] = &["sent", "closed"];

fn senders() -> Vec<Sending> {
    vec![
        Sending::new("send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move { send(&world, tx) })
        }),
        Sending::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Sending::new(
            "closed",
            Stage::ALL,
            &["closed", "open", "stopped"],
            |world, mut tx, stage| {
                steps(async move {
                    let answer = closed(&world, &mut tx, stage).await;
                    world.senders.put(tx);
                    answer
                })
            },
        ),
        Sending::new("closed, send", Stage::TIDY, SEND, |world, mut tx, stage| {
            steps(async move {
                closed(&world, &mut tx, stage).await;
                pause().await;
                send(&world, tx)
            })
        })
        .pauses(1),
        Sending::new(
            "poll_closed, drop",
            Stage::TIDY,
            &["closed", "open", "stopped"],
            |world, mut tx, stage| {
                steps(async move {
                    let closed = staged(stage, poll_fn(|cx| tx.poll_closed(cx)));
                    match world.unless_released(closed).await {
                        Some(Some(())) => "closed",
                        Some(None) => "stopped",
                        None => "open",
                    }
                })
            },
        ),
        Sending::new("ask, send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                world.remark(if tx.is_closed() { "closed" } else { "open" });
                pause().await;
                send(&world, tx)
            })
        })
        .pauses(1),
    ]
}

fn send(world: &World, tx: Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.send(message) {
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

async fn closed(world: &World, tx: &mut Sender<Message>, stage: Stage) -> Answer {
    match world.unless_released(staged(stage, tx.closed())).await {
        Some(Some(())) => "closed",
        Some(None) => "stopped",
        None => "open",
    }
}

const RECV: &[Answer] = &["message", "end", "stopped"];
const TRY_RECV: &[Answer] = &["message", "empty", "end"];

fn receivers() -> Vec<Receiving> {
    vec![
        Receiving::new("recv", Stage::ALL, RECV, |world, rx, stage| {
            steps(async move {
                let received = staged(stage, rx).await;
                world.left();
                received.map_or("stopped", |message| answer(&world, message.ok()))
            })
        }),
        Receiving::new("recv by reference", Stage::TIDY, RECV, |world, mut rx, stage| {
            steps(async move {
                recv(&world, &mut rx, stage).await.unwrap_or_else(|| ends(&world, "stopped", rx))
            })
        }),
        Receiving::new(
            "recv, close, recv",
            Stage::TIDY,
            &["message", "end"],
            |world, mut rx, stage| {
                steps(async move {
                    match recv(&world, &mut rx, stage).await {
                        Some(answer) => answer,
                        None => {
                            rx.close();
                            pause().await;
                            answer(&world, rx.await.ok())
                        }
                    }
                })
            },
        )
        .pauses(2),
        Receiving::new("try_recv", Stage::DONE, TRY_RECV, |world, rx, _| {
            steps(async move { try_recv(&world, rx) })
        }),
        Receiving::new("ask, try_recv", Stage::DONE, TRY_RECV, |world, rx, _| {
            steps(async move {
                world.remark(&format!("{}{}", rx.is_empty(), rx.is_terminated()));
                pause().await;
                try_recv(&world, rx)
            })
        })
        .pauses(1),
    ]
}

/// Those that close or go.
fn endings() -> Vec<Receiving> {
    vec![
        Receiving::new("close", Stage::DONE, &["closed"], |world, mut rx, _| {
            steps(async move {
                rx.close();
                ends(&world, "closed", rx)
            })
        }),
        Receiving::new("close, try_recv", Stage::DONE, &["message", "end"], |world, mut rx, _| {
            steps(async move {
                rx.close();
                pause().await;
                try_recv(&world, rx)
            })
        })
        .pauses(1),
        Receiving::new("close, drop", Stage::DONE, &["dropped"], |world, mut rx, _| {
            steps(async move {
                rx.close();
                pause().await;
                world.left();
                drop(rx);
                "dropped"
            })
        })
        .pauses(1),
        Receiving::new("drop", Stage::DONE, &["dropped"], |world, rx, _| {
            steps(async move {
                world.left();
                drop(rx);
                "dropped"
            })
        }),
    ]
}

/// Those that block.
fn blocking() -> Vec<Receiving> {
    vec![
        Receiving::new("blocking_recv", Stage::DONE, &["message", "end"], |world, rx, _| {
            steps(async move { answer(&world, rx.blocking_recv().ok()) })
        })
        .blocks(),
        Receiving::new(
            "try_recv until it is decided",
            Stage::DONE,
            &["message", "end"],
            |world, mut rx, _| {
                steps(async move {
                    loop {
                        match rx.try_recv() {
                            Ok(message) => return answer(&world, Some(message)),
                            Err(TryRecvError::Closed) => return "end",
                            Err(TryRecvError::Empty) => std::thread::yield_now(),
                        }
                    }
                })
            },
        )
        .blocks(),
        Receiving::new(
            "recv by reference, blocking_recv",
            Stage::DONE,
            &["message", "end"],
            |world, mut rx, _| {
                steps(async move {
                    match recv(&world, &mut rx, Stage::Cancel(1)).await {
                        Some(answer) => answer,
                        None => answer(&world, rx.blocking_recv().ok()),
                    }
                })
            },
        )
        .pauses(1)
        .blocks(),
    ]
}

/// Puts the receiver back on its shelf, and answers.
fn ends(world: &World, answer: Answer, rx: Receiver<Message>) -> Answer {
    world.receivers.put(rx);
    answer
}

fn answer(world: &World, message: Option<Message>) -> Answer {
    match message {
        None => "end",
        Some(message) => {
            world.received("the receiver", &message);
            "message"
        }
    }
}

async fn recv(world: &World, rx: &mut Receiver<Message>, stage: Stage) -> Option<Answer> {
    Some(answer(world, staged(stage, rx).await?.ok()))
}

fn try_recv(world: &World, mut rx: Receiver<Message>) -> Answer {
    match rx.try_recv() {
        Ok(message) => answer(world, Some(message)),
        Err(TryRecvError::Empty) => ends(world, "empty", rx),
        Err(TryRecvError::Closed) => {
            assert_eq!(rx.try_recv().err(), Some(TryRecvError::Closed), "again");
            "end"
        }
    }
}

fn drain(world: Arc<World>, rx: Receiver<Message>) -> Steps {
    steps(async move {
        match rx.await {
            Ok(message) => {
                world.received(world.ender(), &message);
                "message"
            }
            Err(_) => "end",
        }
    })
}
