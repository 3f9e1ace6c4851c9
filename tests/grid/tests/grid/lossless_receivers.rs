//! What a receiver of a lossless broadcast channel may do.

use grid::{Answer, Stage, Steps, pause, staged, steps};
use levada::broadcast::lossless;
use levada::broadcast::lossless::error::{RecvError, TryRecvError};
use std::sync::Arc;
use support::Message;

pub(super) type Sender = lossless::Sender<Arc<Message>>;
pub(super) type Receiver = lossless::Receiver<Arc<Message>>;
pub(super) type World = grid::World<Sender, Receiver>;
type Action = grid::Action<Sender, Receiver, Receiver>;

const WHO: &str = "the receiver";
const RECV: &[Answer] = &["message", "end", "evicted", "stopped"];
const RECV_TWICE: &[Answer] = &["message", "end", "evicted"];
const TRY_RECV: &[Answer] = &["message", "end", "evicted", "empty"];

pub(super) fn actions() -> Vec<Action> {
    vec![
        Action::new("recv", Stage::ALL, RECV, |world, mut rx, stage| {
            steps(async move { back(&world, recv(&world, WHO, &mut rx, stage).await, rx) })
        }),
        Action::new("recv, recv", Stage::DONE, RECV_TWICE, |world, mut rx, stage| {
            steps(async move {
                recv(&world, WHO, &mut rx, stage).await;
                back(&world, recv(&world, WHO, &mut rx, stage).await, rx)
            })
        })
        .pauses(2),
        Action::new("try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move { back(&world, try_recv(&world, &mut rx), rx) })
        }),
        Action::new("try_recv, try_recv", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                try_recv(&world, &mut rx);
                pause().await;
                back(&world, try_recv(&world, &mut rx), rx)
            })
        })
        .pauses(1),
        Action::new("try_recv, drop", Stage::DONE, TRY_RECV, |world, mut rx, _| {
            steps(async move {
                let answer = try_recv(&world, &mut rx);
                pause().await;
                world.left();
                drop(rx);
                answer
            })
        })
        .pauses(1),
        Action::new("resubscribe, drop, recv", Stage::ALL, RECV, |world, rx, stage| {
            steps(async move {
                let mut anew = rx.resubscribe();
                world.left();
                drop(rx);
                back(&world, recv(&world, WHO, &mut anew, stage).await, anew)
            })
        }),
        Action::new("drop", Stage::DONE, &["dropped"], |world, rx, _| {
            steps(async move {
                world.left();
                drop(rx);
                "dropped"
            })
        }),
        Action::new("ask", Stage::DONE, &["member", "evicted"], |world, rx, _| {
            steps(async move {
                let is_evicted = rx.is_evicted();
                // An evicted one may be further behind.
                assert!(is_evicted || rx.lag() <= world.size as u64 || rx.is_evicted());
                back(&world, if is_evicted { "evicted" } else { "member" }, rx)
            })
        }),
        Action::new("blocking_recv", Stage::DONE, RECV_TWICE, |world, mut rx, _| {
            steps(async move {
                let received = rx.blocking_recv();
                back(&world, answer(&world, WHO, received), rx)
            })
        })
        .blocks(),
    ]
}

/// Puts the receiver back on its shelf, and answers.
fn back(world: &World, answer: Answer, rx: Receiver) -> Answer {
    world.receivers.put(rx);
    answer
}

fn answer(world: &World, who: &'static str, received: Result<Arc<Message>, RecvError>) -> Answer {
    match received {
        Ok(message) => {
            world.received(who, &message);
            "message"
        }
        Err(RecvError::Closed) => "end",
        Err(RecvError::Evicted) => "evicted",
        Err(RecvError::Lagged(missed)) => panic!("a member missed {missed}"),
    }
}

async fn recv(world: &World, who: &'static str, rx: &mut Receiver, stage: Stage) -> Answer {
    staged(stage, rx.recv()).await.map_or("stopped", |received| answer(world, who, received))
}

pub(super) fn try_recv(world: &World, rx: &mut Receiver) -> Answer {
    let received = match rx.try_recv() {
        Ok(message) => Ok(message),
        Err(TryRecvError::Empty) => return "empty",
        Err(TryRecvError::Closed) => Err(RecvError::Closed),
        Err(TryRecvError::Evicted) => Err(RecvError::Evicted),
        Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
    };
    answer(world, WHO, received)
}

pub(super) fn drain(world: Arc<World>, mut rx: Receiver) -> Steps {
    steps(async move {
        let who = world.ender();
        loop {
            let answer = recv(&world, who, &mut rx, Stage::Done).await;
            if answer != "message" {
                assert_eq!(
                    (try_recv(&world, &mut rx), rx.is_evicted()),
                    (answer, answer == "evicted")
                );
                return "end";
            }
        }
    })
}
