//! flume: one type of sender and receiver for everything.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded,
};
use crate::message::Message;
use ::flume::{Receiver, Sender};

pub(crate) struct Flume;

impl Named for Flume {
    const NAME: &'static str = "flume";
}

impl Bounded for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl Threads for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl ThreadsToTask for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl TasksToThread for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl Mpmc for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl MpmcThreads for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::bounded(capacity)
    }
}

impl Unbounded for Flume {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        ::flume::unbounded()
    }
}

impl<M: Message> AsyncSend<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        self.send_async(message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for Sender<M> {
    fn blocking_send(&mut self, message: M) {
        Sender::send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        Sender::try_send(self, message).is_ok()
    }
}

impl<M: Message> Push<M> for Sender<M> {
    fn push(&mut self, message: M) {
        Sender::send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        self.recv_async().await.ok()
    }
}

impl<M: Message> BlockingRecv<M> for Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        Receiver::recv(self).ok()
    }
}

impl<M: Message> TryRecv<M> for Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        Receiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for Receiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, _limit: usize) -> usize {
        let Ok(first) = self.recv_async().await else {
            return 0;
        };
        buffer.push(first);
        buffer.extend(self.drain());
        buffer.len()
    }
}
