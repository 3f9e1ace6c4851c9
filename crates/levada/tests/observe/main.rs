//! What a snapshot says, with the feature `observe`.
//!
//! The tests of a program run beside each other, so each looks for its own channels by name or by
//! line.
#![cfg(feature = "observe")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod accuracy;
mod handles;
mod waits;

use levada::observe::{Channel, Oneshots, snapshot};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The channel with this name, now.
fn channel(name: &str) -> Channel {
    try_channel(name).unwrap_or_else(|| panic!("no channel is called {name}"))
}

fn try_channel(name: &str) -> Option<Channel> {
    snapshot().channels.into_iter().find(|channel| channel.origin.name() == Some(name))
}

/// The oneshots that were created in this line of the file `file`.
fn oneshots(file: &str, line: u32) -> Option<Oneshots> {
    snapshot().oneshots.into_iter().find(|oneshots| {
        let location = oneshots.origin.location();
        location.file() == file && location.line() == line
    })
}

/// Polls a future once, for a task that is never woken.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
