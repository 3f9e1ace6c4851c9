//! futures-channel. Each sender has a place of its own beside the capacity, so that it is one less
//! here: exact for one sender, more room for several.

use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, Bounded, Named, Push, RecvMany, TryRecv, TrySend, Unbounded,
    recv_one_then_try,
};
use crate::message::Message;
use ::futures_channel::mpsc;
use futures_util::SinkExt;

pub(crate) struct FuturesChannel;

impl Named for FuturesChannel {
    const NAME: &'static str = "futures-channel";
}

impl Bounded for FuturesChannel {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity - 1)
    }
}

impl Unbounded for FuturesChannel {
    type Sender<M: Message> = mpsc::UnboundedSender<M>;
    type Receiver<M: Message> = mpsc::UnboundedReceiver<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::unbounded()
    }
}

impl<M: Message> AsyncSend<M> for mpsc::Sender<M> {
    async fn send(&mut self, message: M) {
        SinkExt::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for mpsc::Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        mpsc::Sender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for mpsc::Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        mpsc::Receiver::recv(self).await.ok()
    }
}

impl<M: Message> TryRecv<M> for mpsc::Receiver<M> {
    fn try_recv(&mut self) -> Option<M> {
        mpsc::Receiver::try_recv(self).ok()
    }
}

impl<M: Message> RecvMany<M> for mpsc::Receiver<M> {
    async fn recv_many(&mut self, buffer: &mut Vec<M>, limit: usize) -> usize {
        recv_one_then_try(self, buffer, limit).await
    }
}

impl<M: Message> Push<M> for mpsc::UnboundedSender<M> {
    fn push(&mut self, message: M) {
        self.unbounded_send(message).expect("the receiver lives");
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
