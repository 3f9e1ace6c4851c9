//! The actor's side.

use std::fmt;

use levada::oneshot;

/// A request and the reply channel for its answer. Dropping it tells the caller that no answer will
/// come.
///
/// # Examples
/// ```
/// use levada_work::actor::Request;
///
/// fn handle(request: Request<u64, String>) {
///     let answer = request.body.to_string();
///     request.reply(answer);
/// }
/// ```
#[must_use = "the caller waits for an answer"]
pub struct Request<Q, A> {
    /// The request itself.
    pub body: Q,
    reply: oneshot::Sender<A>,
}

impl<Q, A> Request<Q, A> {
    pub(super) fn new(body: Q, reply: oneshot::Sender<A>) -> Self {
        Self { body, reply }
    }

    /// Sends the answer. If the caller has left, the answer is dropped;
    /// [`try_reply`](Self::try_reply) returns it instead.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<(u64, u64), u64>) {
    ///     let (a, b) = request.body;
    ///     request.reply(a + b);
    /// }
    /// ```
    pub fn reply(self, answer: A) {
        // An error means that the caller has left.
        let _ = self.reply.send(answer);
    }

    /// Sends the answer, if the caller has not left.
    ///
    /// # Errors
    /// Returns the answer if the caller has left. After `Ok` the caller owns the answer, and may
    /// still drop it unread.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    /// # struct Connection;
    ///
    /// fn lend(idle: &mut Vec<Connection>, request: Request<(), Connection>) {
    ///     let Some(connection) = idle.pop() else { return };
    ///     if let Err(connection) = request.try_reply(connection) {
    ///         idle.push(connection);
    ///     }
    /// }
    /// ```
    pub fn try_reply(self, answer: A) -> Result<(), A> {
        self.reply.send(answer)
    }

    /// Separates the body from the reply channel, for code that consumes the body.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<String, Vec<u8>>) {
    ///     let (text, request) = request.split();
    ///     request.reply(text.into_bytes());
    /// }
    /// ```
    pub fn split(self) -> (Q, Request<(), A>) {
        (self.body, Request { body: (), reply: self.reply })
    }

    /// Whether the caller has left, so that the answer would be dropped.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<u64, u64>) {
    ///     if request.is_abandoned() {
    ///         return; // It only reads. (A write may have to be done all the same.)
    ///     }
    ///     let answer = request.body + 1;
    ///     request.reply(answer);
    /// }
    /// ```
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// Waits until the caller has left, which may never happen.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, and the method may be called again.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    /// # async fn search(_: &str) -> Vec<u64> { Vec::new() }
    ///
    /// async fn handle(request: Request<String, Vec<u64>>) {
    ///     let (word, mut request) = request.split();
    ///     tokio::select! {
    ///         () = request.abandoned() => {} // The search is given up.
    ///         found = search(&word) => request.reply(found),
    ///     }
    /// }
    /// ```
    pub async fn abandoned(&mut self) {
        self.reply.closed().await;
    }
}

// Not derived: what is asked and answered need not be `Debug`, as the messages of a channel need
// not.
impl<Q, A> fmt::Debug for Request<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("is_abandoned", &self.is_abandoned())
            .finish_non_exhaustive()
    }
}
