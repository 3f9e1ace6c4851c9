//! What only the receiver of a queue with one receiver may do.

use super::queue_receivers::{World, received};
use super::{Receiver, Sender};
use grid::{Stage, staged, steps};
use std::future::poll_fn;
use support::Message;

type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    vec![Action::new(
        "poll_recv",
        Stage::ALL,
        &["message", "end", "stopped"],
        |world, rx, stage| steps(poll_recv(world, rx, stage)),
    )]
}

/// No further states: there is one receiver, and it is busy.
pub(super) fn states() -> Vec<grid::State<Sender<Message>, Receiver<Message>>> {
    Vec::new()
}

async fn poll_recv(
    world: std::sync::Arc<World>,
    mut rx: Receiver<Message>,
    stage: Stage,
) -> grid::Answer {
    let polled = staged(stage, poll_fn(|cx| rx.poll_recv(cx))).await;
    let answer =
        polled.map_or("stopped", |message| received(&world, "the receiver", message.as_ref()));
    world.receivers.put(rx);
    answer
}
