//! Channels without a place: those that are called so, and queues whose sender waits for an
//! acknowledgement. kanal, flume and loole are queues of capacity 0.

use crate::kinds::mpsc::{AsyncRecv, AsyncSend, BlockingRecv, BlockingSend};
use ::fibre::mpsc as fibre;
use ::levada::mpsc::rendezvous as levada;
use ::tokio::sync::{mpsc, oneshot};
use std::sync::mpsc as threads;

impl AsyncSend<usize> for levada::Sender<usize> {
    async fn send(&mut self, message: usize) {
        levada::Sender::send(self, message).await.expect("the receiver lives");
    }
}

impl AsyncRecv<usize> for levada::Receiver<usize> {
    async fn recv(&mut self) -> Option<usize> {
        levada::Receiver::recv(self).await
    }
}

impl BlockingSend<usize> for levada::Sender<usize> {
    fn blocking_send(&mut self, message: usize) {
        levada::Sender::blocking_send(self, message).expect("the receiver lives");
    }
}

impl BlockingRecv<usize> for levada::Receiver<usize> {
    fn blocking_recv(&mut self) -> Option<usize> {
        levada::Receiver::blocking_recv(self)
    }
}

impl AsyncSend<usize> for fibre::RendezvousAsyncSender<usize> {
    async fn send(&mut self, message: usize) {
        fibre::RendezvousAsyncSender::send(self, message).await.expect("the receiver lives");
    }
}

impl AsyncRecv<usize> for fibre::RendezvousAsyncReceiver<usize> {
    async fn recv(&mut self) -> Option<usize> {
        fibre::RendezvousAsyncReceiver::recv(self).await.ok()
    }
}

impl BlockingSend<usize> for fibre::RendezvousSyncSender<usize> {
    fn blocking_send(&mut self, message: usize) {
        self.send(message).expect("the receiver lives");
    }
}

impl BlockingRecv<usize> for fibre::RendezvousSyncReceiver<usize> {
    fn blocking_recv(&mut self) -> Option<usize> {
        self.recv().ok()
    }
}

/// A message, and where it is said that it was taken.
type Acknowledged = (usize, oneshot::Sender<()>);

/// tokio's sender that waits until its message was taken.
#[derive(Clone, Debug)]
pub(crate) struct Awaiting(mpsc::Sender<Acknowledged>);

/// tokio's receiver that says so.
#[derive(Debug)]
pub(crate) struct Acknowledging(mpsc::Receiver<Acknowledged>);

pub(crate) fn tokio() -> (Awaiting, Acknowledging) {
    let (sender, receiver) = mpsc::channel(1);
    (Awaiting(sender), Acknowledging(receiver))
}

impl AsyncSend<usize> for Awaiting {
    async fn send(&mut self, message: usize) {
        let (taken, acknowledgement) = oneshot::channel();
        assert!(self.0.send((message, taken)).await.is_ok(), "the receiver lives");
        acknowledgement.await.expect("the message is taken");
    }
}

impl BlockingSend<usize> for Awaiting {
    fn blocking_send(&mut self, message: usize) {
        let (taken, acknowledgement) = oneshot::channel();
        assert!(self.0.blocking_send((message, taken)).is_ok(), "the receiver lives");
        acknowledgement.blocking_recv().expect("the message is taken");
    }
}

impl AsyncRecv<usize> for Acknowledging {
    async fn recv(&mut self) -> Option<usize> {
        self.0.recv().await.map(acknowledged)
    }
}

impl BlockingRecv<usize> for Acknowledging {
    fn blocking_recv(&mut self) -> Option<usize> {
        self.0.blocking_recv().map(acknowledged)
    }
}

fn acknowledged((message, taken): Acknowledged) -> usize {
    taken.send(()).expect("the sender waits");
    message
}

impl BlockingSend<usize> for threads::SyncSender<usize> {
    fn blocking_send(&mut self, message: usize) {
        self.send(message).expect("the receiver lives");
    }
}

impl BlockingRecv<usize> for threads::Receiver<usize> {
    fn blocking_recv(&mut self) -> Option<usize> {
        self.recv().ok()
    }
}
