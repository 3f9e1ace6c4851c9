//! tokio, whose channels levada stands in for. No mpmc.

use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded,
};
use crate::message::Message;
use ::tokio::sync::mpsc;

pub(crate) struct Tokio;

impl Named for Tokio {
    const NAME: &'static str = "tokio";
}

impl Bounded for Tokio {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl Unbounded for Tokio {
    type Sender<M: Message> = mpsc::UnboundedSender<M>;
    type Receiver<M: Message> = mpsc::UnboundedReceiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::unbounded_channel()
    }
}

impl Threads for Tokio {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl ThreadsToTask for Tokio {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl TasksToThread for Tokio {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl<M: Message> AsyncSend<M> for mpsc::Sender<M> {
    async fn send(&mut self, message: M) {
        mpsc::Sender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for mpsc::Sender<M> {
    fn blocking_send(&mut self, message: M) {
        mpsc::Sender::blocking_send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpsc::Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpsc::Sender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::Receiver::recv(self).await
    }
}

impl<M: Message> BlockingRecv<M> for mpsc::Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        mpsc::Receiver::blocking_recv(self)
    }
}

impl<M: Message> TryRecv<M> for mpsc::Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::Receiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for mpsc::Receiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        mpsc::Receiver::recv_many(self, buffer, limit).await
    }
}

impl<M: Message> Push<M> for mpsc::UnboundedSender<M> {
    fn push(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::UnboundedReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::UnboundedReceiver::recv(self).await
    }
}

impl<M: Message> TryRecv<M> for mpsc::UnboundedReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::UnboundedReceiver::try_recv(self).ok()
    }
}
