use crate::kinds::oneshot::{Oneshot, Request, Requests};
use ::flume::{Receiver, Sender, bounded};

/// It has no oneshot: a reply goes through a queue of capacity 1.
#[derive(Debug)]
pub(crate) struct Flume;

impl Oneshot for Flume {
    const NAME: &'static str = "flume";

    type Sender<T: Send + 'static> = Sender<T>;
    type Receiver<T: Send + 'static> = Receiver<T>;

    fn channel<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        bounded(1)
    }

    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) {
        assert!(sender.try_send(value).is_ok(), "the receiver is there");
    }

    async fn recv<T: Send + 'static>(receiver: Self::Receiver<T>) -> T {
        receiver.recv_async().await.expect("the sender sends")
    }

    fn try_recv<T: Send + 'static>(receiver: &mut Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

impl Requests for Flume {
    type Client = Sender<Request<Self>>;
    type Server = Receiver<Request<Self>>;

    fn requests(capacity: usize) -> (Self::Client, Self::Server) {
        bounded(capacity)
    }

    async fn request(client: &mut Self::Client, request: Request<Self>) {
        assert!(client.send_async(request).await.is_ok(), "the server is there");
    }

    async fn next(server: &mut Self::Server) -> Option<Request<Self>> {
        server.recv_async().await.ok()
    }
}
