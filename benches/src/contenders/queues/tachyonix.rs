//! tachyonix: bounded, for tasks only.

use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, Bounded, Named, RecvMany, TryRecv, TrySend, recv_one_then_try,
};
use crate::message::Message;
use ::tachyonix::{Receiver, Sender};

pub(crate) struct Tachyonix;

impl Named for Tachyonix {
    const NAME: &'static str = "tachyonix";
}

impl Bounded for Tachyonix {
    type Sender<M: Message> = Sender<M>;
    type Receiver<M: Message> = Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        ::tachyonix::channel(capacity)
    }
}

impl<M: Message> AsyncSend<M> for Sender<M> {
    async fn send(&mut self, message: M) {
        Sender::send(self, message).await.expect("the receiver lives");
    }
}

impl<M: Message> TrySend<M> for Sender<M> {
    fn try_send(&mut self, message: M) -> bool {
        Sender::try_send(self, message).is_ok()
    }
}

impl<M: Message> AsyncRecv<M> for Receiver<M> {
    async fn recv(&mut self) -> Option<M> {
        Receiver::recv(self).await.ok()
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
