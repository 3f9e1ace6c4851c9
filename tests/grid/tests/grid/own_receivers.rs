//! What the receiver of a channel may do that tokio does not have: weighted, rendezvous, lanes.

use super::{CLOSED, Receiver, Sender, TRY_CLOSED, into_stream};
use futures_core::Stream;
use grid::{Answer, Stage, Steps, pause, staged, steps};
use levada::mpsc::error::TryRecvError;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use support::Message;

/// What the parties share.
pub(super) type World = grid::World<Sender<Message>, Receiver<Message>>;
pub(super) type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

pub(super) const WHO: &str = "the receiver";
pub(super) const RECV: &[Answer] = &["message", "end", "stopped"];
const TRY_RECV: &[Answer] = &["message", "empty", "end"];

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    let mut all = waiting();
    all.extend(others());
    all
}

/// Those that wait for a message.
fn waiting() -> Vec<Action> {
    vec![
        Action::new("recv", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move { ends(&world, recv(&world, &mut rx, stage).await, rx) })
        }),
        Action::new("recv, recv", Stage::DONE, &["message", "end"], |world, mut rx, stage| {
            steps(async move {
                recv(&world, &mut rx, stage).await;
                ends(&world, recv(&world, &mut rx, stage).await, rx)
            })
        })
        .pauses(2),
        Action::new("close, recv", Stage::ALL, CLOSED, |world, mut rx, stage| {
            steps(async move {
                rx.close();
                pause().await;
                ends(&world, recv(&world, &mut rx, stage).await, rx)
            })
        })
        .pauses(1),
        Action::new("next, drop", Stage::ALL, RECV, |world, rx, stage| {
            steps(async move {
                let mut stream = pin!(into_stream(rx));
                let next = staged(stage, poll_fn(|cx| stream.as_mut().poll_next(cx))).await;
                world.left();
                next.map_or("stopped", |message| received(&world, WHO, message.as_ref()))
            })
        }),
        Action::new("blocking_recv", Stage::DONE, &["message", "end"], |world, mut rx, _| {
            steps(async move {
                let message = rx.blocking_recv();
                let answer = received(&world, WHO, message.as_ref());
                ends(&world, answer, rx)
            })
        })
        .blocks(),
    ]
}

/// Those that do not wait.
fn others() -> Vec<Action> {
    vec![
        Action::new("try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move { ends(&world, try_recv(&world, &mut rx), rx) })
        }),
        Action::new("try_recv, try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                try_recv(&world, &mut rx);
                pause().await;
                ends(&world, try_recv(&world, &mut rx), rx)
            })
        })
        .pauses(1),
        Action::new("try_recv, drop", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                let answer = try_recv(&world, &mut rx);
                pause().await;
                leaves(&world, answer, rx)
            })
        })
        .pauses(1),
        Action::new("close", Stage::DONE, &["closed"], |world, mut rx, _| {
            steps(async move {
                rx.close();
                ends(&world, "closed", rx)
            })
        }),
        Action::new("close, try_recv", Stage::DONE, TRY_CLOSED, |world, mut rx, _| {
            steps(async move {
                rx.close();
                pause().await;
                ends(&world, try_recv(&world, &mut rx), rx)
            })
        })
        .pauses(1),
        Action::new("drop", Stage::DONE, &["dropped"], |world, rx, _| {
            steps(async move { leaves(&world, "dropped", rx) })
        }),
        Action::new("ask", Stage::DONE, &["asked"], |world, rx, _| {
            steps(async move {
                // Not asserted of each other: the other side may come between two questions.
                assert!(rx.len() <= 16 + world.size || rx.is_empty(), "more than were sent");
                ends(&world, "asked", rx)
            })
        }),
    ]
}

/// Receives until the end, and looks whether it is one.
pub(super) fn drain(world: Arc<World>, mut rx: Receiver<Message>) -> Steps {
    steps(async move {
        while let Some(message) = rx.recv().await {
            world.received("the end", &message);
        }
        assert_eq!((try_recv(&world, &mut rx), rx.len()), ("end", 0), "behind the end");
        "end"
    })
}

/// Puts the receiver back on its shelf, and answers.
pub(super) fn ends(world: &World, answer: Answer, rx: Receiver<Message>) -> Answer {
    world.receivers.put(rx);
    answer
}

/// Drops the receiver, and answers.
fn leaves(world: &World, answer: Answer, rx: Receiver<Message>) -> Answer {
    world.left();
    drop(rx);
    answer
}

pub(super) async fn recv(world: &World, rx: &mut Receiver<Message>, stage: Stage) -> Answer {
    match staged(stage, rx.recv()).await {
        None => "stopped",
        Some(message) => received(world, WHO, message.as_ref()),
    }
}

pub(super) fn received(world: &World, who: &'static str, message: Option<&Message>) -> Answer {
    match message {
        None => "end",
        Some(message) => {
            world.received(who, message);
            "message"
        }
    }
}

pub(super) fn try_recv(world: &World, rx: &mut Receiver<Message>) -> Answer {
    match rx.try_recv() {
        Ok(message) => received(world, WHO, Some(&message)),
        Err(TryRecvError::Empty) => "empty",
        Err(TryRecvError::Disconnected) => "end",
    }
}
