//! fibre: a channel of its own for each shape.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded,
};
use crate::message::Message;
use ::fibre::{mpmc, mpsc};

pub(crate) struct Fibre;

impl Named for Fibre {
    const NAME: &'static str = "fibre";
}

impl Bounded for Fibre {
    type Sender<M: Message> = mpsc::BoundedAsyncSender<M>;
    type Receiver<M: Message> = mpsc::BoundedAsyncReceiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded_async(capacity)
    }
}

impl Unbounded for Fibre {
    type Sender<M: Message> = mpsc::UnboundedAsyncSender<M>;
    type Receiver<M: Message> = mpsc::UnboundedAsyncReceiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::unbounded_async()
    }
}

impl Threads for Fibre {
    type Sender<M: Message> = mpsc::BoundedSyncSender<M>;
    type Receiver<M: Message> = mpsc::BoundedSyncReceiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded(capacity)
    }
}

impl ThreadsToTask for Fibre {
    type Sender<M: Message> = mpsc::BoundedSyncSender<M>;
    type Receiver<M: Message> = mpsc::BoundedAsyncReceiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        let (sender, receiver) = mpsc::bounded(capacity);
        (sender, receiver.to_async())
    }
}

impl TasksToThread for Fibre {
    type Sender<M: Message> = mpsc::BoundedAsyncSender<M>;
    type Receiver<M: Message> = mpsc::BoundedSyncReceiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        let (sender, receiver) = mpsc::bounded(capacity);
        (sender.to_async(), receiver)
    }
}

impl Mpmc for Fibre {
    type Sender<M: Message> = mpmc::AsyncSender<M>;
    type Receiver<M: Message> = mpmc::AsyncReceiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded_async(capacity)
    }
}

impl MpmcThreads for Fibre {
    type Sender<M: Message> = mpmc::Sender<M>;
    type Receiver<M: Message> = mpmc::Receiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded(capacity)
    }
}

impl<M: Message> AsyncSend<M> for mpsc::BoundedAsyncSender<M> {
    async fn send(&mut self, message: M) {
        mpsc::BoundedAsyncSender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpsc::BoundedAsyncSender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpsc::BoundedAsyncSender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::BoundedAsyncReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::BoundedAsyncReceiver::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for mpsc::BoundedAsyncReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::BoundedAsyncReceiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for mpsc::BoundedAsyncReceiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        self.recv_batch_mut(buffer, limit).await.unwrap_or(0)
    }
}

impl<M: Message> BlockingSend<M> for mpsc::BoundedSyncSender<M> {
    fn blocking_send(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingRecv<M> for mpsc::BoundedSyncReceiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        self.recv().ok()
    }
}

impl<M: Message> Push<M> for mpsc::UnboundedAsyncSender<M> {
    fn push(&mut self, message: M) {
        self.try_send(message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::UnboundedAsyncReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::UnboundedAsyncReceiver::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for mpsc::UnboundedAsyncReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::UnboundedAsyncReceiver::try_recv(self).ok()
    }
}

impl<M: Message> AsyncSend<M> for mpmc::AsyncSender<M> {
    async fn send(&mut self, message: M) {
        mpmc::AsyncSender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for mpmc::AsyncReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpmc::AsyncReceiver::recv(self).await.ok()
    }
}

impl<M: Message> TrySend<M> for mpmc::AsyncSender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpmc::AsyncSender::try_send(self, message).is_ok()
    }
}

impl<M: Message> TryRecv<M> for mpmc::AsyncReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpmc::AsyncReceiver::try_recv(self).ok()
    }
}

impl<M: Message> BlockingSend<M> for mpmc::Sender<M> {
    fn blocking_send(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingRecv<M> for mpmc::Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        self.recv().ok()
    }
}
