//! The table of watch.

use super::more_watch as more;
use super::sync::watch::{self, channel};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use std::mem::replace;
use std::sync::Arc;
use support::{Message, Task};

type Sender = watch::Sender<Arc<Message>>;
pub(super) type Receiver = watch::Receiver<Arc<Message>>;
pub(super) type World = grid::World<Sender, Receiver>;
type State = grid::State<Sender, Receiver>;
type Sending = grid::Action<Sender, Receiver, Sender>;
pub(super) type Receiving = grid::Action<Sender, Receiver, Receiver>;

pub(crate) fn table() -> Table<Sender, Receiver> {
    let mut receivers = receivers();
    receivers.extend(looks());
    receivers.extend(more::actions());
    Table { states: states(), senders: senders(), receivers, drain, to_all: true, size: 1 }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, open(world))),
        state("changed", |world| {
            let (tx, rx) = open(world);
            send(world, &tx);
            shelve(world, (tx, rx))
        }),
        state("two senders", |world| {
            let (tx, rx) = open(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx))
        }),
        state("two receivers", |world| {
            let (tx, rx) = open(world);
            let second = rx.clone();
            shelve(world, (tx, rx));
            world.receivers.put(second);
            Vec::new()
        }),
        state("another receiver waits", |world| {
            let (tx, rx) = open(world);
            let mut second = rx.clone();
            let waiting = steps(async move { changed(&mut second, Stage::Done).await });
            shelve(world, (tx, rx));
            vec![("another receiver", Side::Receiver, waiting)]
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(rx.changed())));
            shelve(world, (tx, rx))
        }),
        state("the receiver was cancelled, changed", |world| {
            let (tx, mut rx) = open(world);
            let waiting = Task::waiting(Box::pin(rx.changed()));
            send(world, &tx);
            drop(waiting);
            shelve(world, (tx, rx))
        }),
        state("all receivers had gone", |world| {
            let (tx, rx) = open(world);
            drop(rx);
            send(world, &tx);
            let rx = tx.subscribe();
            shelve(world, (tx, rx))
        }),
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn open(world: &Arc<World>) -> (Sender, Receiver) {
    channel(Arc::new(world.message()))
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
        Sending::new("send, send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                send(&world, &tx);
                pause().await;
                ends(&world, send(&world, &tx), tx)
            })
        })
        .pauses(1),
        Sending::new("send, drop", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let answer = send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Sending::new("send_modify", Stage::DONE, &["sent"], |world, tx, _| {
            steps(async move {
                let message = Arc::new(world.message());
                tx.send_modify(|value| drop(replace(value, message)));
                ends(&world, "sent", tx)
            })
        }),
        Sending::new("send_if_modified, twice", Stage::DONE, &["sent"], |world, tx, _| {
            steps(async move {
                let message = Arc::new(world.message());
                assert!(tx.send_if_modified(|value| {
                    drop(replace(value, message));
                    true
                }));
                pause().await;
                assert!(!tx.send_if_modified(|_| false));
                ends(&world, "sent", tx)
            })
        })
        .pauses(1),
        Sending::new("send_replace", Stage::DONE, &["sent"], |world, tx, _| {
            steps(async move {
                let old = tx.send_replace(Arc::new(world.message()));
                world.remark(&format!("replaced {}", old.id()));
                ends(&world, "sent", tx)
            })
        }),
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
        Sending::new("clone, drop first, send", Stage::DONE, SEND, |world, tx, _| {
            steps(async move {
                let clone = tx.clone();
                assert!(tx.same_channel(&clone));
                drop(tx);
                pause().await;
                ends(&world, send(&world, &clone), clone)
            })
        })
        .pauses(1),
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
        Sending::new("ask", Stage::DONE, &["open", "closed"], |world, tx, _| {
            steps(async move {
                let counts = (tx.borrow().id(), tx.receiver_count(), tx.sender_count());
                world.remark(&format!("{counts:?}"));
                let answer = if tx.is_closed() { "closed" } else { "open" };
                ends(&world, answer, tx)
            })
        }),
    ]
}

fn send(world: &World, tx: &Sender) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.send(Arc::new(message)) {
        Ok(()) => "sent",
        Err(error) => {
            assert_eq!(error.0.id(), id, "another value is given back");
            "nobody"
        }
    }
}

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender) -> Answer {
    world.senders.put(tx);
    answer
}

const CHANGED: &[Answer] = &["changed", "end", "stopped"];

fn receivers() -> Vec<Receiving> {
    vec![
        Receiving::new("changed", Stage::ALL, CHANGED, |world, mut rx, stage| {
            steps(async move { back(&world, changed(&mut rx, stage).await, rx) })
        }),
        Receiving::new(
            "changed, changed",
            Stage::DONE,
            &["changed", "end"],
            |world, mut rx, stage| {
                steps(async move {
                    world.remark(changed(&mut rx, stage).await);
                    let first = look(&world, &rx.borrow());
                    let answer = changed(&mut rx, stage).await;
                    assert!(look(&world, &rx.borrow()) >= first, "back in time");
                    back(&world, answer, rx)
                })
            },
        )
        .pauses(2),
        Receiving::new(
            "mark_changed, changed",
            Stage::ALL,
            &["changed", "stopped"],
            |world, mut rx, stage| {
                steps(async move {
                    rx.mark_changed();
                    pause().await;
                    back(&world, changed(&mut rx, stage).await, rx)
                })
            },
        )
        .pauses(1),
        Receiving::new("mark_unchanged, changed", Stage::ALL, CHANGED, |world, mut rx, stage| {
            steps(async move {
                rx.mark_unchanged();
                pause().await;
                back(&world, changed(&mut rx, stage).await, rx)
            })
        })
        .pauses(1),
        Receiving::new("clone, drop first, changed", Stage::ALL, CHANGED, |world, rx, stage| {
            steps(async move {
                let mut clone = rx.clone();
                assert!(rx.same_channel(&clone));
                drop(rx);
                back(&world, changed(&mut clone, stage).await, clone)
            })
        }),
        Receiving::new("wait_for another", Stage::ALL, CHANGED, |world, mut rx, stage| {
            steps(async move {
                let answer = wait_for_another(&world, &mut rx, stage).await;
                back(&world, answer, rx)
            })
        }),
    ]
}

/// Those that do not wait.
fn looks() -> Vec<Receiving> {
    vec![
        Receiving::new(
            "borrow, borrow_and_update",
            Stage::DONE,
            &["looked"],
            |world, mut rx, _| {
                steps(async move {
                    let first = look(&world, &rx.borrow());
                    pause().await;
                    assert!(look(&world, &rx.borrow_and_update()) >= first, "back in time");
                    back(&world, "looked", rx)
                })
            },
        )
        .pauses(1),
        Receiving::new(
            "has_changed",
            Stage::DONE,
            &["changed", "unchanged", "end"],
            |world, rx, _| {
                steps(async move {
                    let answer = match rx.has_changed() {
                        Ok(true) => "changed",
                        Ok(false) => "unchanged",
                        Err(_) => "end",
                    };
                    world.remark(&format!("{}", rx.borrow().has_changed()));
                    back(&world, answer, rx)
                })
            },
        ),
        Receiving::new("drop", Stage::DONE, &["dropped"], |_, rx, _| {
            steps(async move {
                drop(rx);
                "dropped"
            })
        }),
    ]
}

/// Puts the receiver back on its shelf, and answers.
fn back(world: &World, answer: Answer, rx: Receiver) -> Answer {
    world.receivers.put(rx);
    answer
}

/// Notes the value that is seen.
fn look(world: &World, value: &Message) -> usize {
    world.remark(&format!("sees {}", value.id()));
    value.id()
}

async fn changed(rx: &mut Receiver, stage: Stage) -> Answer {
    match staged(stage, rx.changed()).await {
        None => "stopped",
        Some(Ok(())) => "changed",
        Some(Err(_)) => "end",
    }
}

async fn wait_for_another(world: &World, rx: &mut Receiver, stage: Stage) -> Answer {
    let first = rx.borrow().id();
    match staged(stage, rx.wait_for(|value| value.id() > first)).await {
        None => "stopped",
        Some(Err(_)) => "end",
        Some(Ok(value)) => {
            look(world, &value);
            "changed"
        }
    }
}

/// Sees everything to the end.
fn drain(world: Arc<World>, mut rx: Receiver) -> Steps {
    steps(async move {
        while changed(&mut rx, Stage::Done).await == "changed" {
            look(&world, &rx.borrow());
        }
        look(&world, &rx.borrow_and_update());
        assert!(rx.has_changed().is_err(), "all senders have gone");
        "end"
    })
}
