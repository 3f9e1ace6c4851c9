//! tokio's receivers as streams.

use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

/// As tokio-stream has it.
pub(crate) struct ReceiverStream<T>(Receiver<T>);

pub(crate) fn into_stream<T>(rx: Receiver<T>) -> ReceiverStream<T> {
    ReceiverStream(rx)
}

impl<T> Stream for ReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}

/// As tokio-stream has it.
pub(crate) struct UnboundedReceiverStream<T>(UnboundedReceiver<T>);

pub(crate) fn into_unbounded_stream<T>(rx: UnboundedReceiver<T>) -> UnboundedReceiverStream<T> {
    UnboundedReceiverStream(rx)
}

impl<T> Stream for UnboundedReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}
