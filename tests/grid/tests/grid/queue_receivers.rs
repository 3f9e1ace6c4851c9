//! What the receiver of a queue may do, whatever its flavour.

use super::{Receiver, Sender, TRY_RECV_CLOSED, TryRecvError, into_stream};
use futures_core::Stream;
use grid::{Answer, Stage, Steps, pause, staged, steps};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use support::Message;

/// What the parties share.
pub(super) type World = grid::World<Sender<Message>, Receiver<Message>>;
type Action = grid::Action<Sender<Message>, Receiver<Message>, Receiver<Message>>;

const WHO: &str = "the receiver";
const RECV: &[Answer] = &["message", "end", "stopped"];
const TRY_RECV: &[Answer] = &["message", "empty", "end"];

/// All of them.
pub(super) fn actions() -> Vec<Action> {
    let mut all = waiting();
    all.extend(others());
    all.extend(blocking());
    all
}

/// Those that wait for a message.
fn waiting() -> Vec<Action> {
    vec![
        Action::new("recv", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move { ends(&world, recv(&world, &mut rx, stage).await, rx) })
        }),
        Action::new("recv_many", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move {
                let mut buffer = Vec::new();
                let count = staged(stage, rx.recv_many(&mut buffer, 2)).await;
                buffer.iter().for_each(|message| world.received(WHO, message));
                assert_eq!(count.unwrap_or_default(), buffer.len());
                let answer = match count {
                    None => "stopped",
                    Some(0) => "end",
                    Some(_) => "message",
                };
                ends(&world, answer, rx)
            })
        }),
        Action::new("recv, recv", Stage::DONE, &["message", "end"], |world, mut rx, stage| {
            steps(async move {
                recv(&world, &mut rx, stage).await;
                ends(&world, recv(&world, &mut rx, stage).await, rx)
            })
        })
        .pauses(2),
        Action::new("close, recv", Stage::ALL, RECV, |world, mut rx, stage| {
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
    ]
}

/// Those that do not wait, and those that block.
fn others() -> Vec<Action> {
    vec![
        Action::new("try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move { ends(&world, try_recv(&world, &mut rx), rx) })
        }),
        Action::new("try_recv, try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                world.remark(try_recv(&world, &mut rx));
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
                assert!(rx.is_closed());
                ends(&world, "closed", rx)
            })
        }),
        Action::new("close, try_recv", Stage::DONE, TRY_RECV_CLOSED, |world, mut rx, _| {
            steps(async move {
                rx.close();
                pause().await;
                ends(&world, try_recv(&world, &mut rx), rx)
            })
        })
        .pauses(1),
        Action::new("close, drop", Stage::DONE, &["dropped"], |world, mut rx, _| {
            steps(async move {
                rx.close();
                pause().await;
                leaves(&world, "dropped", rx)
            })
        })
        .pauses(1),
        Action::new("drop", Stage::DONE, &["dropped"], |world, rx, _| {
            steps(async move { leaves(&world, "dropped", rx) })
        }),
    ]
}

/// Those that look, and those that block.
fn blocking() -> Vec<Action> {
    vec![
        Action::new("ask", Stage::DONE, &["open", "closed"], |world, rx, _| {
            steps(async move {
                let counts = (rx.sender_strong_count(), rx.sender_weak_count());
                // Not asserted of each other: the other side may come between two questions.
                world.remark(&format!("{} {} {counts:?}", rx.len(), rx.is_empty()));
                let answer = if rx.is_closed() { "closed" } else { "open" };
                ends(&world, answer, rx)
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
        Action::new("blocking_recv_many", Stage::DONE, &["message", "end"], |world, mut rx, _| {
            steps(async move {
                let mut buffer = Vec::new();
                let count = rx.blocking_recv_many(&mut buffer, 2);
                buffer.iter().for_each(|message| world.received(WHO, message));
                ends(&world, if count == 0 { "end" } else { "message" }, rx)
            })
        })
        .blocks(),
    ]
}

/// Receives until the end, and looks whether it is one.
pub(super) fn drain(world: Arc<World>, mut rx: Receiver<Message>) -> Steps {
    steps(async move {
        while let Some(message) = rx.recv().await {
            world.received("the end", &message);
        }
        let (again, len) = (try_recv(&world, &mut rx), rx.len());
        assert_eq!((again, len, rx.is_closed()), ("end", 0, true), "behind the end");
        "end"
    })
}

/// Puts the receiver back on its shelf, and answers.
fn ends(world: &World, answer: Answer, rx: Receiver<Message>) -> Answer {
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
