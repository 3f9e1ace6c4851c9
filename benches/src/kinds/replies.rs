//! Replies: a channel for each request, made for it or used again.

use std::future::Future;

/// How a crate's clients get the channels for their replies. A method panics if the other side is
/// gone: no side of a shape gives up.
pub(crate) trait Replies: 'static {
    /// The contender's.
    const NAME: &'static str;

    /// What a client has, or its share of what all have.
    type Client: Send + 'static;
    type Sender: Send + 'static;

    /// So many clients, each of which makes one request at a time.
    fn clients(number: usize) -> Vec<Self::Client>;

    /// Hands a sender over, and waits for what is sent on it.
    fn ask<F: Future<Output = ()> + Send>(
        client: &mut Self::Client,
        hand_over: impl FnOnce(Self::Sender) -> F + Send,
    ) -> impl Future<Output = u64> + Send;

    fn reply(sender: Self::Sender, value: u64);
}
