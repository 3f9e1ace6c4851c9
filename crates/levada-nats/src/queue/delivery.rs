//! What a receiver gets.

use super::held::{Held, Message};
use super::settle::SettleError;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

/// A message with its lease. It ends with [`ack`](Self::ack), [`retry`](Self::retry) or
/// [`reject`](Self::reject).
///
/// It derefs to the message. The message is this receiver's for a *lease*, which is renewed while
/// the delivery lives: however long the work takes, no other receiver gets the message.
///
/// # Guarantees
/// 1. **One holder.** While [`is_lost`](Self::is_lost) is false, the server gives the message to
///    no other receiver, if the clocks of both machines run at the same speed. The clock does not
///    run while a whole machine is suspended; it does while a process or a container is stopped.
/// 2. **No verdict without a lease.** When the lease is over, [`ack`](Self::ack),
///    [`retry`](Self::retry) and [`reject`](Self::reject) send nothing and return
///    [`SettleError::Lost`]. What was handed to the network before may arrive late; the server
///    takes it then.
/// 3. **A fence for other systems.** A result that is recorded elsewhere is recorded by
///    compare-and-set on ([`seq`](Self::seq), [`attempt`](Self::attempt)): a later delivery of the
///    message has a larger attempt. It begins at 1 again only after the consumer of the queue was
///    deleted by hand.
/// 4. **Dropped is retried at once**, as by `retry(Duration::ZERO)`, without waiting for the
///    server.
/// 5. **Never in neither.** A message that moves to the dead letters or to the stream of delays
///    is stored there before it leaves the queue.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use std::time::Duration;
///
/// let queue = connection.queue("delivery-docs".parse()?).open::<String>().await?;
/// let receiver = queue.receiver(1).await?;
/// queue.sender().send("hello".to_owned()).await?;
/// let delivery = receiver.recv().await?;
/// if delivery.len() == 5 {
///     delivery.ack().await?;
/// } else if delivery.attempt() < 3 {
///     delivery.retry(Duration::from_secs(2)).await?;
/// } else {
///     delivery.reject("it has another length").await?;
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "a delivery that is dropped is delivered again at once"]
pub struct Delivery<T> {
    message: T,
    held: Held,
    about: Message,
}

impl<T> Delivery<T> {
    pub(super) fn new(message: T, held: Held, about: Message) -> Self {
        Self { message, held, about }
    }

    /// Which attempt this is, from 1. Attempts before a long delay, and those before the message
    /// was a dead letter, count.
    ///
    /// Together with [`seq`](Self::seq) or [`id`](Self::id) it is what a result is
    /// compared-and-set with: see the third rule above.
    pub fn attempt(&self) -> u64 {
        self.about.lease.meta.attempt
    }

    /// After which attempt the message becomes a dead letter.
    pub fn max_attempts(&self) -> u64 {
        self.about.link.limit(self.about.lease.meta.limit)
    }

    /// Its number in the stream of the queue. It changes when the message comes back from a long
    /// delay or from the dead letters.
    pub fn seq(&self) -> u64 {
        self.about.lease.meta.seq
    }

    /// The id it was sent with.
    pub fn id(&self) -> Option<&str> {
        self.about.lease.meta.id.as_deref()
    }

    /// How long ago the queue first stored it, by the clocks of the server and of this machine.
    pub fn queued_for(&self) -> Duration {
        let sent_at = self.about.lease.meta.sent_at;
        SystemTime::now().duration_since(sent_at).unwrap_or_default()
    }

    /// Whether the lease is over. Once it is, it stays so.
    pub fn is_lost(&self) -> bool {
        self.about.lease.is_lost()
    }

    /// Waits until the lease is over: no renewal succeeded for its whole duration, or the consumer
    /// of the queue was deleted. What the program does with the message is best ended then.
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    ///
    /// ```
    /// use levada_nats::queue::{Delivery, SettleError};
    ///
    /// async fn resize(picture: &str) {
    ///     println!("{picture}");
    /// }
    ///
    /// async fn handle(delivery: Delivery<String>) -> Result<(), SettleError> {
    ///     tokio::select! {
    ///         () = resize(&delivery) => {}
    ///         // Another receiver does it now.
    ///         () = delivery.lost() => return Err(SettleError::Lost),
    ///     }
    ///     delivery.ack().await
    /// }
    /// # let _ = handle;
    /// ```
    pub async fn lost(&self) {
        self.about.lease.lost().await;
    }

    /// The message leaves the queue, and its place is free. Waits until the server says so.
    ///
    /// # Errors
    /// See [`SettleError`]. After [`SettleError::Unknown`] the message may come again.
    ///
    /// # Cancel safety
    /// The message may be acknowledged, or be delivered again when its lease is over.
    pub async fn ack(self) -> Result<(), SettleError> {
        self.held.ack().await
    }

    /// The message is delivered again, `after` this time or later; after the last attempt it
    /// becomes a dead letter.
    ///
    /// Up to 10 seconds it keeps its place in the queue. For a longer time it waits in another
    /// stream, is forwarded by a receiver, and waits for a place then. The server looks for
    /// messages that are due about once a second, and its clock counts.
    ///
    /// # Errors
    /// See [`SettleError`].
    ///
    /// # Cancel safety
    /// The message may be delivered at the time that was given, or when its lease is over, or both.
    pub async fn retry(self, after: Duration) -> Result<(), SettleError> {
        self.held.retry(after).await
    }

    /// The message becomes a dead letter, and its place is free: see
    /// [`Queue::dead_letters`](super::Queue::dead_letters). `reason` is kept with it, up to 1,024
    /// bytes, in one line.
    ///
    /// # Errors
    /// See [`SettleError`].
    ///
    /// # Cancel safety
    /// The message may be a dead letter, or be delivered again when its lease is over, or both.
    pub async fn reject(self, reason: &str) -> Result<(), SettleError> {
        self.held.reject(reason).await
    }

    /// The message, and a delivery without it that still has to be acknowledged.
    ///
    /// ```
    /// use levada_nats::queue::{Delivery, SettleError};
    ///
    /// async fn store(text: String) -> bool {
    ///     !text.is_empty()
    /// }
    ///
    /// async fn handle(delivery: Delivery<String>) -> Result<(), SettleError> {
    ///     let (text, receipt) = delivery.into_parts();
    ///     if store(text).await { receipt.ack().await } else { receipt.reject("no text").await }
    /// }
    /// # let _ = handle;
    /// ```
    pub fn into_parts(self) -> (T, Delivery<()>) {
        let Self { message, held, about } = self;
        (message, Delivery { message: (), held, about })
    }
}

impl<T> Deref for Delivery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T: fmt::Debug> fmt::Debug for Delivery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message)
            .field("seq", &self.seq())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
