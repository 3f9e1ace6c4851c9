//! Queues with one receiver: what a contender's two ends can do.
//!
//! A trait of a pair of ends (`Bounded`, `Unbounded`, `Threads`, ..) is implemented for a type that
//! only carries the name; what the ends can do, for the crate's own types. Ends are `&mut self` as
//! some peers' are. A send to a channel whose other end is gone is a fault of the shape and panics.

use crate::message::Message;
use std::future::Future;

/// Who it is.
pub(crate) trait Named {
    const NAME: &'static str;
}

/// A channel with a bound, used by tasks on both sides.
pub(crate) trait Bounded: Named + 'static {
    type Sender<M: Message>: AsyncSend<M>;
    type Receiver<M: Message>: AsyncRecv<M>;

    fn bounded<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}

/// A channel without a bound; a send never waits.
pub(crate) trait Unbounded: Named + 'static {
    type Sender<M: Message>: Push<M>;
    type Receiver<M: Message>: AsyncRecv<M>;

    fn unbounded<M: Message>() -> (Self::Sender<M>, Self::Receiver<M>);
}

/// A channel with a bound, used by threads on both sides.
pub(crate) trait Threads: Named + 'static {
    type Sender<M: Message>: BlockingSend<M>;
    type Receiver<M: Message>: BlockingRecv<M>;

    fn threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}

/// A channel with a bound, from threads to a task.
pub(crate) trait ThreadsToTask: Named + 'static {
    type Sender<M: Message>: BlockingSend<M>;
    type Receiver<M: Message>: AsyncRecv<M>;

    fn threads_to_task<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}

/// A channel with a bound, from tasks to a thread.
pub(crate) trait TasksToThread: Named + 'static {
    type Sender<M: Message>: AsyncSend<M>;
    type Receiver<M: Message>: BlockingRecv<M>;

    fn tasks_to_thread<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}

pub(crate) trait AsyncSend<M>: Clone + Send + 'static {
    fn send(&mut self, message: M) -> impl Future<Output = ()> + Send;
}

pub(crate) trait AsyncRecv<M>: Send + 'static {
    /// `None` when all senders are gone and nothing is left.
    fn recv(&mut self) -> impl Future<Output = Option<M>> + Send;
}

pub(crate) trait TrySend<M> {
    /// Whether there was room.
    fn try_send(&mut self, message: M) -> bool;
}

pub(crate) trait TryRecv<M> {
    /// `None` if there is nothing now.
    fn try_recv(&mut self) -> Option<M>;
}

pub(crate) trait Push<M>: Clone + Send + 'static {
    /// Sends without waiting.
    fn push(&mut self, message: M);
}

pub(crate) trait BlockingSend<M>: Clone + Send + 'static {
    fn blocking_send(&mut self, message: M);
}

pub(crate) trait BlockingRecv<M>: Send + 'static {
    /// `None` when all senders are gone and nothing is left.
    fn blocking_recv(&mut self) -> Option<M>;
}

pub(crate) trait RecvMany<M> {
    /// Waits for a message and appends it to `buffer`, with what else is there, `limit` messages at
    /// most if the peer knows a limit. Returns how many; 0 at the end.
    fn recv_many(
        &mut self,
        buffer: &mut Vec<M>,
        limit: usize,
    ) -> impl Future<Output = usize> + Send;
}

/// For [`RecvMany`] of peers without a batch: one message is waited for, the others are tried for.
pub(crate) async fn recv_one_then_try<M: Message, R: AsyncRecv<M> + TryRecv<M>>(
    receiver: &mut R,
    buffer: &mut Vec<M>,
    limit: usize,
) -> usize {
    let Some(first) = receiver.recv().await else {
        return 0;
    };
    buffer.push(first);
    let mut count = 1;
    while count < limit
        && let Some(message) = receiver.try_recv()
    {
        buffer.push(message);
        count += 1;
    }
    count
}
