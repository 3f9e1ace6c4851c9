use crate::kinds::watch::{Shared, Watch};
use crate::message::Message;
use ::tokio::sync::watch::{Receiver, Sender, channel};

#[derive(Debug)]
pub(crate) struct Tokio;

impl Shared for Tokio {
    const NAME: &'static str = "tokio";

    type Sender<T: Message> = Sender<T>;
    type Receiver<T: Message> = Receiver<T>;

    fn channel<T: Message>(initial: T) -> (Self::Sender<T>, Self::Receiver<T>) {
        channel(initial)
    }

    fn another<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    fn send<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        assert!(sender.send(value).is_ok(), "there is a receiver");
    }

    fn read<T: Message, R>(receiver: &Self::Receiver<T>, look: impl FnOnce(&T) -> R) -> R {
        look(&receiver.borrow())
    }
}

impl Watch for Tokio {
    fn settle<T: Message>(receiver: &mut Self::Receiver<T>) {
        receiver.mark_unchanged();
    }

    async fn next<T: Message, R: Send>(
        receiver: &mut Self::Receiver<T>,
        look: impl FnOnce(&T) -> R + Send,
    ) -> R {
        receiver.changed().await.expect("there is a sender");
        look(&receiver.borrow_and_update())
    }

    fn replace<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        sender.send_replace(value);
    }

    fn subscribe<T: Message>(sender: &mut Self::Sender<T>) -> Self::Receiver<T> {
        sender.subscribe()
    }
}
