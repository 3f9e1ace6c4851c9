use crate::kinds::oneshot::{BlockingOneshot, Oneshot, Request, Requests};
use ::fibre::{mpsc, oneshot};

/// Its `exclusive` oneshot: the one that its docs advise for a single sender.
#[derive(Debug)]
pub(crate) struct Fibre;

impl Oneshot for Fibre {
    const NAME: &'static str = "fibre";

    type Sender<T: Send + 'static> = oneshot::ExclusiveSender<T>;
    type Receiver<T: Send + 'static> = oneshot::ExclusiveReceiver<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        oneshot::exclusive()
    }

    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) {
        assert!(sender.send(value).is_ok(), "the receiver is there");
    }

    async fn recv<T: Send + 'static>(mut receiver: Self::Receiver<T>) -> T {
        receiver.recv().await.expect("the sender sends")
    }

    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl BlockingOneshot for Fibre {
    fn blocking_recv<T: Send + 'static>(mut receiver: Self::Receiver<T>) -> T {
        receiver.recv_blocking().expect("the sender sends")
    }
}

impl Requests for Fibre {
    type Client = mpsc::BoundedAsyncSender<Request<Self>>;
    type Server = mpsc::BoundedAsyncReceiver<Request<Self>>;

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
