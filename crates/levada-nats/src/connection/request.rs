//! A request whose answer is awaited for as long as the connection lasts.

use super::Connection;
use async_nats::{HeaderMap, Message, Request, RequestErrorKind, Subject};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

impl Connection {
    /// Sends a request, and waits for the answer: until the limit, or until the connection is lost,
    /// over which the answer would come. Whether the request arrived is not known then.
    pub(crate) async fn request(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
        limit: Instant,
    ) -> Result<Message, RequestErrorKind> {
        let mut state = self.state();
        // A state that has changed by the time of the first poll ends the wait at once: whether the
        // message was written before or after is not known.
        state.mark_unchanged();
        let mut request = Request::new().payload(payload).timeout(None);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        tokio::select! {
            biased;
            answer = self.client().send_request(subject, request) => {
                answer.map_err(|error| error.kind())
            }
            _ = state.changed() => Err(RequestErrorKind::Other),
            () = sleep_until(limit) => Err(RequestErrorKind::TimedOut),
        }
    }
}
