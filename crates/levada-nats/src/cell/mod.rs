//! The latest value, across machines: a watch channel whose value a NATS server keeps.
//!
//! Use it for configuration, limits, switches and progress that several processes share. A value
//! that every process must handle belongs in a `topic`; one that exactly one must handle, in a
//! `queue`.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
//! # let connection = levada_nats::connect(&url).await?;
//! // In one process:
//! let limit = connection.cell("limit".parse()?).open(100).await?;
//! limit.send(250).await?;
//!
//! // In another one. The first value is for a cell that does not exist yet.
//! let limit = connection.cell("limit".parse()?).open(0).await?;
//! let mut watching = limit.subscribe();
//! watching.wait_for(|limit| *limit == 250).await?;
//! assert_eq!(*limit.borrow(), 250);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # How it works
//! A cell is a key-value bucket of one key, without a history: `levada_cell_limit`, key `value`.
//! `nats kv get levada_cell_limit value` shows it. Each cell has a bucket of its own, so that each
//! has its durability and can be deleted alone; a server bears thousands of them, not millions.
//!
//! The stream of the bucket republishes each value that it has stored, with its revision, and
//! every [`Cell`] subscribes to that: a subscription, not a consumer. So the server keeps nothing
//! for a cell; many clients that reconnect at once leave nothing behind, and the bucket is all that
//! can be deleted. A push that is lost on its way is found by asking: after each reconnection, and
//! at least every [`CHECKED_EVERY`], the cell compares revisions with the leader of the stream.
//!
//! Every value travels to every cell, up to what the server takes in a message (1 MiB, unless it
//! says otherwise). A large value that changes many times a second does not belong in a cell.
mod error;
mod follow;
mod options;
mod revision;
mod state;

pub use self::error::{SendError, SendIfError};
pub use self::options::Options;
pub use self::revision::Revision;
pub use self::state::State;

use self::follow::{Content, Newest, Told};
use crate::Codec;
use crate::bucket::{Bucket, Entry, ReadError, Write, deadline};
use bytes::Bytes;
use levada::{mpsc, oneshot, watch};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// The most time between two comparisons of a cell with the server, while the server answers.
pub const CHECKED_EVERY: Duration = Duration::from_secs(5);

/// The key that the bucket of a cell has.
const KEY: &str = "value";

/// The longest pause between two attempts of [`Cell::send_if`].
const LONGEST_PAUSE: Duration = Duration::from_millis(128);

/// The latest value, which a server keeps and every [`Cell`] of this name shows. Clones share it.
///
/// Reading is local: [`borrow`](Self::borrow) and the receivers of [`subscribe`](Self::subscribe)
/// never wait for the network, whatever it does. [`state`](Self::state) says how old the value may
/// be. The type of the value must not be the same in all processes: bytes that are no value of this
/// type are logged and skipped.
///
/// # Guarantees
/// 1. **The last value arrives.** Every cell ends on the value that was stored last: at once by a
///    push, or within [`CHECKED_EVERY`] and the time of one request after the server can be reached
///    again. Values in between may be skipped.
/// 2. **Revisions do not go back.** The values that a cell shows have growing revisions. (A bucket
///    that is deleted and made again by a machine whose clock is behind the former revisions is the
///    one exception.)
/// 3. **Reads follow writes.** After `send(v)` has returned `Ok`, `borrow` of the same `Cell` or a
///    clone shows `v` or something newer.
/// 4. **A compare-and-set has one winner.** Of several with the same revision exactly one is
///    stored. [`send_if`](Self::send_if) builds on it: no change of another is overwritten unseen.
/// 5. **A value is stored once.** `send` repeats what was not answered with the same id, so that a
///    lost answer does not overwrite a later value of another. [`SendError::Unknown`] is what
///    remains uncertain; every other error means that the value is not stored.
/// 6. **What was stored survives** as the [`Durability`](crate::Durability) says.
/// 7. **Bytes that cannot be decoded change nothing** but the state: the last good value stays.
///    A key that is deleted, and a bucket that is deleted, do the same. `send` gives a deleted key
///    its value again; a deleted bucket is made again by [`Options::open`] only, by any process,
///    and then all cells go on.
/// 8. **Nothing is left behind.** A cell has no consumer on the server. When the last clone drops,
///    its task and its subscription end, and its receivers see the end of the local channel.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let paused = connection.cell("paused".parse()?).open(false).await?;
/// paused.send(true).await?;
/// assert!(*paused.borrow());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Cell<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    bucket: Bucket,
    codec: Arc<dyn Codec<T>>,
    send_timeout: Duration,
    /// Never dropped before the task: a watch channel without receivers takes no values.
    value: watch::Receiver<T>,
    newest: watch::Receiver<Newest>,
    state: watch::Receiver<State>,
    told: mpsc::Sender<Told<T>>,
    task: AbortHandle,
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: Send + Sync + 'static> Cell<T> {
    /// The local value. It never waits for the network.
    ///
    /// The [`Ref`] is a snapshot, as that of a watch channel: holding it delays nothing.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("greeting".parse()?).open(String::from("hello")).await?;
    /// assert_eq!(cell.borrow().len(), 5);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        // The revision first: the value is that one, or a later one.
        let revision = Revision(self.shared.newest.borrow().shown);
        Ref { revision, value: self.shared.value.borrow() }
    }

    /// A receiver of the local value: its `changed` and `borrow` never wait for the network.
    ///
    /// It sees the end of the channel when the last clone of this cell is gone, or the connection
    /// is closed.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("step".parse()?).open(1).await?;
    /// let mut steps = cell.subscribe();
    /// cell.send(2).await?;
    /// steps.changed().await?;
    /// assert_eq!(*steps.borrow_and_update(), 2);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn subscribe(&self) -> watch::Receiver<T> {
        self.shared.value.clone()
    }

    /// How the local value stands to the stored one, now and from now on.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("mode".parse()?).open(String::from("day")).await?;
    /// if !cell.state().borrow().is_current() {
    ///     println!("the mode was {} when the server last answered", *cell.borrow());
    /// }
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.clone()
    }

    /// Stores a value, and returns its revision.
    ///
    /// It waits for the server's answer, and for a connection if there is none, up to the
    /// [`send_timeout`](Options::send_timeout). The last of several values that are sent at the
    /// same time stays.
    ///
    /// # Errors
    /// See [`SendError`]; each has the value.
    ///
    /// # Cancel safety
    /// The value of a future that is dropped may be stored. If it is, it arrives like one that
    /// another process sent.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("speed".parse()?).open(10).await?;
    /// cell.send(20).await?;
    /// assert_eq!(*cell.borrow(), 20);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn send(&self, value: T) -> Result<Revision, SendError<T>> {
        self.write(value, None).await
    }

    /// Stores a value if the stored one still has this revision, and returns the new one.
    ///
    /// [`Ref::revision`] is the revision of a value that was borrowed. With the revision that
    /// [`SendError::Changed`] names, this overwrites what the caller has not seen.
    ///
    /// # Errors
    /// [`SendError::Changed`] if another value, or a deletion, came first; `borrow` then shows it.
    /// See [`SendError`] for the others.
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::cell::SendError;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("owner".parse()?).open(None::<u32>).await?;
    /// let seen = cell.borrow().revision();
    /// match cell.compare_and_set(seen, Some(7)).await {
    ///     Ok(_) => println!("it is ours"),
    ///     Err(SendError::Changed { .. }) => println!("it is {:?}'s", *cell.borrow()),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn compare_and_set(
        &self,
        expected: Revision,
        value: T,
    ) -> Result<Revision, SendError<T>> {
        let changed = match self.write(value, Some(expected)).await {
            Err(SendError::Changed { value, .. }) => value,
            other => return other,
        };
        // Without an answer, what is known here has to do.
        let _ = self.read().await;
        let current = Revision(self.shared.newest.borrow().accepted);
        Err(SendError::Changed { value: changed, current })
    }

    /// Stores what the closure makes of the current value, and returns its revision; if the closure
    /// returns `None`, the value stays and this returns `None`.
    ///
    /// It is a compare-and-set that is repeated while others win, with pauses that double up to an
    /// eighth of a second. The closure may be called several times, each time with a newer value.
    /// Its last call has the newest one, also if it returns `None`.
    ///
    /// # Errors
    /// See [`SendIfError`]. [`SendError::Unknown`] means that the change may be stored or not: a
    /// counter that goes on after it may count twice.
    ///
    /// # Cancel safety
    /// As for [`send`](Self::send).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let count = connection.cell("count".parse()?).open(0_u64).await?;
    /// let before = *count.borrow();
    /// count.send_if(|count| Some(count + 1)).await?;
    /// assert!(*count.borrow() > before);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn send_if<F>(&self, mut change: F) -> Result<Option<Revision>, SendIfError<T>>
    where
        F: FnMut(&T) -> Option<T>,
    {
        let mut pause = Duration::from_millis(1);
        // The first attempt takes what is known here; a conflict shows that it is old.
        let mut base = self.known();
        loop {
            let (revision, bytes, is_fresh) = match base.take() {
                Some((revision, bytes)) => (revision, bytes, false),
                None => self.read_value().await.map(|(revision, bytes)| (revision, bytes, true))?,
            };
            let made = change(&self.decode(revision, &bytes)?);
            let Some(value) = made else {
                if is_fresh {
                    return Ok(None);
                }
                continue;
            };
            match self.write(value, Some(revision)).await {
                Ok(revision) => return Ok(Some(revision)),
                Err(SendError::Changed { .. }) => {}
                Err(error) => return Err(SendIfError::Send(error)),
            }
            sleep(pause.mul_f64(fastrand::f64())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn write(&self, value: T, expected: Option<Revision>) -> Result<Revision, SendError<T>> {
        let bytes = match self.shared.codec.encode(&value) {
            Ok(bytes) => bytes,
            Err(source) => return Err(SendError::Encode { value, source }),
        };
        let expected = expected.map(|revision| revision.0);
        let write = Write { key: KEY, value: Some(bytes.clone()), expected, ttl: None };
        match self.shared.bucket.write(&write, self.shared.send_timeout).await {
            Ok(revision) => {
                self.tell(|done| Told::Wrote { revision, bytes, value, done }).await;
                Ok(Revision(revision))
            }
            Err(error) => {
                let current = Revision(self.shared.newest.borrow().accepted);
                Err(SendError::new(error, value, bytes.len(), current))
            }
        }
    }

    /// The value that is known here, encoded.
    fn known(&self) -> Option<(Revision, Bytes)> {
        let newest = self.shared.newest.borrow();
        let known = (Revision(newest.accepted), newest.bytes.clone());
        (newest.content == Content::Value).then_some(known)
    }

    /// The newest value, encoded, from the server.
    async fn read_value(&self) -> Result<(Revision, Bytes), SendIfError<T>> {
        match self.read().await? {
            Some(Entry { revision, value: Some(bytes) }) => Ok((Revision(revision), bytes)),
            Some(Entry { value: None, .. }) | None => Err(SendIfError::Deleted),
        }
    }

    /// Asks the server, up to the deadline of a `send`, and shows what it has.
    async fn read(&self) -> Result<Option<Entry>, ReadError> {
        let deadline = deadline(self.shared.send_timeout);
        let entry = loop {
            match self.shared.bucket.last(KEY).await {
                Err(ReadError::NoAnswer(_)) if Instant::now() < deadline => {
                    sleep(LONGEST_PAUSE).await;
                }
                other => break other?,
            }
        };
        if let Some(entry) = entry.clone() {
            self.tell(|done| Told::Read { entry, done }).await;
        }
        Ok(entry)
    }

    /// Gives the task what it would otherwise find out later, and waits until it is shown.
    async fn tell(&self, told: impl FnOnce(oneshot::Sender<()>) -> Told<T>) {
        let (done, shown) = oneshot::channel();
        // The task has ended if the connection is closed. Then nothing is shown any more.
        if self.shared.told.send(told(done)).await.is_ok() {
            let _ = shown.await;
        }
    }

    fn decode(&self, revision: Revision, bytes: &Bytes) -> Result<T, SendIfError<T>> {
        let decoded = self.shared.codec.decode(bytes);
        decoded.map_err(|source| SendIfError::Unreadable { revision, source })
    }
}

impl<T> Clone for Cell<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell")
            .field("stream", &self.shared.bucket.stream_name())
            .field("value", &*self.shared.value.borrow())
            .field("state", &*self.shared.state.borrow())
            .finish_non_exhaustive()
    }
}

/// A look at the local value of a [`Cell`]: a snapshot.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let cell = connection.cell("colours".parse()?).open(vec!["blue".to_owned()]).await?;
/// let colours = cell.borrow();
/// println!("{} colours, revision {}", colours.len(), colours.revision());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Ref<'a, T> {
    revision: Revision,
    value: watch::Ref<'a, T>,
}

impl<T> Ref<'_, T> {
    /// The revision of the value, for [`Cell::compare_and_set`].
    ///
    /// If the value is replaced at the same moment, it may be that of the value before. Then a
    /// compare-and-set with it fails, as it does with every value that is no longer the newest.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
