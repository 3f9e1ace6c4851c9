//! What the receivers of a channel of lanes may do where they are many.

use super::lanes::{open, shelve, state};
use super::own_receivers::{Action, RECV, World, ends, recv};
use super::{Receiver, Sender};
use grid::{Side, Stage, Steps, steps};
use std::sync::Arc;
use support::{Message, Task};

type State = grid::State<Sender<Message>, Receiver<Message>>;

pub(super) fn actions() -> Vec<Action> {
    vec![Action::new("clone, drop first, recv", Stage::ALL, RECV, |world, rx, stage| {
        steps(async move {
            let mut clone = rx.clone();
            drop(rx);
            ends(&world, recv(&world, &mut clone, stage).await, clone)
        })
    })]
}

pub(super) fn states() -> Vec<State> {
    vec![
        state("two receivers", |world| {
            let (tx, rx) = open(world);
            world.receivers.put(rx.clone());
            shelve(world, (tx, rx), Vec::new())
        }),
        state("another receiver waits", |world| {
            let (tx, rx) = open(world);
            let others = vec![waits(world, &rx)];
            shelve(world, (tx, rx), others)
        }),
        State {
            name: "a receiver was forgotten",
            build: |world| {
                let (tx, rx) = open(world);
                Task::waiting(rx.recv()).forget();
                shelve(world, (tx, rx), Vec::new())
            },
            forgets: true,
        },
    ]
}

/// Another receiver, in line in each lane.
fn waits(world: &Arc<World>, rx: &Receiver<Message>) -> (&'static str, Side, Steps) {
    let (world, mut rx) = (Arc::clone(world), rx.clone());
    let receiving = steps(async move {
        let answer = recv(&world, &mut rx, Stage::Done).await;
        ends(&world, answer, rx)
    });
    ("in line for a message", Side::Receiver, receiving)
}
