//! The states from which a bounded queue begins.

use super::bounded_senders::{send, try_send};
use super::queue_receivers::{World, drain, recv, try_recv};
use super::{Receiver, Sender, bounded_senders, channel, more, queue_receivers};
use grid::{Others, Side, Stage, Steps, Table, steps};
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;

/// The table for a queue of this capacity.
pub(crate) fn table(capacity: usize) -> Table<Sender<Message>, Receiver<Message>> {
    let mut receivers = queue_receivers::actions();
    receivers.extend(more::actions());
    let mut states = states();
    states.extend(further_states());
    states.extend(more::states());
    Table {
        states,
        senders: bounded_senders::actions(),
        receivers,
        drain,
        to_all: false,
        size: capacity,
    }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| {
            shelve(world, open(world));
            Vec::new()
        }),
        state("one message", |world| {
            let (tx, rx) = open(world);
            try_send(world, &tx);
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("two senders", |world| {
            let (tx, rx) = open(world);
            world.senders.put(tx.clone());
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("full", |world| {
            shelve(world, full(world));
            Vec::new()
        }),
        state("full, one waits", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits(world, "in line", &tx)];
            shelve(world, (tx, rx));
            others
        }),
        state("full, two wait", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits(world, "in line", &tx), waits(world, "second in line", &tx)];
            shelve(world, (tx, rx));
            others
        }),
        state("full, many wait for two", |world| {
            let (tx, rx) = full(world);
            let others = vec![waits_for_many(world, &tx), waits(world, "second in line", &tx)];
            shelve(world, (tx, rx));
            others
        }),
    ]
}

/// With permits out, closed, cancelled, forgotten.
fn further_states() -> Vec<State> {
    vec![
        state("a permit is out", |world| {
            let (tx, rx) = open(world);
            let others = vec![holds(world, &tx, true)];
            shelve(world, (tx, rx));
            others
        }),
        state("all permits are out", |world| {
            let (tx, rx) = open(world);
            let others = (0..world.size).map(|_| holds(world, &tx, false)).collect();
            shelve(world, (tx, rx));
            others
        }),
        state("closed with a message", |world| {
            let (tx, mut rx) = open(world);
            try_send(world, &tx);
            rx.close();
            shelve(world, (tx, rx));
            Vec::new()
        }),
        state("closed, a permit is out", |world| {
            let (tx, mut rx) = open(world);
            let others = vec![holds(world, &tx, true)];
            rx.close();
            shelve(world, (tx, rx));
            others
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = open(world);
            drop(Task::waiting(Box::pin(recv(world, &mut rx, Stage::Done))));
            shelve(world, (tx, rx));
            Vec::new()
        }),
        State {
            name: "a turn was forgotten",
            build: |world| {
                let (tx, mut rx) = full(world);
                let message = world.message();
                Task::waiting(tx.send(message)).forget();
                try_recv(world, &mut rx);
                shelve(world, (tx, rx));
                Vec::new()
            },
            forgets: true,
        },
    ]
}

pub(super) fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

/// A new channel that is asked after each step how it is.
pub(super) fn open(world: &Arc<World>) -> (Sender<Message>, Receiver<Message>) {
    let (tx, rx) = channel(world.size);
    let weak = tx.downgrade();
    world.set_probe(move || {
        let Some(tx) = weak.upgrade() else { return format!("{}", weak.weak_count()) };
        assert!(tx.capacity() <= tx.max_capacity());
        // How much room a closed channel has is nobody's business, and not the same in tokio.
        if tx.is_closed() { "closed".into() } else { tx.capacity().to_string() }
    });
    (tx, rx)
}

fn full(world: &Arc<World>) -> (Sender<Message>, Receiver<Message>) {
    let (tx, rx) = open(world);
    for _ in 0..world.size {
        assert_eq!(try_send(world, &tx), "sent");
    }
    (tx, rx)
}

pub(super) fn shelve(world: &World, (tx, rx): (Sender<Message>, Receiver<Message>)) {
    world.senders.put(tx);
    world.receivers.put(rx);
}

/// Another sender, in line for capacity.
fn waits(
    world: &Arc<World>,
    name: &'static str,
    tx: &Sender<Message>,
) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    let sending = steps(async move { send(&world, &tx, Stage::Done).await });
    (name, Side::Sender, sending)
}

/// Another sender, in line for as much capacity as two messages take, if there is so much.
fn waits_for_many(world: &Arc<World>, tx: &Sender<Message>) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    let sending = steps(async move {
        let Ok(permits) = tx.reserve_many(world.size.min(2)).await else { return "closed" };
        for permit in permits {
            let message = world.message();
            world.accepted(message.id());
            permit.send(message);
        }
        "sent"
    });
    ("many in line", Side::Sender, sending)
}

/// A permit that is used at the end, or is not.
fn holds(world: &Arc<World>, tx: &Sender<Message>, uses: bool) -> (&'static str, Side, Steps) {
    let permit = tx.clone().try_reserve_owned().expect("there is room");
    let world = Arc::clone(world);
    let holding = steps(async move {
        world.released().await;
        if uses {
            let message = world.message();
            world.accepted(message.id());
            permit.send(message);
        }
        "released"
    });
    ("the permit", Side::Sender, holding)
}
