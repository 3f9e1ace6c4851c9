use crate::kinds::broadcast::{Broadcast, ManySenders};
use crate::message::Message;
use ::levada::broadcast::lossless;
use ::levada::broadcast::lossless::error::TryRecvError;
use ::levada::broadcast::lossless::{Receiver, Sender};

/// levada's lossless channel. Its receivers are members.
#[derive(Debug)]
pub(crate) struct LevadaLossless;

impl Broadcast for LevadaLossless {
    const NAME: &'static str = "levada";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        lossless(capacity)
    }

    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.resubscribe()
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
        match receiver.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(error) => panic!("a member gets every message: {error}"),
        }
    }
}

impl ManySenders for LevadaLossless {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T> {
        sender.clone()
    }
}
