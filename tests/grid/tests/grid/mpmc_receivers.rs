//! What only the receiver of a queue with many receivers may do.

use super::queue_receivers::recv;
use super::{Receiver, Sender};
use grid::{Stage, steps};
use support::Message;

type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    vec![
        Action::new(
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
        ),
    ]
}
