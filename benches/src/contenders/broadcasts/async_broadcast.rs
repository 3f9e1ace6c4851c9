use crate::kinds::broadcast::{Broadcast, ManySenders, Overwriting};
use crate::message::Message;
use ::async_broadcast::{Receiver, Sender, TryRecvError, broadcast};

/// Lossless, if it is not told to overwrite. The `_direct` methods are those that allocate nothing.
#[derive(Debug)]
pub(crate) struct AsyncBroadcast;

impl Broadcast for AsyncBroadcast {
    const NAME: &'static str = "async-broadcast";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        broadcast(capacity)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.new_receiver()
    }

    async fn send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        assert!(sender.broadcast_direct(message).await.is_ok(), "there is a receiver");
    }

    async fn recv<T: Message>(receiver: &mut Self::Receiver<T>) -> T {
        receiver.recv_direct().await.expect("there is a sender")
    }

    fn try_send<T: Message>(sender: &mut Self::Sender<T>, message: T) {
        assert!(sender.try_broadcast(message).is_ok(), "there is room");
    }

    fn try_recv<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl ManySenders for AsyncBroadcast {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T> {
        sender.clone()
    }
}

impl Overwriting for AsyncBroadcast {
    fn overwriting<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        let (mut sender, receiver) = broadcast(capacity);
        sender.set_overflow(true);
        (sender, receiver)
    }

    fn try_next<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<Result<T, u64>> {
        match receiver.try_recv() {
            Ok(message) => Some(Ok(message)),
            Err(TryRecvError::Overflowed(missed)) => Some(Err(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}
