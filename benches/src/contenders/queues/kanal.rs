//! kanal. A receive that is cancelled loses the message; no cooperative budget.

use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, Push, RecvMany,
    TasksToThread, Threads, ThreadsToTask, TryRecv, TrySend, Unbounded,
};
use crate::message::Message;
use ::kanal::{AsyncReceiver, AsyncSender, Receiver, Sender};

pub(crate) struct Kanal;

impl Named for Kanal {
    const NAME: &'static str = "kanal";
}

impl Bounded for Kanal {
    type Sender<M: Message> = AsyncSender<M>;
    type Receiver<M: Message> = AsyncReceiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::kanal::bounded_async(capacity)
    }
}

impl Unbounded for Kanal {
    type Sender<M: Message> = AsyncSender<M>;
    type Receiver<M: Message> = AsyncReceiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        ::kanal::unbounded_async()
    }
}

impl Threads for Kanal {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::kanal::bounded(capacity)
    }
}

impl ThreadsToTask for Kanal {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = AsyncReceiver<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        let (sender, receiver) = ::kanal::bounded(capacity);
        (sender, receiver.to_async())
    }
}

impl TasksToThread for Kanal {
    type Sender<M: Message> = AsyncSender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        let (sender, receiver) = ::kanal::bounded(capacity);
        (sender.to_async(), receiver)
    }
}

impl Mpmc for Kanal {
    type Sender<M: Message> = AsyncSender<M>;
    type Receiver<M: Message> = AsyncReceiver<M>;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::kanal::bounded_async(capacity)
    }
}

impl MpmcThreads for Kanal {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::kanal::bounded(capacity)
    }
}

impl<M: Message> AsyncSend<M> for AsyncSender<M> {
    async fn send(&mut self, message: M) {
        AsyncSender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for AsyncSender<M> {
    fn try_send(&mut self, message: M) -> bool {
        AsyncSender::try_send(self, message).expect("the receiver lives")
    }
}

impl<M: Message> Push<M> for AsyncSender<M> {
    fn push(&mut self, message: M) {
        assert!(
            AsyncSender::try_send(self, message).expect("the receiver lives"),
            "it has no bound"
        );
    }
}

impl<M: Message> AsyncRecv<M> for AsyncReceiver<M> {
    async fn recv(&mut self) -> Option<M> {
        AsyncReceiver::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for AsyncReceiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        AsyncReceiver::try_recv(self).ok().flatten()
    }
}

impl<M: Message> RecvMany<M> for AsyncReceiver<M> {
    /// As its documentation of `drain_into` shows: everything that is there, else one that is
    /// waited for.
    async fn recv_many(&mut self, buffer: &mut Vec<M>, _limit: usize) -> usize {
        match self.drain_into(buffer) {
            Ok(0) => {}
            Ok(count) => return count,
            Err(_) => return 0,
        }
        let first = AsyncReceiver::recv(self).await.ok();
        let count = usize::from(first.is_some());
        buffer.extend(first);
        count
    }
}

impl<M: Message> BlockingSend<M> for Sender<M> {
    fn blocking_send(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingRecv<M> for Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        self.recv().ok()
    }
}
