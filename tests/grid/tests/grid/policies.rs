//! The table of bounded queues with a policy: what is sent beyond the capacity, batches, and
//! looking at what is there. What a hook gets counts as received by it: each message has one fate.
//! tokio has no policies: no oracle is asked, and the rules of the grid are what is checked.

use super::queue_receivers::{World, drain, received, recv, try_recv};
use super::{Receiver, Sender, builder, looks};
use grid::{Answer, Others, Side, Stage, Steps, Table, pause, staged, steps};
use levada::mpsc::{Offered, Overflow, error::TrySendError};
use std::collections::VecDeque;
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;
type Receiving = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;
type Sending = grid::Action<Sender<Message>, Receiver<Message>, Sender<Message>>;
type Pair = (Sender<Message>, Receiver<Message>);

/// The policies, by which the tables are numbered.
pub(crate) const POLICIES: [Overflow; 4] =
    [Overflow::Wait, Overflow::EvictOldest, Overflow::EvictNewest, Overflow::DiscardIncoming];

/// The table for a queue of this capacity with a policy.
pub(crate) fn table<const POLICY: usize>(
    capacity: usize,
) -> Table<Sender<Message>, Receiver<Message>> {
    let mut senders = waiting();
    senders.extend(sending::<POLICY>());
    let mut receivers = receivers();
    receivers.extend(looks::actions());
    Table { states: states::<POLICY>(), senders, receivers, drain, to_all: false, size: capacity }
}

/// A table without a line: what stands for the oracle.
pub(crate) fn nothing() -> Table<Sender<Message>, Receiver<Message>> {
    Table { states: Vec::new(), senders: Vec::new(), receivers: Vec::new(), ..table::<0>(1) }
}

fn states<const POLICY: usize>() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, open::<POLICY>(world), Vec::new())),
        state("full, two senders", |world| {
            let (tx, rx) = full::<POLICY>(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx), Vec::new())
        }),
        state("full, one waits for a place", |world| {
            let (tx, rx) = full::<POLICY>(world);
            let others = vec![reserves(world, &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("one message went", |world| {
            let (tx, rx) = full::<POLICY>(world);
            force_send(world, &tx);
            shelve(world, (tx, rx), Vec::new())
        }),
        state("all places are reserved", |world| {
            let (tx, rx) = open::<POLICY>(world);
            let others = (0..world.size).map(|_| holds(world, &tx)).collect();
            shelve(world, (tx, rx), others)
        }),
        State {
            name: "a turn was forgotten",
            build: |world| {
                let (tx, mut rx) = full::<POLICY>(world);
                Task::waiting(tx.reserve()).forget();
                try_recv(world, &mut rx);
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn open<const POLICY: usize>(world: &Arc<World>) -> Pair {
    let hook = Arc::clone(world);
    let builder = builder(world.size).overflow(POLICIES[POLICY]);
    builder.on_evicted(move |message: Message| hook.received("the hook", &message)).build()
}

fn full<const POLICY: usize>(world: &Arc<World>) -> Pair {
    let (tx, rx) = open::<POLICY>(world);
    for _ in 0..world.size {
        assert_eq!(try_send(world, &tx), "sent");
    }
    (tx, rx)
}

fn shelve(world: &World, (tx, rx): Pair, others: Others) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    others
}

/// Another sender, in line for a place: that waits under each policy.
fn reserves(world: &Arc<World>, tx: &Sender<Message>) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    ("in line", Side::Sender, steps(async move { reserve_and_send(&world, &tx).await }))
}

/// A permit that is used at the end.
fn holds(world: &Arc<World>, tx: &Sender<Message>) -> (&'static str, Side, Steps) {
    let permit = tx.clone().try_reserve_owned().expect("there is room");
    let world = Arc::clone(world);
    let holding = steps(async move {
        world.released().await;
        let message = world.message();
        world.accepted(message.id());
        permit.send(message);
        "sent"
    });
    ("the permit", Side::Sender, holding)
}

const SEND: &[Answer] = &["sent", "closed", "stopped"];

/// What a sender may do that waits under the policy to wait.
fn waiting() -> Vec<Sending> {
    vec![
        Sending::new("send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let message = world.message();
                let id = message.id();
                let sent = staged(stage, tx.send(message)).await;
                let sent = sent.map(|sent| sent.map_err(|error| error.0));
                let answer = sent.map_or("stopped", |sent| answer(&world, id, sent));
                ends(&world, answer, tx)
            })
        }),
        Sending::new("send_ref", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let mut message = Some(world.message());
                let id = message.as_ref().map(Message::id);
                let sent = staged(stage, tx.send_ref(&mut message)).await;
                let answer = match sent {
                    None => "stopped",
                    Some(Err(_)) => "closed",
                    Some(Ok(())) => "sent",
                };
                assert_eq!(message.is_none(), answer == "sent", "what was not sent is left");
                id.filter(|_| message.is_none()).into_iter().for_each(|id| world.accepted(id));
                ends(&world, answer, tx)
            })
        }),
        Sending::new("send_many", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let mut batch = VecDeque::from([world.message(), world.message()]);
                let ids = [batch[0].id(), batch[1].id()];
                let sent = staged(stage, tx.send_many(&mut batch)).await.map(|sent| sent.is_ok());
                accept_all_but(&world, ids, &batch);
                assert!(sent != Some(true) || batch.is_empty(), "all were sent");
                let answer = sent.map_or("stopped", |sent| if sent { "sent" } else { "closed" });
                ends(&world, answer, tx)
            })
        }),
        Sending::new("reserve, send", Stage::ALL, SEND, |world, tx, stage| {
            steps(async move {
                let sent = staged(stage, reserve_and_send(&world, &tx)).await;
                ends(&world, sent.unwrap_or("stopped"), tx)
            })
        }),
    ]
}

/// What a sender may do that does not wait.
fn sending<const POLICY: usize>() -> Vec<Sending> {
    let sends: &[Answer] = match POLICIES[POLICY] {
        Overflow::Wait => &["sent", "full", "closed"],
        _ => &["sent", "closed"],
    };
    let offers: &[Answer] = match POLICIES[POLICY] {
        Overflow::Wait | Overflow::DiscardIncoming => &["sent", "came back", "closed"],
        _ => &["sent", "evicted", "came back", "closed"],
    };
    let forces: &[Answer] = &["sent", "evicted", "came back", "closed"];
    vec![
        Sending::new("try_send", Stage::DONE, sends, |world, tx, _| {
            steps(async move { ends(&world, try_send(&world, &tx), tx) })
        }),
        Sending::new("try_send_many", Stage::DONE, sends, |world, tx, _| {
            steps(async move {
                let mut batch = VecDeque::from([world.message(), world.message()]);
                let ids = [batch[0].id(), batch[1].id()];
                let sent = tx.try_send_many(&mut batch);
                accept_all_but(&world, ids, &batch);
                let answer = match sent {
                    Ok(_) => "sent",
                    Err(TrySendError::Full(())) => "full",
                    Err(TrySendError::Closed(())) => "closed",
                };
                ends(&world, answer, tx)
            })
        }),
        Sending::new("force_send, drop", Stage::DONE, forces, |world, tx, _| {
            steps(async move {
                let answer = force_send(&world, &tx);
                pause().await;
                drop(tx);
                answer
            })
        })
        .pauses(1),
        Sending::new("drop", Stage::DONE, &["dropped"], |_, tx, _| {
            steps(async move {
                drop(tx);
                "dropped"
            })
        }),
        Sending::new("offer, offer", Stage::DONE, offers, |world, tx, _| {
            steps(async move {
                offer(&world, &tx);
                pause().await;
                ends(&world, offer(&world, &tx), tx)
            })
        })
        .pauses(1),
    ]
}

/// What a receiver may do.
fn receivers() -> Vec<Receiving> {
    vec![
        Receiving::new(
            "recv",
            Stage::ALL,
            &["message", "end", "stopped"],
            |world, mut rx, stage| {
                steps(async move { back(&world, recv(&world, &mut rx, stage).await, rx) })
            },
        ),
        Receiving::new("recv_many", Stage::DONE, &["message", "end"], |world, mut rx, _| {
            steps(async move {
                let mut buffer = Vec::new();
                let count = rx.recv_many(&mut buffer, 2).await;
                buffer.iter().for_each(|message| world.received("the receiver", message));
                back(&world, if count > 0 { "message" } else { "end" }, rx)
            })
        })
        .pauses(1),
        Receiving::new(
            "try_recv",
            Stage::DONE,
            &["message", "empty", "end"],
            |world, mut rx, _| steps(async move { back(&world, try_recv(&world, &mut rx), rx) }),
        ),
        Receiving::new("drain", Stage::DONE, &["messages", "nothing"], |world, mut rx, _| {
            steps(async move { back(&world, take_all(&world, &mut rx), rx) })
        }),
        Receiving::new(
            "close, drain",
            Stage::DONE,
            &["messages", "nothing"],
            |world, mut rx, _| {
                steps(async move {
                    rx.close();
                    pause().await;
                    back(&world, take_all(&world, &mut rx), rx)
                })
            },
        )
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

/// Puts the sender back on its shelf, and answers.
fn ends(world: &World, answer: Answer, tx: Sender<Message>) -> Answer {
    world.senders.put(tx);
    answer
}

/// Puts the receiver back on its shelf, and answers.
pub(super) fn back(world: &World, answer: Answer, rx: Receiver<Message>) -> Answer {
    world.receivers.put(rx);
    answer
}

fn take_all(world: &World, rx: &mut Receiver<Message>) -> Answer {
    let messages: Vec<_> = rx.drain().collect();
    for message in &messages {
        received(world, "the receiver", Some(message));
    }
    if messages.is_empty() { "nothing" } else { "messages" }
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

/// What has left the batch was sent.
fn accept_all_but(world: &World, ids: [usize; 2], batch: &VecDeque<Message>) {
    let is_left = |id: &usize| batch.iter().any(|message| message.id() == *id);
    ids.into_iter().filter(|id| !is_left(id)).for_each(|id| world.accepted(id));
}

async fn reserve_and_send(world: &World, tx: &Sender<Message>) -> Answer {
    let Ok(permit) = tx.reserve().await else { return "closed" };
    let message = world.message();
    world.accepted(message.id());
    permit.send(message);
    "sent"
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
        Err(TrySendError::Closed(message)) => answer(world, id, Err(message)),
    }
}

/// What became of message `id`, for which another one went, or itself.
fn exchanged(world: &World, id: usize, who: &'static str, gone: &Message) -> Answer {
    if gone.id() == id {
        return "came back";
    }
    world.accepted(id);
    world.received(who, gone);
    "evicted"
}

fn force_send(world: &World, tx: &Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.force_send(message) {
        Ok(None) => answer(world, id, Ok(())),
        Ok(Some(gone)) => exchanged(world, id, "a forced send", &gone),
        Err(error) => answer(world, id, Err(error.0)),
    }
}

fn offer(world: &World, tx: &Sender<Message>) -> Answer {
    let message = world.message();
    let id = message.id();
    match tx.offer(message) {
        Ok(Offered::Queued { .. }) => answer(world, id, Ok(())),
        Ok(Offered::Evicted(gone) | Offered::Discarded(gone)) => {
            exchanged(world, id, "an offer", &gone)
        }
        Err(error) => answer(world, id, Err(error.0)),
    }
}
