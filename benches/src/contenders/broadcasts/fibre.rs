use crate::kinds::broadcast::Broadcast;
use crate::message::Message;
use ::fibre::spmc::topic::{AsyncTopicReceiver, AsyncTopicSender, channel_async};
use ::fibre::spmc::{BoundedAsyncReceiver, BoundedAsyncSender, bounded_async};

/// Lossless, one sender.
#[derive(Debug)]
pub(crate) struct Fibre;

impl Broadcast for Fibre {
    const NAME: &'static str = "fibre (spmc)";

    type Sender<T: Message> = BoundedAsyncSender<T>;
    type Receiver<T: Message> = BoundedAsyncReceiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        bounded_async(capacity)
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

/// One sender, a mailbox for each receiver; a full one drops what is new, and nobody is told.
/// Here it has one topic, to which all receivers are subscribed.
#[derive(Debug)]
pub(crate) struct FibreTopic;

impl Broadcast for FibreTopic {
    const NAME: &'static str = "fibre (topic)";

    type Sender<T: Message> = AsyncTopicSender<(), T>;
    type Receiver<T: Message> = AsyncTopicReceiver<(), T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        let (sender, receiver) = channel_async(capacity);
        receiver.subscribe(());
        (sender, receiver)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    async fn send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        Self::try_send(sender, message);
    }

    async fn recv<T: Message>(receiver: &mut Self::Receiver<T>) -> T {
        let ((), message) = receiver.recv().await.expect("there is a sender");
        message
    }

    fn try_send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        sender.send((), message).expect("there is a receiver");
    }

    fn try_recv<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok().map(|((), message)| message)
    }
}
