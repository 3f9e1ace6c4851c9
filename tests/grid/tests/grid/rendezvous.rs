//! The table of the rendezvous channel. tokio has no such channel: no oracle is asked, and the
//! rules of the grid are what is checked.

use super::own_receivers::{self as receivers, World, recv};
use super::own_senders::{self as senders, send};
use super::{Receiver, Sender};
use grid::{Others, Side, Stage, Steps, Table, steps};
use levada::mpsc;
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;
type Pair = (Sender<Message>, Receiver<Message>);

pub(crate) fn table() -> Table<Sender<Message>, Receiver<Message>> {
    let (senders, receivers) = (senders::actions(), receivers::actions());
    Table { states: states(), senders, receivers, drain: receivers::drain, to_all: false, size: 0 }
}

/// A table without a line: what stands for the oracle.
pub(crate) fn nothing() -> Table<Sender<Message>, Receiver<Message>> {
    Table { states: Vec::new(), senders: Vec::new(), receivers: Vec::new(), ..table() }
}

fn states() -> Vec<State> {
    vec![
        state("fresh", |world| shelve(world, mpsc::rendezvous(), Vec::new())),
        state("two senders", |world| {
            let (tx, rx) = mpsc::rendezvous();
            world.senders.put(tx.clone());
            shelve(world, (tx, rx), Vec::new())
        }),
        state("one waits", |world| {
            let (tx, rx) = mpsc::rendezvous();
            let others = vec![waits(world, "in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("two wait", |world| {
            let (tx, rx) = mpsc::rendezvous();
            let others = vec![waits(world, "in line", &tx), waits(world, "second in line", &tx)];
            shelve(world, (tx, rx), others)
        }),
        state("one was served", |world| {
            let (tx, mut rx) = mpsc::rendezvous();
            let mut served = Task::waiting(Box::pin(tx.send(world.message())));
            receivers::try_recv(world, &mut rx);
            assert!(served.poll().is_ready());
            drop(served);
            shelve(world, (tx, rx), Vec::new())
        }),
        state("the receiver was cancelled", |world| {
            let (tx, mut rx) = mpsc::rendezvous();
            drop(Task::waiting(Box::pin(recv(world, &mut rx, Stage::Done))));
            shelve(world, (tx, rx), Vec::new())
        }),
        state("a send was cancelled", |world| {
            let (tx, rx) = mpsc::rendezvous();
            drop(Task::waiting(Box::pin(tx.send(world.message()))));
            shelve(world, (tx, rx), Vec::new())
        }),
        state("closed", |world| {
            let (tx, mut rx) = mpsc::rendezvous();
            rx.close();
            shelve(world, (tx, rx), Vec::new())
        }),
        State {
            name: "a send was forgotten",
            build: |world| {
                let (tx, rx) = mpsc::rendezvous();
                Task::waiting(tx.send(world.message())).forget();
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

fn state(name: &'static str, build: fn(&Arc<World>) -> Others) -> State {
    State { name, build, forgets: false }
}

fn shelve(world: &World, (tx, rx): Pair, others: Others) -> Others {
    world.senders.put(tx);
    world.receivers.put(rx);
    others
}

/// Another sender, in line.
fn waits(
    world: &Arc<World>,
    name: &'static str,
    tx: &Sender<Message>,
) -> (&'static str, Side, Steps) {
    let (world, tx) = (Arc::clone(world), tx.clone());
    (name, Side::Sender, steps(async move { send(&world, &tx, Stage::Done).await }))
}
