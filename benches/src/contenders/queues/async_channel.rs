//! async-channel: one type of sender and receiver for everything.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded, recv_one_then_try,
};
use crate::message::Message;
use ::async_channel::{Receiver, Sender};

pub(crate) struct AsyncChannel;

impl Named for AsyncChannel {
    const NAME: &'static str = "async-channel";
}

impl Bounded for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl Threads for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl ThreadsToTask for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl TasksToThread for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl Mpmc for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl MpmcThreads for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::bounded(capacity)
    }
}

impl Unbounded for AsyncChannel {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        ::async_channel::unbounded()
    }
}

impl<M: Message> AsyncSend<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        Sender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for Sender<M> {
    fn blocking_send(&mut self, message: M) {
        self.send_blocking(message).expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        Sender::try_send(self, message).is_ok()
    }
}

impl<M: Message> Push<M> for Sender<M> {
    fn push(&mut self, message: M) {
        Sender::try_send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        Receiver::recv(self).await.ok()
    }
}

impl<M: Message> BlockingRecv<M> for Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        self.recv_blocking().ok()
    }
}

impl<M: Message> TryRecv<M> for Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        Receiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for Receiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        recv_one_then_try(self, buffer, limit).await
    }
}
