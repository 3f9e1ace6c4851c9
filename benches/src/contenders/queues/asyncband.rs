//! asyncband: one mutex. Threads wait by its `blocking` feature.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded, recv_one_then_try,
};
use crate::message::Message;
use ::asyncband::blocking::FutureExt;
use ::asyncband::{mpmc, mpsc};

pub(crate) struct Asyncband;

impl Named for Asyncband {
    const NAME: &'static str = "asyncband";
}

impl Bounded for Asyncband {
    type Sender<M: Message> = mpsc::BoundedSender<M>;
    type Receiver<M: Message> = mpsc::BoundedReceiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded(capacity)
    }
}

impl Threads for Asyncband {
    type Sender<M: Message> = mpsc::BoundedSender<M>;
    type Receiver<M: Message> = mpsc::BoundedReceiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded(capacity)
    }
}

impl ThreadsToTask for Asyncband {
    type Sender<M: Message> = mpsc::BoundedSender<M>;
    type Receiver<M: Message> = mpsc::BoundedReceiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded(capacity)
    }
}

impl TasksToThread for Asyncband {
    type Sender<M: Message> = mpsc::BoundedSender<M>;
    type Receiver<M: Message> = mpsc::BoundedReceiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded(capacity)
    }
}

impl Unbounded for Asyncband {
    type Sender<M: Message> = mpsc::UnboundedSender<M>;
    type Receiver<M: Message> = mpsc::UnboundedReceiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::unbounded()
    }
}

impl Mpmc for Asyncband {
    type Sender<M: Message> = mpmc::BoundedSender<M>;
    type Receiver<M: Message> = mpmc::BoundedReceiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded(capacity)
    }
}

impl MpmcThreads for Asyncband {
    type Sender<M: Message> = mpmc::BoundedSender<M>;
    type Receiver<M: Message> = mpmc::BoundedReceiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded(capacity)
    }
}

impl<M: Message> AsyncSend<M> for mpsc::BoundedSender<M> {
    async fn send(&mut self, message: M) {
        mpsc::BoundedSender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for mpsc::BoundedSender<M> {
    fn blocking_send(&mut self, message: M) {
        mpsc::BoundedSender::send(self, message).block_on().expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpsc::BoundedSender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpsc::BoundedSender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::BoundedReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::BoundedReceiver::recv(self).await.ok()
    }
}

impl<M: Message> BlockingRecv<M> for mpsc::BoundedReceiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        mpsc::BoundedReceiver::recv(self).block_on().ok()
    }
}

impl<M: Message> TryRecv<M> for mpsc::BoundedReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::BoundedReceiver::try_recv(self).ok()
    }
}

impl<M: Message> AsyncSend<M> for mpmc::BoundedSender<M> {
    async fn send(&mut self, message: M) {
        mpmc::BoundedSender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for mpmc::BoundedSender<M> {
    fn blocking_send(&mut self, message: M) {
        mpmc::BoundedSender::send(self, message).block_on().expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpmc::BoundedSender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpmc::BoundedSender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpmc::BoundedReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpmc::BoundedReceiver::recv(self).await.ok()
    }
}

impl<M: Message> BlockingRecv<M> for mpmc::BoundedReceiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        mpmc::BoundedReceiver::recv(self).block_on().ok()
    }
}

impl<M: Message> TryRecv<M> for mpmc::BoundedReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpmc::BoundedReceiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for mpsc::BoundedReceiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        recv_one_then_try(self, buffer, limit).await
    }
}

impl<M: Message> Push<M> for mpsc::UnboundedSender<M> {
    fn push(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::UnboundedReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::UnboundedReceiver::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for mpsc::UnboundedReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::UnboundedReceiver::try_recv(self).ok()
    }
}
