//! The newest value, for everyone.

use crate::message::Message;
use std::future::Future;

/// A value that some write and some read.
pub(crate) trait Shared: 'static {
    /// The contender's.
    const NAME: &'static str;

    type Sender<T: Message>: Send + 'static;
    type Receiver<T: Message>: Send + 'static;

    fn channel<T: Message>(initial: T) -> (Self::Sender<T>, Self::Receiver<T>);

    /// As cheap as the crate allows: whether the clone has seen the value is open until `settle`.
    fn another<T: Message>(receiver: &Self::Receiver<T>) -> Self::Receiver<T>;

    /// There are receivers.
    fn send<T: Message>(sender: &mut Self::Sender<T>, value: T);

    /// Looks at the newest value, without a clone where the crate can do without.
    fn read<T: Message, R>(receiver: &Self::Receiver<T>, look: impl FnOnce(&T) -> R) -> R;
}

/// A shared value whose change can be awaited.
pub(crate) trait Watch: Shared {
    /// The value that is there counts as seen from now on.
    fn settle<T: Message>(receiver: &mut Self::Receiver<T>);

    /// Waits for a value that has not been seen, looks at the newest one and has seen it then.
    fn next<T: Message, R: Send>(
        receiver: &mut Self::Receiver<T>,
        look: impl FnOnce(&T) -> R + Send,
    ) -> impl Future<Output = R> + Send;

    /// Sets the value, whether there are receivers or not.
    fn replace<T: Message>(sender: &mut Self::Sender<T>, value: T);

    fn subscribe<T: Message>(sender: &mut Self::Sender<T>) -> Self::Receiver<T>;
}
