//! What a single receiver may do that looks at messages first.

use super::policies::back;
use super::queue_receivers::{World, received};
use super::{Receiver, Sender};
use grid::{Answer, Stage, pause, staged, steps};
use support::Message;

type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    vec![
        Action::new("peek, recv_if", Stage::DONE, &["message", "nothing"], |world, mut rx, _| {
            steps(async move {
                let seen = rx.peek().map(Message::id);
                pause().await;
                let answer = take_if(&world, &mut rx, seen, true);
                back(&world, answer, rx)
            })
        })
        .pauses(1),
        Action::new(
            "recv_if not, peek",
            Stage::DONE,
            &["message", "nothing"],
            |world, mut rx, _| {
                steps(async move {
                    let mut seen = None;
                    assert!(rx.recv_if(|message| seen.replace(message.id()).is_some()).is_none());
                    pause().await;
                    let answer = take_if(&world, &mut rx, seen, false);
                    back(&world, answer, rx)
                })
            },
        )
        .pauses(1),
        Action::new("ready", Stage::ALL, &["message", "end", "stopped"], |world, mut rx, stage| {
            steps(async move {
                let answer = match staged(stage, rx.ready()).await {
                    None => "stopped",
                    Some(true) => "message",
                    Some(false) => "end",
                };
                back(&world, answer, rx)
            })
        }),
    ]
}

/// The message that was looked at is still the first: it is not evicted.
fn take_if(world: &World, rx: &mut Receiver<Message>, seen: Option<usize>, takes: bool) -> Answer {
    let now = rx.peek().map(Message::id);
    assert!(seen.is_none() || now == seen, "what was looked at has gone");
    let message = rx.recv_if(|_| takes);
    // Where there was none, one may have come since.
    let id = message.as_ref().map(Message::id);
    assert!(if takes { now.is_none() || id == now } else { id.is_none() }, "another one: {id:?}");
    match message {
        Some(message) => received(world, "the receiver", Some(&message)),
        None if now.is_some() => "message",
        None => "nothing",
    }
}
