//! postage: its mpsc, and `dispatch` for several receivers. No channel without a bound.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, RecvMany, TasksToThread,
    Threads, ThreadsToTask, TryRecv, TrySend, recv_one_then_try,
};
use crate::message::Message;
use ::postage::sink::Sink;
use ::postage::stream::Stream;
use ::postage::{dispatch, mpsc};

pub(crate) struct Postage;

impl Named for Postage {
    const NAME: &'static str = "postage";
}

impl Bounded for Postage {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl Threads for Postage {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl ThreadsToTask for Postage {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl TasksToThread for Postage {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl Mpmc for Postage {
    type Sender<M: Message> = dispatch::Sender<M>;
    type Receiver<M: Message> = dispatch::Receiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        dispatch::channel(capacity)
    }
}

impl MpmcThreads for Postage {
    type Sender<M: Message> = dispatch::Sender<M>;
    type Receiver<M: Message> = dispatch::Receiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        dispatch::channel(capacity)
    }
}

impl<M: Message> AsyncSend<M> for mpsc::Sender<M> {
    async fn send(&mut self, message: M) {
        Sink::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for mpsc::Sender<M> {
    fn blocking_send(&mut self, message: M) {
        Sink::blocking_send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpsc::Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        Sink::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        Stream::recv(self).await
    }
}

impl<M: Message> BlockingRecv<M> for mpsc::Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        Stream::blocking_recv(self)
    }
}

impl<M: Message> TryRecv<M> for mpsc::Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        Stream::try_recv(self).ok()
    }
}

impl<M: Message> AsyncSend<M> for dispatch::Sender<M> {
    async fn send(&mut self, message: M) {
        Sink::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for dispatch::Sender<M> {
    fn blocking_send(&mut self, message: M) {
        Sink::blocking_send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for dispatch::Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        Sink::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for dispatch::Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        Stream::recv(self).await
    }
}

impl<M: Message> BlockingRecv<M> for dispatch::Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        Stream::blocking_recv(self)
    }
}

impl<M: Message> TryRecv<M> for dispatch::Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        Stream::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for mpsc::Receiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        recv_one_then_try(self, buffer, limit).await
    }
}
