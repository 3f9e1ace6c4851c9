use crate::kinds::oneshot::{Oneshot, Request, Requests};
use ::kanal::{AsyncReceiver, AsyncSender, bounded_async};

/// It has no oneshot: a reply goes through a queue of capacity 1.
#[derive(Debug)]
pub(crate) struct Kanal;

impl Oneshot for Kanal {
    const NAME: &'static str = "kanal";

    type Sender<T: Send + 'static> = AsyncSender<T>;
    type Receiver<T: Send + 'static> = AsyncReceiver<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        bounded_async(1)
    }

    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) {
        assert!(sender.try_send(value).is_ok(), "the receiver is there");
    }

    async fn recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.recv().await.expect("the sender sends")
    }

    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().expect("the sender sends")
    }
}

impl Requests for Kanal {
    type Client = AsyncSender<Request<Self>>;
    type Server = AsyncReceiver<Request<Self>>;

    fn requests(capacity: usize) -> (Self::Client, Self::Server) {
        bounded_async(capacity)
    }

    async fn request(client: &mut Self::Client, request: Request<Self>) {
        assert!(client.send(request).await.is_ok(), "the server is there");
    }

    async fn next(server: &mut Self::Server) -> Option<Request<Self>> {
        server.recv().await.ok()
    }
}
