//! Many messages in one call.

use crate::kinds::mpsc::AsyncSend;
use std::future::Future;

/// A sender that takes a batch.
pub(crate) trait SendMany: Clone + Send + 'static {
    /// Which keeps its memory for the next one.
    type Batch: Default + Extend<usize> + Send;

    /// Sends the whole batch, which is empty then.
    fn send_many(&mut self, batch: &mut Self::Batch) -> impl Future<Output = ()> + Send;
}

/// A sender that is given a batch and sends one message after the other.
#[derive(Clone, Debug)]
pub(crate) struct OneByOne<S>(S);

impl<S> OneByOne<S> {
    /// The sender of these ends.
    pub(crate) fn of<R>((sender, receiver): (S, R)) -> (Self, R) {
        (Self(sender), receiver)
    }
}

impl<S: AsyncSend<usize>> SendMany for OneByOne<S> {
    type Batch = Vec<usize>;

    async fn send_many(&mut self, batch: &mut Vec<usize>) {
        for message in batch.drain(..) {
            self.0.send(message).await;
        }
    }
}
