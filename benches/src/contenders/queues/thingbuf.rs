//! thingbuf: bounded; all its slots are made at once and used again. Threads have a channel of
//! their own.

use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Bounded, Named, RecvMany, Threads, TryRecv,
    TrySend, recv_one_then_try,
};
use crate::message::Message;
use ::thingbuf::mpsc::{self, blocking};

pub(crate) struct Thingbuf;

impl Named for Thingbuf {
    const NAME: &'static str = "thingbuf";
}

impl Bounded for Thingbuf {
    type Sender<M: Message> = mpsc::Sender<M>;
    type Receiver<M: Message> = mpsc::Receiver<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        mpsc::channel(capacity)
    }
}

impl Threads for Thingbuf {
    type Sender<M: Message> = blocking::Sender<M>;
    type Receiver<M: Message> = blocking::Receiver<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>) {
        blocking::channel(capacity)
    }
}

impl<M: Message> AsyncSend<M> for mpsc::Sender<M> {
    async fn send(&mut self, message: M) {
        mpsc::Sender::send(self, message).await.expect("the receiver lives");
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

impl<M: Message> BlockingSend<M> for blocking::Sender<M> {
    fn blocking_send(&mut self, message: M) {
        self.send(message).expect("the receiver lives");
    }
}

impl<M: Message> BlockingRecv<M> for blocking::Receiver<M> {
    fn blocking_recv(&mut self) -> Option<M> {
        self.recv()
    }
}
