use crate::kinds::oneshot::Oneshot;
use crate::kinds::replies::Replies;
use std::future::Future;
use std::marker::PhantomData;

/// A request makes a oneshot of the crate.
#[derive(Debug)]
pub(crate) struct Fresh<O>(PhantomData<O>);

impl<O: Oneshot> Replies for Fresh<O> {
    const NAME: &'static str = O::NAME;

    type Client = ();
    type Sender = O::Sender<u64>;

    fn clients(number: usize) -> Vec<Self::Client> {
        vec![(); number]
    }

    async fn ask<F: Future<Output = ()> + Send>(
        (): &mut Self::Client,
        hand_over: impl FnOnce(Self::Sender) -> F + Send,
    ) -> u64 {
        let (sender, receiver) = O::channel();
        hand_over(sender).await;
        O::recv(receiver).await
    }

    fn reply(sender: Self::Sender, value: u64) {
        O::send(sender, value);
    }
}
