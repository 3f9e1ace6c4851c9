//! The table of broadcast.

use super::more_broadcast as more;
use super::sync::broadcast::error::{RecvError, TryRecvError};
use super::sync::broadcast::{self, channel};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use std::sync::Arc;
use support::{Message, Task};

type Sender = broadcast::Sender<Arc<Message>>;
pub(super) type Receiver = broadcast::Receiver<Arc<Message>>;
pub(super) type World = grid::World<Sender, Receiver>;
type State = grid::State<Sender, Receiver>;
type Sending = grid::Action<Sender, Receiver, Sender>;
pub(super) type Receiving = grid::Action<Sender, Receiver, Receiver>;

/// The table for a channel that keeps `capacity` messages.
pub(crate) fn table(capacity: usize) -> Table<Sender, Receiver> {
    let mut receivers = receivers();
    receivers.extend(others());
    receivers.extend(more::actions());
    Table { states: states(), senders: senders(), receivers, drain, to_all: true, size: capacity }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, open(world))),
        state("one message", |world| {
            let (tx, rx) = open(world);
            send(world, &tx);
            shelve(world, (tx, rx))
        }),
        state("full", |world| {
            let (tx, rx) = open(world);
            for _ in 0..world.size {
                send(world, &tx);
            }
            shelve(world, (tx, rx))
        }),
        state("lagged", |world| {
            let (tx, rx) = open(world);
            for _ in 0..=world.size {
                send(world, &tx);
            }
            shelve(world, (tx, rx))
        }),
        state("two senders", |world| {
            let (tx, rx) = open(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx))
        }),
        state("two receivers, one behind", |world| {
            let (tx, rx) = open(world);
            send(world, &tx);
            let second = tx.subscribe();
            shelve(world, (tx, rx));
            world.receivers.put(second);
            Vec::new()
        }),
        state("another receiver waits", |world| {
            let (tx, rx) = open(world);
            let (shared, mut second) = (Arc::clone(world), tx.subscribe());
            let waiting =
                steps(async move { recv(&shared, "another", &mut second, Stage::Done).await });
            shelve(world, (tx, rx));
            vec![("another receiver", Side::Receiver, waiting)]
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(rx.recv())));
            shelve(world, (tx, rx))
        }),
        state("all receivers had gone", |world| {
            let (tx, rx) = open(world);
            send(world, &tx);
            drop(rx);
            let rx = tx.subscribe();
            shelve(world, (tx, rx))
        }),
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

/// A new channel that is asked after each step how it is.
fn open(world: &Arc<World>) -> (Sender, Receiver) {
    let (tx, rx) = channel(world.size);
    let weak = tx.downgrade();
    world.set_probe(move || match weak.upgrade() {
        Some(tx) => format!("{}/{}", tx.len(), tx.receiver_count()),
        None => format!("{}", weak.weak_count()),
    });
    (tx, rx)
}

fn shelve(world: &World, (tx, rx): (Sender, Receiver)) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    Vec::new()
}

const SEND: &[Answer] = &["sent", "nobody"];

fn senders() -> Vec<Sending> {
    let mut all = vec![
        Sending::new("send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move { ends(&world, send(&world, &tx), tx) })
        }),
        Sending::new("send, send, send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                send(&world, &tx);
                pause().await;
                send(&world, &tx);
                pause().await;
                ends(&world, send(&world, &tx), tx)
            })
        })
        .pauses(2),
        Sending::new("send, drop", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let answer = send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Sending::new("clone, send, drop first", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let clone = tx.clone();
                assert!(tx.same_channel(&clone));
                drop(tx);
                pause().await;
                ends(&world, send(&world, &clone), clone)
            })
        })
        .pauses(1),
    ];
    all.extend(silent_senders());
    all
}

/// Those that send nothing.
fn silent_senders() -> Vec<Sending> {
    vec![
        Sending::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Sending::new("subscribe", Stage::DONE, &["subscribed"], |world, tx, _| {
            steps(async move {
                world.receivers.put(tx.subscribe());
                ends(&world, "subscribed", tx)
            })
        }),
        Sending::new("closed", Stage::ALL, &["closed", "open", "stopped"], |world, tx, stage| {
            steps(async move {
                let answer = match world.unless_released(staged(stage, tx.closed())).await {
                    Some(Some(())) => "closed",
                    Some(None) => "stopped",
                    None => "open",
                };
                ends(&world, answer, tx)
            })
        }),
        Sending::new("downgrade, drop, upgrade", Stage::DONE, &["open", "gone"], |world, tx, _| {
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
        Sending::new("ask", Stage::DONE, &["asked"], |world, tx, _| {
            steps(async move {
                let len = tx.len();
                assert!(len <= world.size, "{len} of {}", world.size);
                let counts = (tx.receiver_count(), tx.strong_count(), tx.weak_count());
                // Not asserted of each other: the other side may come between two questions.
                world.remark(&format!("{len} {} {counts:?}", tx.is_empty()));
                ends(&world, "asked", tx)
            })
        }),
    ]
}

fn send(world: &World, tx: &Sender) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.send(Arc::new(message)) {
        Ok(receivers) => {
            world.accepted(id);
            world.remark(&format!("to {receivers}"));
            "sent"
        }
        Err(error) => {
            assert_eq!(error.0.id(), id, "another message is given back");
            "nobody"
        }
    }
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender) -> Answer {
    world.senders.put(tx);
    answer
}

const RECV: &[Answer] = &["message", "lagged", "end", "stopped"];
const TRY_RECV: &[Answer] = &["message", "lagged", "end", "empty"];
const WHO: &str = "the receiver";

fn receivers() -> Vec<Receiving> {
    vec![
        Receiving::new("recv", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move { back(&world, recv(&world, WHO, &mut rx, stage).await, rx) })
        }),
        Receiving::new(
            "recv, recv",
            Stage::DONE,
            &["message", "lagged", "end"],
            |world, mut rx, stage| {
                steps(async move {
                    world.remark(recv(&world, WHO, &mut rx, stage).await);
                    back(&world, recv(&world, WHO, &mut rx, stage).await, rx)
                })
            },
        )
        .pauses(2),
        Receiving::new("try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move { back(&world, try_recv(&world, WHO, &mut rx), rx) })
        }),
        Receiving::new("try_recv, try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                world.remark(try_recv(&world, WHO, &mut rx));
                pause().await;
                back(&world, try_recv(&world, WHO, &mut rx), rx)
            })
        })
        .pauses(1),
        Receiving::new("try_recv, drop", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                let answer = try_recv(&world, WHO, &mut rx);
                pause().await;
                drop(rx);
                answer
            })
        })
        .pauses(1),
        Receiving::new("resubscribe, drop, recv", Stage::ALL, RECV, |world, rx, stage| {
            steps(async move {
                let mut anew = rx.resubscribe();
                drop(rx);
                back(&world, recv(&world, WHO, &mut anew, stage).await, anew)
            })
        }),
    ]
}

/// Those that do not receive, and those that block.
fn others() -> Vec<Receiving> {
    vec![
        Receiving::new("drop", Stage::DONE, &["dropped"], |_, rx, _| {
            steps(async move {
                drop(rx);
                "dropped"
            })
        }),
        Receiving::new("ask", Stage::DONE, &["open", "closed"], |world, rx, _| {
            steps(async move {
                let counts = (rx.len(), rx.sender_strong_count(), rx.sender_weak_count());
                world.remark(&format!("{counts:?}"));
                let answer = if rx.is_closed() { "closed" } else { "open" };
                back(&world, answer, rx)
            })
        }),
        Receiving::new(
            "blocking_recv",
            Stage::DONE,
            &["message", "lagged", "end"],
            |world, mut rx, _| {
                steps(async move {
                    let received = rx.blocking_recv();
                    back(&world, answer(&world, WHO, received), rx)
                })
            },
        )
        .blocks(),
    ]
}

/// Puts the receiver back on its shelf, and answers.
fn back(world: &World, answer: Answer, rx: Receiver) -> Answer {
    world.receivers.put(rx);
    answer
}

fn answer(world: &World, who: &'static str, received: Result<Arc<Message>, RecvError>) -> Answer {
    match received {
        Ok(message) => {
            world.received(who, &message);
            "message"
        }
        Err(RecvError::Lagged(missed)) => {
            world.remark(&format!("{who} missed {missed}"));
            "lagged"
        }
        Err(RecvError::Closed) => "end",
    }
}

async fn recv(world: &World, who: &'static str, rx: &mut Receiver, stage: Stage) -> Answer {
    staged(stage, rx.recv()).await.map_or("stopped", |received| answer(world, who, received))
}

fn try_recv(world: &World, who: &'static str, rx: &mut Receiver) -> Answer {
    match rx.try_recv() {
        Ok(message) => answer(world, who, Ok(message)),
        Err(TryRecvError::Lagged(missed)) => answer(world, who, Err(RecvError::Lagged(missed))),
        Err(TryRecvError::Closed) => "end",
        Err(TryRecvError::Empty) => "empty",
    }
}

fn drain(world: Arc<World>, mut rx: Receiver) -> Steps {
    steps(async move {
        let who = world.ender();
        while recv(&world, who, &mut rx, Stage::Done).await != "end" {}
        assert_eq!((try_recv(&world, who, &mut rx), rx.len(), rx.is_closed()), ("end", 0, true));
        "end"
    })
}
