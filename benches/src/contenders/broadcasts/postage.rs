use crate::kinds::broadcast::{Broadcast, ManySenders};
use crate::message::Message;
use ::postage::broadcast::{Receiver, Sender, channel};
use ::postage::sink::Sink as _;
use ::postage::stream::Stream as _;

/// Lossless.
#[derive(Debug)]
pub(crate) struct Postage;

impl Broadcast for Postage {
    const NAME: &'static str = "postage";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel(capacity)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    async fn send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        assert!(sender.send(message).await.is_ok(), "there is a receiver");
    }

    async fn recv<T: Message>(receiver: &mut Self::Receiver<T>) -> T {
        receiver.recv().await.expect("there is a sender")
    }

    fn try_send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        assert!(sender.try_send(message).is_ok(), "there is room");
    }

    fn try_recv<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl ManySenders for Postage {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T> {
        sender.clone()
    }
}
