//! What a receiver of levada's broadcast may do as a stream.

use super::broadcast::Receiving;
use futures_core::Stream;
use grid::{Stage, staged, steps};
use std::future::poll_fn;
use std::pin::pin;

/// All of them.
pub(super) fn actions() -> Vec<Receiving> {
    vec![Receiving::new(
        "next, drop",
        Stage::ALL,
        &["message", "lagged", "end", "stopped"],
        |world, rx, stage| {
            steps(async move {
                let mut stream = pin!(rx.into_stream());
                match staged(stage, poll_fn(|cx| stream.as_mut().poll_next(cx))).await {
                    None => "stopped",
                    Some(None) => "end",
                    Some(Some(Err(_))) => "lagged",
                    Some(Some(Ok(message))) => {
                        world.received("the receiver", &message);
                        "message"
                    }
                }
            })
        },
    )]
}
