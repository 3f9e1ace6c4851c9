//! crossfire; `set_up` has its back-off detected, as it recommends.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded, recv_one_then_try,
};
use crate::message::Message;
use ::crossfire::{AsyncRx, AsyncTx, MAsyncRx, MAsyncTx, MRx, MTx, Rx, Tx, mpmc, mpsc};

pub(crate) struct Crossfire;

impl Named for Crossfire {
    const NAME: &'static str = "crossfire";
}

impl Bounded for Crossfire {
    type Sender<M: Message> = MAsyncTx<mpsc::Array<M>>;
    type Receiver<M: Message> = AsyncRx<mpsc::Array<M>>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded_async(capacity)
    }
}

impl Unbounded for Crossfire {
    type Sender<M: Message> = MTx<mpsc::List<M>>;
    type Receiver<M: Message> = AsyncRx<mpsc::List<M>>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::unbounded_async()
    }
}

impl Threads for Crossfire {
    type Sender<M: Message> = MTx<mpsc::Array<M>>;
    type Receiver<M: Message> = Rx<mpsc::Array<M>>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded_blocking(capacity)
    }
}

impl ThreadsToTask for Crossfire {
    type Sender<M: Message> = MTx<mpsc::Array<M>>;
    type Receiver<M: Message> = AsyncRx<mpsc::Array<M>>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded_blocking_async(capacity)
    }
}

impl TasksToThread for Crossfire {
    type Sender<M: Message> = MAsyncTx<mpsc::Array<M>>;
    type Receiver<M: Message> = Rx<mpsc::Array<M>>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::bounded_async_blocking(capacity)
    }
}

impl Mpmc for Crossfire {
    type Sender<M: Message> = MAsyncTx<mpmc::Array<M>>;
    type Receiver<M: Message> = MAsyncRx<mpmc::Array<M>>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded_async(capacity)
    }
}

impl MpmcThreads for Crossfire {
    type Sender<M: Message> = MTx<mpmc::Array<M>>;
    type Receiver<M: Message> = MRx<mpmc::Array<M>>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpmc::bounded_blocking(capacity)
    }
}

impl<M: Message> AsyncSend<M> for MAsyncTx<mpsc::Array<M>> {
    async fn send(&mut self, message: M) {
        AsyncTx::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for MAsyncTx<mpsc::Array<M>> {
    fn try_send(&mut self, message: M) -> bool {
        AsyncTx::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncSend<M> for MAsyncTx<mpmc::Array<M>> {
    async fn send(&mut self, message: M) {
        AsyncTx::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for MAsyncTx<mpmc::Array<M>> {
    fn try_send(&mut self, message: M) -> bool {
        AsyncTx::try_send(self, message).is_ok()
    }
}

impl<M: Message> Push<M> for MTx<mpsc::List<M>> {
    fn push(&mut self, message: M) {
        Tx::send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for MTx<mpsc::Array<M>> {
    fn blocking_send(&mut self, message: M) {
        Tx::send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingSend<M> for MTx<mpmc::Array<M>> {
    fn blocking_send(&mut self, message: M) {
        Tx::send(self, message).expect("the receiver lives");
    }
}

impl<M: Message> AsyncRecv<M> for AsyncRx<mpsc::Array<M>> {
    async fn recv(&mut self) -> Option<M> {
        AsyncRx::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for AsyncRx<mpsc::Array<M>> {
    fn try_recv(&mut self) -> Option<M> {
        AsyncRx::try_recv(self).ok()
    }
}

impl<M: Message> AsyncRecv<M> for AsyncRx<mpsc::List<M>> {
    async fn recv(&mut self) -> Option<M> {
        AsyncRx::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for AsyncRx<mpsc::List<M>> {
    fn try_recv(&mut self) -> Option<M> {
        AsyncRx::try_recv(self).ok()
    }
}

impl<M: Message> AsyncRecv<M> for MAsyncRx<mpmc::Array<M>> {
    async fn recv(&mut self) -> Option<M> {
        AsyncRx::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for MAsyncRx<mpmc::Array<M>> {
    fn try_recv(&mut self) -> Option<M> {
        AsyncRx::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for AsyncRx<mpsc::Array<M>> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        recv_one_then_try(self, buffer, limit).await
    }
}

impl<M: Message> BlockingRecv<M> for Rx<mpsc::Array<M>> {
    fn blocking_recv(&mut self) -> Option<M> {
        Rx::recv(self).ok()
    }
}

impl<M: Message> BlockingRecv<M> for MRx<mpmc::Array<M>> {
    fn blocking_recv(&mut self) -> Option<M> {
        Rx::recv(self).ok()
    }
}
