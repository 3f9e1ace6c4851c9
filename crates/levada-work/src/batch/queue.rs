//! The queue before the worker: bounded by the number of entries, or by their weight.

use std::borrow::Cow;

use levada::mpsc;
use levada::mpsc::error::{SendError, TrySendError};
use levada::mpsc::weighted;

use super::entry::Entry;

/// What bounds the queue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Capacity {
    Items(usize),
    Weight(usize),
}

pub(super) enum Sender<T> {
    Items(mpsc::Sender<Entry<T>>),
    Weight(weighted::Sender<Entry<T>>),
}

pub(super) enum WeakSender<T> {
    Items(mpsc::WeakSender<Entry<T>>),
    Weight(weighted::WeakSender<Entry<T>>),
}

pub(super) enum Receiver<T> {
    Items(mpsc::Receiver<Entry<T>>),
    Weight(weighted::Receiver<Entry<T>>),
}

#[track_caller]
pub(super) fn open<T: 'static>(
    capacity: Capacity,
    name: Option<Cow<'static, str>>,
) -> (Sender<T>, Receiver<T>) {
    match capacity {
        Capacity::Items(items) => {
            let queue = mpsc::builder(items);
            let (tx, rx) = match name {
                Some(name) => queue.named(name).build(),
                None => queue.build(),
            };
            (Sender::Items(tx), Receiver::Items(rx))
        }
        Capacity::Weight(weight) => {
            let queue = weighted::builder(weight, Entry::weight);
            let (tx, rx) = match name {
                Some(name) => queue.named(name).build(),
                None => queue.build(),
            };
            (Sender::Weight(tx), Receiver::Weight(rx))
        }
    }
}

impl<T> Sender<T> {
    /// Cancelled, it has sent nothing.
    pub(super) async fn send(&self, entry: Entry<T>) -> Result<(), SendError<Entry<T>>> {
        match self {
            Self::Items(queue) => queue.send(entry).await,
            Self::Weight(queue) => {
                queue.send(entry).await.map_err(|refused| SendError(refused.into_inner()))
            }
        }
    }

    pub(super) fn try_send(&self, entry: Entry<T>) -> Result<(), TrySendError<Entry<T>>> {
        match self {
            Self::Items(queue) => queue.try_send(entry),
            Self::Weight(queue) => queue.try_send(entry).map_err(|refused| match refused {
                weighted::error::TrySendError::Closed(entry) => TrySendError::Closed(entry),
                // The queue refuses none for its weight: one that is too heavy goes alone.
                other => TrySendError::Full(other.into_inner()),
            }),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Items(queue) => queue.max_capacity() - queue.capacity(),
            Self::Weight(queue) => queue.len(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Items(queue) => queue.is_closed(),
            Self::Weight(queue) => queue.is_closed(),
        }
    }

    pub(super) fn downgrade(&self) -> WeakSender<T> {
        match self {
            Self::Items(queue) => WeakSender::Items(queue.downgrade()),
            Self::Weight(queue) => WeakSender::Weight(queue.downgrade()),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Items(queue) => Self::Items(queue.clone()),
            Self::Weight(queue) => Self::Weight(queue.clone()),
        }
    }
}

impl<T> WeakSender<T> {
    pub(super) fn upgrade(&self) -> Option<Sender<T>> {
        match self {
            Self::Items(queue) => queue.upgrade().map(Sender::Items),
            Self::Weight(queue) => queue.upgrade().map(Sender::Weight),
        }
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Items(queue) => Self::Items(queue.clone()),
            Self::Weight(queue) => Self::Weight(queue.clone()),
        }
    }
}

impl<T> Receiver<T> {
    /// Cancelled, it has taken nothing.
    pub(super) async fn recv(&mut self) -> Option<Entry<T>> {
        match self {
            Self::Items(queue) => queue.recv().await,
            Self::Weight(queue) => queue.recv().await,
        }
    }

    pub(super) fn try_recv(&mut self) -> Option<Entry<T>> {
        match self {
            Self::Items(queue) => queue.try_recv().ok(),
            Self::Weight(queue) => queue.try_recv().ok(),
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Items(queue) => queue.close(),
            Self::Weight(queue) => queue.close(),
        }
    }
}
