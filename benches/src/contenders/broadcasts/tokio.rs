use crate::kinds::broadcast::{Broadcast, ManySenders, Overwriting};
use crate::message::Message;
use ::tokio::sync::broadcast::error::TryRecvError;
use ::tokio::sync::broadcast::{Receiver, Sender, channel};

#[derive(Debug)]
pub(crate) struct Tokio;

impl Broadcast for Tokio {
    const NAME: &'static str = "tokio";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel(capacity)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.resubscribe()
    }

    async fn send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        Self::try_send(sender, message);
    }

    async fn recv<T: Message>(receiver: &mut Self::Receiver<T>) -> T {
        receiver.recv().await.expect("the shape keeps within the capacity")
    }

    fn try_send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        assert!(sender.send(message).is_ok(), "there is a receiver");
    }

    fn try_recv<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        match receiver.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(error) => panic!("the shape keeps within the capacity: {error}"),
        }
    }
}

impl ManySenders for Tokio {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T> {
        sender.clone()
    }
}

impl Overwriting for Tokio {
    fn overwriting<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel(capacity)
    }

    fn try_next<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<Result<T, u64>> {
        match receiver.try_recv() {
            Ok(message) => Some(Ok(message)),
            Err(TryRecvError::Lagged(missed)) => Some(Err(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}
