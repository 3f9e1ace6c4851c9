use crate::kinds::oneshot::{Oneshot, Request, Requests};
use ::futures_channel::{mpsc, oneshot};
use futures_util::{SinkExt as _, StreamExt as _};

#[derive(Debug)]
pub(crate) struct FuturesChannel;

impl Oneshot for FuturesChannel {
    const NAME: &'static str = "futures-channel";

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
        receiver.try_recv().expect("the sender sends")
    }
}

/// Each client has one more place than the capacity: the crate's channel is made so.
impl Requests for FuturesChannel {
    type Client = mpsc::Sender<Request<Self>>;
    type Server = mpsc::Receiver<Request<Self>>;

    fn requests(capacity: usize) -> (Self::Client, Self::Server) {
        mpsc::channel(capacity)
    }

    async fn request(client: &mut Self::Client, request: Request<Self>) {
        client.send(request).await.expect("the server is there");
    }

    async fn next(server: &mut Self::Server) -> Option<Request<Self>> {
        server.next().await
    }
}
