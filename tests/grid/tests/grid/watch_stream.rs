//! What a receiver of levada's watch may do as a stream, and with a guard that is kept.

use super::watch::Receiving;
use futures_core::Stream;
use grid::{Stage, staged, steps};
use std::future::poll_fn;
use std::pin::pin;

/// All of them.
pub(super) fn actions() -> Vec<Receiving> {
    vec![Receiving::new(
        "next, next, drop",
        Stage::ALL,
        &["changed", "end", "stopped"],
        |world, rx, stage| {
            steps(async move {
                let mut stream = pin!(rx.into_stream());
                let first =
                    poll_fn(|cx| stream.as_mut().poll_next(cx)).await.map(|value| value.id());
                world.remark(&format!("first {first:?}"));
                match staged(stage, poll_fn(|cx| stream.as_mut().poll_next(cx))).await {
                    None => "stopped",
                    Some(None) => "end",
                    Some(Some(value)) => {
                        assert!(Some(value.id()) >= first, "back in time");
                        "changed"
                    }
                }
            })
        },
    )]
}
