use crate::kinds::replies::Replies;
use ::levada::oneshot::{Pool, Reusable, Sender};
use std::future::Future;
use std::sync::Arc;

/// All clients have one pool.
#[derive(Debug)]
pub(crate) struct LevadaPool;

impl Replies for LevadaPool {
    const NAME: &'static str = "levada";

    type Client = Arc<Pool<u64>>;
    type Sender = Sender<u64>;

    fn clients(number: usize) -> Vec<Self::Client> {
        let pool = Arc::new(Pool::new(number));
        vec![pool; number]
    }

    async fn ask<F: Future<Output = ()> + Send>(
        client: &mut Self::Client,
        hand_over: impl FnOnce(Self::Sender) -> F + Send,
    ) -> u64 {
        let mut reply = client.get();
        hand_over(reply.sender()).await;
        reply.recv().await.expect("the server replies")
    }

    fn reply(sender: Self::Sender, value: u64) {
        assert!(sender.send(value).is_ok(), "the client is there");
    }
}

/// Each client has one of its own.
#[derive(Debug)]
pub(crate) struct LevadaReusable;

impl Replies for LevadaReusable {
    const NAME: &'static str = "levada (reusable)";

    type Client = Reusable<u64>;
    type Sender = Sender<u64>;

    fn clients(number: usize) -> Vec<Self::Client> {
        (0..number).map(|_| Reusable::new()).collect()
    }

    async fn ask<F: Future<Output = ()> + Send>(
        client: &mut Self::Client,
        hand_over: impl FnOnce(Self::Sender) -> F + Send,
    ) -> u64 {
        hand_over(client.sender()).await;
        client.recv().await.expect("the server replies")
    }

    fn reply(sender: Self::Sender, value: u64) {
        assert!(sender.send(value).is_ok(), "the client is there");
    }
}
