use crate::kinds::oneshot::{BlockingOneshot, Oneshot, Request, Requests};
use ::crossfire::{AsyncRx, MAsyncTx, mpsc, oneshot};

#[derive(Debug)]
pub(crate) struct Crossfire;

impl Oneshot for Crossfire {
    const NAME: &'static str = "crossfire";

    type Sender<T: Send + 'static> = oneshot::TxOneshot<T>;
    type Receiver<T: Send + 'static> = oneshot::RxOneshot<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        oneshot::oneshot()
    }

    /// It does not say whether the receiver is there.
    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) {
        sender.send(value);
    }

    async fn recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.await.expect("the sender sends")
    }

    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl BlockingOneshot for Crossfire {
    fn blocking_recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.recv().expect("the sender sends")
    }
}

impl Requests for Crossfire {
    type Client = MAsyncTx<mpsc::Array<Request<Self>>>;
    type Server = AsyncRx<mpsc::Array<Request<Self>>>;

    fn requests(capacity: usize) -> (Self::Client, Self::Server) {
        mpsc::bounded_async(capacity)
    }

    async fn request(client: &mut Self::Client, request: Request<Self>) {
        assert!(client.send(request).await.is_ok(), "the server is there");
    }

    async fn next(server: &mut Self::Server) -> Option<Request<Self>> {
        server.recv().await.ok()
    }
}
