use crate::kinds::replies::Replies;
use ::fibre::oneshot::{OneshotPairPool, PooledSender, pair_pool};
use std::future::Future;
use std::sync::Arc;

/// All clients have one pool, with a slot for each of them.
#[derive(Debug)]
pub(crate) struct Fibre;

impl Replies for Fibre {
    const NAME: &'static str = "fibre (pool)";

    type Client = Arc<OneshotPairPool<u64>>;
    type Sender = PooledSender<u64>;

    fn clients(number: usize) -> Vec<Self::Client> {
        let pool = Arc::new(pair_pool(number));
        vec![pool; number]
    }

    async fn ask<F: Future<Output = ()> + Send>(
        client: &mut Self::Client,
        hand_over: impl FnOnce(Self::Sender) -> F + Send,
    ) -> u64 {
        let (sender, mut receiver) = client.pair().expect("there is a slot for each client");
        hand_over(sender).await;
        receiver.recv().await.expect("the server replies")
    }

    fn reply(sender: Self::Sender, value: u64) {
        assert!(sender.send(value).is_ok(), "the client is there");
    }
}
