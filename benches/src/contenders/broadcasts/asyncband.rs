use crate::kinds::broadcast::{Broadcast, ManySenders};
use crate::message::Message;
use ::asyncband::broadcast::mpmc::{BoundedReceiver, BoundedSender, bounded};

/// Lossless.
#[derive(Debug)]
pub(crate) struct Asyncband;

impl Broadcast for Asyncband {
    const NAME: &'static str = "asyncband";

    type Sender<T: Message> = BoundedSender<T>;
    type Receiver<T: Message> = BoundedReceiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        bounded(capacity)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.resubscribe()
    }

    async fn send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        sender.send(message).await;
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

impl ManySenders for Asyncband {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T> {
        sender.clone()
    }
}
