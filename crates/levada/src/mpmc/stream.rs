//! [`Stream`] for the receivers and [`Sink`] for the senders (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;

use super::error::SendError;
use super::{Queue, Sender, UnboundedSender};
use crate::observe::{Observed, Op, WaitRecord};
use crate::queue::sink::SenderSink;
use crate::refs::Rx;
use crate::wait::lazy::LazyNode;

/// A receiver as a [`Stream`]: made with `into_stream`, from
/// [`Receiver`](super::Receiver::into_stream) or
/// [`UnboundedReceiver`](super::UnboundedReceiver::into_stream).
///
/// It is `Unpin`. When it first has to wait it allocates its place in the line (80 bytes), and
/// keeps it for the next times; a stream that always finds a message allocates nothing.
///
/// # Cancel safety
/// No message is lost when it is dropped: each is in the channel until the poll that gives it.
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<T> {
    queue: Rx<Queue<T>>,
    ended: bool,
    node: LazyNode,
    wait: WaitRecord,
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        if let Some(node) = self.node.bound() {
            self.queue.cancel_recv(node);
        }
    }
}

impl<T> RecvStream<T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: Rx<Queue<T>>) -> Self {
        Self { queue, ended: false, node: LazyNode::new(), wait: WaitRecord::new() }
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        this.queue.touch();
        let polled = this.queue.poll_recv(&mut this.node, cx);
        this.wait.note(polled.is_pending(), cx, this.queue.record(), Op::Recv);
        this.ended = matches!(polled, Poll::Ready(None));
        polled
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A [`Sender`] as a [`Sink`]: made with [`Sender::into_sink`].
///
/// `poll_ready` reserves a place in the channel, in line with the other senders, and `start_send`
/// uses it up; so `poll_flush` has nothing to wait for. `poll_close` drops the sender: the channel
/// ends when its other senders are gone, too. What was sent is in the channel, and stays.
///
/// It is `Unpin`. When it first has to wait it allocates its place in the line (80 bytes), and
/// keeps it for the next times; a sink that always finds room allocates nothing.
///
/// # Reservations
/// A sink holds one reserved place at most, from the `poll_ready` that is ready until `start_send`.
/// - **Idle**: the place stays reserved, however long. The capacity of the channel is smaller by
///   one meanwhile, and the end of a channel that a receiver has closed is held back. A task that
///   was ready and then has nothing to send calls [`abort_send`](Self::abort_send).
/// - **Dropped, or closed** by `poll_close`: the place goes to the sender that waits longest.
/// - **Cloned**: the clone is a sink on its own, which has reserved nothing.
/// - **Closed channel**: a reserved place can still be used, as a permit can. If all receivers
///   are gone, `start_send` fails.
///
/// [`send`], [`feed`], [`send_all`] and [`forward`] have a message in hand when they call
/// `poll_ready`, and send it in the poll in which that is ready. So they leave no place reserved.
///
/// # Errors
/// `poll_ready` and `start_send` fail if the channel is closed or the sink was. The message of such
/// a `start_send` is dropped; [`Sender::send`] gives it back.
///
/// # Panics
/// `start_send` panics if the channel is open and `poll_ready` was not ready before, as `Sink`
/// requires.
///
/// # Cancel safety
/// A future that waits for readiness and is dropped leaves the sink its place in the queue, or the
/// place in the channel that it was promised meanwhile. A grant that is not claimed expires, as
/// that of a [`send`](super::Sender::send) does; [`abort_send`](Self::abort_send) gives it back at
/// once.
///
/// # Examples
/// Messages of one channel into the next:
/// ```
/// use futures_util::StreamExt;
/// use levada::mpmc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tx, messages) = levada::mpsc::channel(8);
/// let (next, last) = mpmc::channel(8);
/// tx.try_send("hello")?;
/// drop(tx);
///
/// messages.map(Ok).forward(next.into_sink()).await?;
/// assert_eq!(last.recv().await, Some("hello"));
/// assert_eq!(last.recv().await, None);
/// # Ok(())
/// # }
/// ```
///
/// [`send`]: https://docs.rs/futures-util/latest/futures_util/sink/trait.SinkExt.html#method.send
/// [`feed`]: https://docs.rs/futures-util/latest/futures_util/sink/trait.SinkExt.html#method.feed
/// [`send_all`]: https://docs.rs/futures-util/latest/futures_util/sink/trait.SinkExt.html#method.send_all
/// [`forward`]: https://docs.rs/futures-util/latest/futures_util/stream/trait.StreamExt.html#method.forward
#[must_use = "a sink that is dropped sends nothing"]
pub struct SendSink<T> {
    sink: SenderSink<Sender<T>>,
}

impl<T> SendSink<T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sink: SenderSink::new(Some(sender)) }
    }

    /// The sender, until the sink is closed: to clone it, or to look at the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<u8>(1);
    /// let sink = tx.into_sink();
    /// assert!(sink.sender().is_some_and(|tx| tx.capacity() == 1));
    /// ```
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sink.sender()
    }

    /// Gives back the place that `poll_ready` reserved, or leaves the line if it waits for one.
    ///
    /// Returns whether it held either. The sink stays open: the next `poll_ready` reserves again,
    /// from the end of the line.
    ///
    /// # Examples
    /// ```
    /// use futures_util::Sink;
    /// use std::{future::poll_fn, pin::Pin};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, _rx) = levada::mpmc::channel::<u8>(1);
    /// let mut sink = tx.clone().into_sink();
    /// poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await?;
    /// assert!(tx.try_send(1).is_err(), "the only place is reserved");
    ///
    /// assert!(sink.abort_send());
    /// assert!(!sink.abort_send(), "there is nothing left to give back");
    /// assert!(tx.try_send(1).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort_send(&mut self) -> bool {
        self.sink.abort()
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.get_mut().sink.poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        self.get_mut().sink.start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.get_mut().sink.close();
        Poll::Ready(Ok(()))
    }
}

/// The clone has no reservation and no place in the line. The clone of a closed sink is closed.
impl<T> Clone for SendSink<T> {
    fn clone(&self) -> Self {
        Self { sink: self.sink.clone() }
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sink.fmt(f)
    }
}

/// An [`UnboundedSender`] as a [`Sink`]: made with [`UnboundedSender::into_sink`].
///
/// `poll_ready` is ready for as long as the channel is open: there is no room to wait for, and
/// nothing is reserved. `poll_flush` has nothing to do. `poll_close` drops the sender: the channel
/// ends when its other senders are gone, too.
///
/// # Errors
/// `poll_ready` and `start_send` fail if the channel is closed or the sink was. The message of such
/// a `start_send` is dropped; [`UnboundedSender::send`] gives it back.
///
/// # Examples
/// ```
/// use futures_util::{SinkExt, stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tx, rx) = levada::mpmc::unbounded_channel();
/// let mut sink = tx.into_sink();
/// sink.send_all(&mut stream::iter([1, 2]).map(Ok)).await?;
/// sink.close().await?;
/// assert_eq!(rx.recv().await, Some(1));
/// assert_eq!(rx.recv().await, Some(2));
/// assert_eq!(rx.recv().await, None);
/// # Ok(())
/// # }
/// # use futures_util::StreamExt;
/// ```
#[derive(Debug)]
#[must_use = "a sink that is dropped sends nothing"]
pub struct UnboundedSendSink<T> {
    sender: Option<UnboundedSender<T>>,
}

impl<T> UnboundedSendSink<T> {
    pub(super) fn new(sender: UnboundedSender<T>) -> Self {
        Self { sender: Some(sender) }
    }

    /// The sender, until the sink is closed: to clone it, or to look at the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::unbounded_channel::<u8>();
    /// let sink = tx.into_sink();
    /// assert!(sink.sender().is_some_and(|tx| !tx.is_closed()));
    /// ```
    pub fn sender(&self) -> Option<&UnboundedSender<T>> {
        self.sender.as_ref()
    }
}

impl<T> Sink<T> for UnboundedSendSink<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let open = self.sender().is_some_and(|sender| !sender.is_closed());
        Poll::Ready(if open { Ok(()) } else { Err(SendError(())) })
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        let sender = self.sender().ok_or(SendError(()))?;
        sender.send(message).map_err(|_dropped| SendError(()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.get_mut().sender = None;
        Poll::Ready(Ok(()))
    }
}

/// The clone of a closed sink is closed.
impl<T> Clone for UnboundedSendSink<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}
