//! Every value to every receiver.

use crate::message::Message;
use std::future::Future;

/// A bounded broadcast channel. Its senders wait for the slowest receiver (lossless), or overwrite
/// what it has not seen (lossy): the shapes keep within the capacity, so that both do the same. A
/// method panics if the other side is gone or a message is lost.
pub(crate) trait Broadcast: 'static {
    /// The contender's.
    const NAME: &'static str;

    type Sender<T: Message>: Send + 'static;
    type Receiver<T: Message>: Send + 'static;

    fn channel<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    /// A receiver of what is sent from now on, made from one that has seen everything so far.
    fn subscribe<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T>;

    fn send<T: Message>(
        sender: &mut Self::Sender<T>,
        message: T,
    ) -> impl Future<Output = ()> + Send;

    fn recv<T: Message>(receiver: &mut Self::Receiver<T>) -> impl Future<Output = T> + Send;

    /// # Panics
    /// If the channel is full.
    fn try_send<T: Message>(sender: &mut Self::Sender<T>, message: T);

    /// Nothing if there is nothing.
    fn try_recv<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<T>;
}

/// A broadcast channel with several senders.
pub(crate) trait ManySenders: Broadcast {
    fn another<T: Message>(sender: &Self::Sender<T>) -> Self::Sender<T>;
}

/// A broadcast channel that overwrites what a slow receiver has not seen, and tells it how much.
pub(crate) trait Overwriting: Broadcast {
    /// One that does so; of this one, `try_send` never finds it full.
    fn overwriting<T: Message>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    /// The next message, or how many were overwritten before it. Nothing if there is nothing.
    fn try_next<T: Message>(receiver: &mut Self::Receiver<T>) -> Option<Result<T, u64>>;
}
