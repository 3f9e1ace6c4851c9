//! What levada's errors say, against tokio's.

use std::error::Error;
use std::fmt::Debug;

/// A value that is no part of any text but its own.
const VALUE: u8 = 7;

/// Everything a caller can print or ask about an error.
fn texts<E: Error + Debug>(error: E) -> [String; 5] {
    let text = error.to_string();
    let source = error.source().map(ToString::to_string);
    [
        text,
        format!("{error:>40}"),
        format!("{error:?}"),
        format!("{error:#?}"),
        format!("{source:?}"),
    ]
}

/// Fails unless both errors read the same.
#[track_caller]
fn same(tokio: impl Error, levada: impl Error) {
    assert_eq!(texts(levada), texts(tokio));
}

#[test]
fn mpsc() {
    use levada::mpsc::error as ours;
    use tokio::sync::mpsc::error as theirs;
    same(theirs::SendError(VALUE), ours::SendError(VALUE));
    same(theirs::TrySendError::Full(VALUE), ours::TrySendError::Full(VALUE));
    same(theirs::TrySendError::Closed(VALUE), ours::TrySendError::Closed(VALUE));
    same(theirs::SendTimeoutError::Timeout(VALUE), ours::SendTimeoutError::Timeout(VALUE));
    same(theirs::SendTimeoutError::Closed(VALUE), ours::SendTimeoutError::Closed(VALUE));
    same(theirs::TryRecvError::Empty, ours::TryRecvError::Empty);
    same(theirs::TryRecvError::Disconnected, ours::TryRecvError::Disconnected);
}

#[test]
fn oneshot() {
    use levada::oneshot as ours;
    use tokio::sync::oneshot as theirs;
    let (sender, receiver) = theirs::channel::<u8>();
    drop(sender);
    let theirs_closed = receiver.blocking_recv().unwrap_err();
    let (sender, receiver) = ours::channel::<u8>();
    drop(sender);
    same(theirs_closed, receiver.blocking_recv().unwrap_err());
    same(theirs::error::TryRecvError::Empty, ours::error::TryRecvError::Empty);
    same(theirs::error::TryRecvError::Closed, ours::error::TryRecvError::Closed);
}

#[test]
fn broadcast() {
    use levada::broadcast::error as ours;
    use tokio::sync::broadcast::error as theirs;
    same(theirs::SendError(VALUE), ours::SendError(VALUE));
    same(theirs::RecvError::Closed, ours::RecvError::Closed);
    same(theirs::RecvError::Lagged(12), ours::RecvError::Lagged(12));
    same(theirs::TryRecvError::Empty, ours::TryRecvError::Empty);
    same(theirs::TryRecvError::Closed, ours::TryRecvError::Closed);
    same(theirs::TryRecvError::Lagged(12), ours::TryRecvError::Lagged(12));
}

#[test]
fn watch() {
    use levada::watch as ours;
    use tokio::sync::watch as theirs;
    same(theirs::error::SendError(VALUE), ours::error::SendError(VALUE));
    let (sender, receiver) = theirs::channel(VALUE);
    drop(sender);
    let theirs_closed = receiver.has_changed().unwrap_err();
    let (sender, receiver) = ours::channel(VALUE);
    drop(sender);
    same(theirs_closed, receiver.has_changed().unwrap_err());
}
