use crate::kinds::watch::{Shared, Watch};
use crate::message::Message;
use ::asyncband::watch::{Receiver, Sender, channel};

/// It hands out clones of the value, never a borrow.
#[derive(Debug)]
pub(crate) struct Asyncband;

impl Shared for Asyncband {
    const NAME: &'static str = "asyncband";

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
        look(&receiver.get())
    }
}

impl Watch for Asyncband {
    /// A clone has seen what its original has, and nothing is sent before.
    fn settle<T: Message>(_: &mut Self::Receiver<T>) {}

    async fn next<T: Message, R: Send>(
        receiver: &mut Self::Receiver<T>,
        look: impl FnOnce(&T) -> R + Send,
    ) -> R {
        look(&receiver.recv().await.expect("there is a sender"))
    }

    fn replace<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        sender.send_replace(value);
    }

    fn subscribe<T: Message>(sender: &mut Self::Sender<T>) -> Self::Receiver<T> {
        sender.subscribe()
    }
}
