//! Broadcasts with one receiver, which counts what it is told to have missed.

use crate::contenders::broadcasts::{AsyncBroadcast, Tokio};
use crate::kinds::broadcast::{Broadcast, Overwriting};
use crate::kinds::mpsc::{AsyncRecv, TryRecv};
use crate::kinds::overflow::{Counter, Overflowing, Put};
use ::async_broadcast::RecvError as AsyncBroadcastError;
use ::tokio::sync::broadcast::error::RecvError as TokioError;

/// The one receiver of a broadcast.
pub(crate) struct Only<B: Broadcast> {
    receiver: B::Receiver<usize>,
    missed: Counter,
}

type TokioSender = ::tokio::sync::broadcast::Sender<usize>;

pub(crate) fn tokio(
    capacity: usize,
) -> Overflowing<TokioSender, Only<Tokio>, impl Put<TokioSender>> {
    overwriting::<Tokio>(capacity)
}

type AsyncBroadcastSender = ::async_broadcast::Sender<usize>;

/// It gives the message back as well, which is not looked at: the receiver counts.
pub(crate) fn async_broadcast(
    capacity: usize,
) -> Overflowing<AsyncBroadcastSender, Only<AsyncBroadcast>, impl Put<AsyncBroadcastSender>> {
    overwriting::<AsyncBroadcast>(capacity)
}

fn overwriting<B: Overwriting>(
    capacity: usize,
) -> Overflowing<B::Sender<usize>, Only<B>, impl Put<B::Sender<usize>>> {
    let given_up = Counter::default();
    let (sender, receiver) = B::overwriting(capacity);
    let receiver = Only { receiver, missed: given_up.clone() };
    let put = |sender: &mut B::Sender<usize>, message| {
        B::try_send(sender, message);
        None
    };
    Overflowing { sender, receiver, put, given_up }
}

impl<B: Overwriting> TryRecv<usize> for Only<B> {
    fn try_recv(&mut self) -> Option<usize> {
        loop {
            match B::try_next(&mut self.receiver)? {
                Ok(message) => return Some(message),
                Err(missed) => self.missed.add(missed),
            }
        }
    }
}

impl AsyncRecv<usize> for Only<Tokio> {
    async fn recv(&mut self) -> Option<usize> {
        loop {
            match self.receiver.recv().await {
                Ok(message) => return Some(message),
                Err(TokioError::Lagged(missed)) => self.missed.add(missed),
                Err(TokioError::Closed) => return None,
            }
        }
    }
}

impl AsyncRecv<usize> for Only<AsyncBroadcast> {
    async fn recv(&mut self) -> Option<usize> {
        loop {
            match self.receiver.recv_direct().await {
                Ok(message) => return Some(message),
                Err(AsyncBroadcastError::Overflowed(missed)) => self.missed.add(missed),
                Err(AsyncBroadcastError::Closed) => return None,
            }
        }
    }
}
