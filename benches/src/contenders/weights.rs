//! Queues that are bounded by the weight of what is in them: levada's, and those that are made by
//! hand of a queue without a bound and a semaphore.

use crate::kinds::mpsc::{AsyncRecv, AsyncSend};
use ::asyncband::semaphore as asyncband;
use ::levada::mpsc::weighted;
use ::tokio::sync as tokio;
use std::sync::Arc;

/// In bytes, as if each message had a different length.
pub(crate) fn weigh(message: &usize) -> usize {
    64 + (message & 63)
}

/// Room for so many messages on average.
pub(crate) fn room(messages: usize) -> usize {
    96 * messages
}

pub(crate) fn levada(max_weight: usize) -> (weighted::Sender<usize>, weighted::Receiver<usize>) {
    ::levada::mpsc::weighted(max_weight, weigh)
}

impl AsyncSend<usize> for weighted::Sender<usize> {
    async fn send(&mut self, message: usize) {
        weighted::Sender::send(self, message).await.expect("the receiver lives");
    }
}

impl AsyncRecv<usize> for weighted::Receiver<usize> {
    async fn recv(&mut self) -> Option<usize> {
        weighted::Receiver::recv(self).await
    }
}

/// A sender that acquires the weight from a semaphore, and then sends.
#[derive(Debug)]
pub(crate) struct Acquiring<S, Q> {
    room: Arc<S>,
    queue: Q,
}

impl<S, Q: Clone> Clone for Acquiring<S, Q> {
    fn clone(&self) -> Self {
        Self { room: self.room.clone(), queue: self.queue.clone() }
    }
}

type InTokio = (usize, tokio::OwnedSemaphorePermit);

/// The permit is in the message.
pub(crate) fn tokio(
    max_weight: usize,
) -> (
    Acquiring<tokio::Semaphore, tokio::mpsc::UnboundedSender<InTokio>>,
    tokio::mpsc::UnboundedReceiver<InTokio>,
) {
    let (queue, receiver) = tokio::mpsc::unbounded_channel();
    (Acquiring { room: Arc::new(tokio::Semaphore::new(max_weight)), queue }, receiver)
}

impl AsyncSend<usize> for Acquiring<tokio::Semaphore, tokio::mpsc::UnboundedSender<InTokio>> {
    async fn send(&mut self, message: usize) {
        let permit = Arc::clone(&self.room).acquire_many_owned(weigh(&message) as u32).await;
        let permit = permit.expect("it is never closed");
        assert!(self.queue.send((message, permit)).is_ok(), "the receiver lives");
    }
}

impl AsyncRecv<usize> for tokio::mpsc::UnboundedReceiver<InTokio> {
    async fn recv(&mut self) -> Option<usize> {
        let (message, _permit) = tokio::mpsc::UnboundedReceiver::recv(self).await?;
        Some(message)
    }
}

/// A receiver that gives the weight back by itself.
#[derive(Debug)]
pub(crate) struct Releasing {
    room: Arc<tokio::Semaphore>,
    queue: tokio::mpsc::UnboundedReceiver<usize>,
}

/// The permit is forgotten, which saves two changes of the semaphore's reference count; what a
/// receiver drops with the queue stays acquired.
pub(crate) fn tokio_forgotten(
    max_weight: usize,
) -> (Acquiring<tokio::Semaphore, tokio::mpsc::UnboundedSender<usize>>, Releasing) {
    let room = Arc::new(tokio::Semaphore::new(max_weight));
    let (sender, receiver) = tokio::mpsc::unbounded_channel();
    (Acquiring { room: room.clone(), queue: sender }, Releasing { room, queue: receiver })
}

impl AsyncSend<usize> for Acquiring<tokio::Semaphore, tokio::mpsc::UnboundedSender<usize>> {
    async fn send(&mut self, message: usize) {
        let permit = self.room.acquire_many(weigh(&message) as u32).await;
        permit.expect("it is never closed").forget();
        self.queue.send(message).expect("the receiver lives");
    }
}

impl AsyncRecv<usize> for Releasing {
    async fn recv(&mut self) -> Option<usize> {
        let message = self.queue.recv().await?;
        self.room.add_permits(weigh(&message));
        Some(message)
    }
}

type InAsyncband = (usize, asyncband::OwnedSemaphorePermit);
type AsyncbandSender = ::asyncband::mpsc::UnboundedSender<InAsyncband>;
type AsyncbandReceiver = ::asyncband::mpsc::UnboundedReceiver<InAsyncband>;

/// As tokio's, with the permit in the message.
pub(crate) fn asyncband(
    max_weight: usize,
) -> (Acquiring<asyncband::Semaphore, AsyncbandSender>, AsyncbandReceiver) {
    let (queue, receiver) = ::asyncband::mpsc::unbounded();
    (Acquiring { room: Arc::new(asyncband::Semaphore::new(max_weight)), queue }, receiver)
}

impl AsyncSend<usize> for Acquiring<asyncband::Semaphore, AsyncbandSender> {
    async fn send(&mut self, message: usize) {
        let permit = Arc::clone(&self.room).acquire_owned(weigh(&message)).await;
        assert!(self.queue.send((message, permit)).is_ok(), "the receiver lives");
    }
}

impl AsyncRecv<usize> for AsyncbandReceiver {
    async fn recv(&mut self) -> Option<usize> {
        let (message, _permit) = AsyncbandReceiver::recv(self).await.ok()?;
        Some(message)
    }
}
