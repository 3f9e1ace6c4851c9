//! What only the receiver of a queue with many receivers may do.

use super::flavour::{open, shelve, state};
use super::queue_receivers::{World, received, recv};
use super::{Receiver, Sender};
use grid::{Side, Stage, Steps, steps};
use std::sync::Arc;
use support::Message;

type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    vec![Action::new(
        "clone, recv, drop clone",
        Stage::ALL,
        &["message", "end", "stopped"],
        |world, rx, stage| {
            steps(async move {
                let mut clone = rx.clone();
                assert!(rx.same_channel(&clone) && rx.receiver_count() >= 2);
                let answer = recv(&world, &mut clone, stage).await;
                drop(clone);
                world.receivers.put(rx);
                answer
            })
        },
    )]
}

/// Those with other receivers.
pub(super) fn states() -> Vec<grid::State<Sender<Message>, Receiver<Message>>> {
    vec![
        state("another receiver waits", |world| {
            let (tx, rx) = open(world);
            let others = vec![waits(world, "another", rx.clone())];
            shelve(world, (tx, rx));
            others
        }),
        state("two others wait", |world| {
            let (tx, rx) = open(world);
            let second = waits(world, "the second", rx.clone());
            let others = vec![waits(world, "another", rx.clone()), second];
            shelve(world, (tx, rx));
            others
        }),
        state("two receivers", |world| {
            let (tx, rx) = open(world);
            let second = rx.clone();
            shelve(world, (tx, rx));
            world.receivers.put(second);
            Vec::new()
        }),
    ]
}

/// Another receiver, which waits for one message.
fn waits(
    world: &Arc<World>,
    name: &'static str,
    rx: Receiver<Message>,
) -> (&'static str, Side, Steps) {
    let world = Arc::clone(world);
    let waiting = steps(async move { received(&world, name, rx.recv().await.as_ref()) });
    (name, Side::Receiver, waiting)
}
