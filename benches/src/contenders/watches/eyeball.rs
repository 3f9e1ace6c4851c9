use crate::kinds::watch::{Shared, Watch};
use crate::message::Message;
use ::eyeball::{SharedObservable, Subscriber};

/// With its default, blocking lock.
#[derive(Debug)]
pub(crate) struct Eyeball;

impl Shared for Eyeball {
    const NAME: &'static str = "eyeball";

    type Sender<T: Message> = SharedObservable<T>;
    type Receiver<T: Message> = Subscriber<T>;

    fn channel<T: Message>(initial: T) -> (Self::Sender<T>, Self::Receiver<T>) {
        let sender = SharedObservable::new(initial);
        let receiver = sender.subscribe();
        (sender, receiver)
    }

    fn another<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T> {
        receiver.clone()
    }

    fn send<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        sender.set(value);
    }

    fn read<T: Message, R>(receiver: &Self::Receiver<T>, look: impl FnOnce(&T) -> R) -> R {
        look(&receiver.read())
    }
}

impl Watch for Eyeball {
    fn settle<T: Message>(receiver: &mut Self::Receiver<T>) {
        drop(receiver.next_ref_now());
    }

    async fn next<T: Message, R: Send>(
        receiver: &mut Self::Receiver<T>,
        look: impl FnOnce(&T) -> R + Send,
    ) -> R {
        look(&receiver.next().await.expect("there is an observable"))
    }

    fn replace<T: Message>(sender: &mut Self::Sender<T>, value: T) {
        sender.set(value);
    }

    fn subscribe<T: Message>(sender: &mut Self::Sender<T>) -> Self::Receiver<T> {
        sender.subscribe()
    }
}
