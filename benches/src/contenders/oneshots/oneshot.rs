use crate::kinds::oneshot::{self as kind, BlockingOneshot};
use ::oneshot::{Receiver, Sender};

#[derive(Debug)]
pub(crate) struct Oneshot;

impl kind::Oneshot for Oneshot {
    const NAME: &'static str = "oneshot";

    type Sender<T: Send + 'static> = Sender<T>;
    type Receiver<T: Send + 'static> = Receiver<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        ::oneshot::channel()
    }

    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) {
        assert!(sender.send(value).is_ok(), "the receiver is there");
    }

    async fn recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.await.expect("the sender sends")
    }

    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl BlockingOneshot for Oneshot {
    fn blocking_recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.recv().expect("the sender sends")
    }
}
