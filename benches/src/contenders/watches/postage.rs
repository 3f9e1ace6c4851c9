use crate::kinds::watch::{Shared, Watch};
use crate::message::Message;
use ::postage::sink::Sink as _;
use ::postage::stream::Stream as _;
use ::postage::watch::{Receiver, Sender, channel_with};

/// It hands out a clone of what has changed, and borrows of what is there.
#[derive(Debug)]
pub(crate) struct Postage;

impl Shared for Postage {
    const NAME: &'static str = "postage";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(initial: T) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel_with(initial)
    }

    fn another<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    fn send<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        assert!(sender.try_send(value).is_ok(), "there is a receiver");
    }

    fn read<T: Message, R>(receiver: &Self::Receiver<T>, look: impl FnOnce(&T) -> R) -> R {
        look(&receiver.borrow())
    }
}

impl Watch for Postage {
    /// A clone has seen nothing; neither has the first receiver.
    fn settle<T: Message>(receiver: &mut Self::Receiver<T>) {
        let seen = receiver.try_recv();
        assert!(seen.is_ok(), "the value that is there was not seen");
    }

    async fn next<T: Message, R: Send>(
        receiver: &mut Self::Receiver<T>,
        look: impl FnOnce(&T) -> R + Send,
    ) -> R {
        look(&receiver.recv().await.expect("there is a sender"))
    }

    fn replace<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        *sender.borrow_mut() = value;
    }

    fn subscribe<T: Message>(sender: &mut Self::Sender<T>) -> Self::Receiver<T> {
        sender.subscribe()
    }
}
