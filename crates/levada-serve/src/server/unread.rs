//! What is left of a request's body when its answer is there (RFC 9112, 9.3 and 9.6).
//!
//! A connection goes on only behind the end of the body. A client that is not told otherwise sends
//! its next request on it. So what is short is read and thrown away before the answer is sent, and
//! in front of anything longer the answer says that the connection ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::timeout;

use crate::sync::lock;

/// The longest rest that is read, in bytes. A new connection costs a client about as much.
const LONGEST: u64 = 256 * 1024;
/// How long reading it may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body for a handler, and where to find what the handler leaves of it.
pub(super) fn lend(headers: &HeaderMap, body: Incoming) -> (Body, Rest) {
    if hyper::body::Body::is_end_stream(&body) {
        return (Body::empty(), Rest(Arc::new(Mutex::new(Left::Nothing))));
    }
    let rest = Arc::new(Mutex::new(Left::Unknown));
    let asks_first = headers.contains_key(header::EXPECT);
    let lent = Lent { body: Some(body), asks_first, rest: Arc::clone(&rest) };
    (Body::new(lent), Rest(rest))
}

/// What a handler leaves of a body.
#[derive(Debug)]
enum Left {
    Nothing,
    /// This much, of a client that sends it whatever the answer is.
    Unread(Incoming),
    /// The handler still reads it, the client waits for a word before it sends it, or it broke off.
    Unknown,
}

/// A body that gives its rest back when it is dropped.
#[derive(Debug)]
struct Lent {
    body: Option<Incoming>,
    /// The client waits for `100 Continue`, which it gets when the body is first read.
    asks_first: bool,
    rest: Arc<Mutex<Left>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        self.asks_first = false;
        match ready!(polled) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
            // Nothing comes after an error: the rest stays unknown.
            Some(Err(error)) => {
                self.body = None;
                return Poll::Ready(Some(Err(error)));
            }
            None => {}
        }
        self.body = None;
        *lock(&self.rest) = Left::Nothing;
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if hyper::body::Body::is_end_stream(&body) {
            *lock(&self.rest) = Left::Nothing;
        } else if !self.asks_first {
            *lock(&self.rest) = Left::Unread(body);
        }
    }
}

/// The rest of a body that was lent.
#[derive(Debug)]
pub(super) struct Rest(Arc<Mutex<Left>>);

impl Rest {
    /// Whether the body is read to its end. What is left and short is thrown away before, if
    /// `discards`.
    pub(super) async fn end(self, discards: bool) -> bool {
        let left = std::mem::replace(&mut *lock(&self.0), Left::Unknown);
        match left {
            Left::Nothing => true,
            Left::Unknown => false,
            Left::Unread(body) => discards && discard(body).await,
        }
    }
}

/// Reads a body that is short. Whether it was.
async fn discard(mut body: Incoming) -> bool {
    if hyper::body::Body::size_hint(&body).lower() > LONGEST {
        return false;
    }
    let read = async {
        let mut left = LONGEST;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            let Some(rest) = left.checked_sub(length) else { return false };
            left = rest;
        }
        true
    };
    timeout(PATIENCE, read).await.unwrap_or(false)
}
