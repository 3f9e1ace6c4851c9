use crate::kinds::oneshot::{BlockingOneshot, Oneshot, Request, Requests};
use ::tokio::sync::{mpsc, oneshot};

#[derive(Debug)]
pub(crate) struct Tokio;

impl Oneshot for Tokio {
    const NAME: &'static str = "tokio";

    type Sender<T: Send + 'static> = oneshot::Sender<T>;
    type Receiver<T: Send + 'static> = oneshot::Receiver<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        oneshot::channel()
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

impl BlockingOneshot for Tokio {
    fn blocking_recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.blocking_recv().expect("the sender sends")
    }
}

impl Requests for Tokio {
    type Client = mpsc::Sender<Request<Self>>;
    type Server = mpsc::Receiver<Request<Self>>;

    fn requests(capacity: usize) -> (Self::Client, Self::Server) {
        mpsc::channel(capacity)
    }

    async fn request(client: &mut Self::Client, request: Request<Self>) {
        assert!(client.send(request).await.is_ok(), "the server is there");
    }

    async fn next(server: &mut Self::Server) -> Option<Request<Self>> {
        server.recv().await
    }
}
