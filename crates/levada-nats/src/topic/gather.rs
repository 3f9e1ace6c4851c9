//! What a subscriber of a topic without storage gets, and what it knows to be missing.

use super::error::{RecvError, TryRecvError};
use crate::codec::Codec;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::StreamExt;
use levada::broadcast;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The header with the sender and the number of a message: `NUID 17`.
pub(super) const NUMBER: &str = "Levada-Number";

/// Of how many senders a subscriber remembers the last number. Then it begins anew, and does not
/// see what it missed of a sender up to that one's next message.
const SENDERS: usize = 4_096;

/// A message, and its place among those that came or are known to be missing.
type Placed = (u64, Bytes);

/// One subscriber of a [`Lossy`](super::Lossy) topic, which says what it may count on.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::RecvError;
///
/// let levels = connection.topic("newest".parse()?).read_ahead(2).open_lossy::<u32>()?;
/// let mut subscriber = levels.subscribe().await?;
/// for level in 0..100 {
///     levels.send(level).await?;
/// }
/// let mut lost = 0;
/// let newest = loop {
///     match subscriber.recv().await {
///         Ok(level) if level == 99 => break level,
///         Ok(_) => {}
///         Err(RecvError::Lagged(missed)) => lost += missed,
///         Err(error) => return Err(error.into()),
///     }
/// };
/// println!("{lost} levels were overwritten before {newest}");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct LossySubscriber<T> {
    items: broadcast::Receiver<Placed>,
    codec: Arc<dyn Codec<T>>,
    /// The next place, if nothing is missing.
    next: u64,
    /// A message after a gap that was reported.
    held: Option<Placed>,
}

impl<T: 'static> LossySubscriber<T> {
    pub(super) fn new(
        mut messages: async_nats::Subscriber,
        read_ahead: usize,
        codec: Arc<dyn Codec<T>>,
    ) -> Self {
        let (items, receiver) = broadcast::channel(read_ahead);
        // It is always polled, so that the client's own buffer, which drops the newest messages,
        // does not fill up.
        tokio::spawn(async move {
            let mut numbers = Numbers::default();
            loop {
                let message = tokio::select! {
                    message = messages.next() => message,
                    () = items.closed() => None,
                };
                let Some(message) = message else { break };
                let place = numbers.place(message.headers.as_ref());
                // An error means that the subscriber is gone, which the next round sees.
                let _ = items.send((place, message.payload));
            }
        });
        Self { items: receiver, codec, next: 1, held: None }
    }

    /// Receives the next message.
    ///
    /// # Errors
    /// [`RecvError::Lagged`], [`RecvError::Decode`], whose number is the message's place among
    /// those of this subscriber, or [`RecvError::Closed`].
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        loop {
            if let Some(message) = self.held.take() {
                return self.open(message);
            }
            match self.items.recv().await {
                Ok(message) => self.place(message)?,
                // The places say how many are missing.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(RecvError::Closed),
            }
        }
    }

    /// Receives a message that is there already.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none at the moment, or what `recv` gives instead.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            if let Some(message) = self.held.take() {
                return self.open(message).map_err(TryRecvError::Recv);
            }
            match self.items.try_recv() {
                Ok(message) => self.place(message).map_err(TryRecvError::Recv)?,
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(broadcast::error::TryRecvError::Empty) => return Err(TryRecvError::Empty),
                Err(broadcast::error::TryRecvError::Closed) => {
                    return Err(TryRecvError::Recv(RecvError::Closed));
                }
            }
        }
    }

    /// Holds a message, after what is missing before it.
    fn place(&mut self, message: Placed) -> Result<(), RecvError> {
        let missed = message.0.saturating_sub(self.next);
        self.next = message.0.saturating_add(1);
        self.held = Some(message);
        if missed > 0 { Err(RecvError::Lagged(missed)) } else { Ok(()) }
    }

    fn open(&self, (seq, payload): Placed) -> Result<T, RecvError> {
        self.codec.decode(&payload).map_err(|source| RecvError::Decode { seq, source })
    }
}

impl<T> fmt::Debug for LossySubscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LossySubscriber").field("next", &self.next).finish_non_exhaustive()
    }
}

/// The last number of each sender, folded into one sequence in which what is missing is a gap.
#[derive(Default)]
struct Numbers {
    last: HashMap<String, u64>,
    place: u64,
}

impl Numbers {
    /// The place of a message with these headers.
    fn place(&mut self, headers: Option<&HeaderMap>) -> u64 {
        let number = headers.and_then(|headers| headers.get(NUMBER));
        let number = number.and_then(|value| value.as_str().split_once(' '));
        let number = number.and_then(|(sender, number)| Some((sender, number.parse().ok()?)));
        let missing = number.map_or(0, |(sender, number)| self.missing(sender, number));
        self.place = self.place.saturating_add(missing).saturating_add(1);
        self.place
    }

    /// How many messages of a sender are missing before this one.
    fn missing(&mut self, sender: &str, number: u64) -> u64 {
        if let Some(last) = self.last.get_mut(sender) {
            let missing = number.saturating_sub(*last).saturating_sub(1);
            *last = number.max(*last);
            return missing;
        }
        if self.last.len() >= SENDERS {
            self.last.clear();
        }
        self.last.insert(sender.to_owned(), number);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NUMBER, value);
        headers
    }

    #[test]
    fn what_is_missing_between_two_messages_of_a_sender_is_a_gap() {
        let mut numbers = Numbers::default();
        let mut place = |value| numbers.place(Some(&header(value)));
        assert_eq!(place("a 17"), 1);
        assert_eq!(place("b 1"), 2);
        assert_eq!(place("a 18"), 3);
        assert_eq!(place("a 21"), 6);
        assert_eq!(place("b 2"), 7);
    }

    #[test]
    fn messages_without_a_number_have_a_place() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.place(None), 1);
        for (i, value) in ["", "a", "a b", "1", "a -1", "a 99999999999999999999"].iter().enumerate()
        {
            assert_eq!(numbers.place(Some(&header(value))), 2 + i as u64, "{value}");
        }
    }

    #[test]
    fn hostile_numbers_do_not_overflow() {
        let mut numbers = Numbers::default();
        numbers.place(Some(&header("a 1")));
        let most = u64::MAX.to_string();
        numbers.place(Some(&header(&format!("a {most}"))));
        assert_eq!(numbers.place(Some(&header("a 5"))), u64::MAX);
    }

    #[test]
    fn very_many_senders_take_bounded_memory() {
        let mut numbers = Numbers::default();
        for sender in 0..10_000 {
            numbers.place(Some(&header(&format!("{sender} 1"))));
            assert!(numbers.last.len() <= SENDERS);
        }
    }
}
