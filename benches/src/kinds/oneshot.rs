//! One value, once.

use std::future::Future;

/// A channel for one value. A method panics if the other side is gone: nobody in a shape gives up.
pub(crate) trait Oneshot: 'static {
    /// The contender's.
    const NAME: &'static str;

    type Sender<T: Send + 'static>: Send + 'static;
    type Receiver<T: Send + 'static>: Send + 'static;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>);

    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T);

    fn recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> impl Future<Output = T> + Send;

    /// Nothing if it has not been sent yet.
    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T>;
}

/// A oneshot that a thread can wait on.
pub(crate) trait BlockingOneshot: Oneshot {
    fn blocking_recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T;
}

/// A request, and where the reply goes.
pub(crate) type Request<O> = (u64, <O as Oneshot>::Sender<u64>);

/// The same crate's bounded queue, for requests that are answered by its oneshot. A crate without a
/// oneshot answers through a queue of capacity 1.
pub(crate) trait Requests: Oneshot {
    type Client: Clone + Send + 'static;
    type Server: Send + 'static;

    fn requests(capacity: usize) -> (Self::Client, Self::Server);

    fn request(
        client: &mut Self::Client,
        request: Request<Self>,
    ) -> impl Future<Output = ()> + Send
    where
        Self: Sized;

    /// The next request; nothing when all clients are gone.
    fn next(server: &mut Self::Server) -> impl Future<Output = Option<Request<Self>>> + Send
    where
        Self: Sized;
}
