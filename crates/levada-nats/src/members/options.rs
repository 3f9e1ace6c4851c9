//! How members are opened.

use super::fold::Fold;
use super::follow::Follower;
use super::{Members, Shared};
use crate::bucket::{Bucket, Feed, Purpose};
use crate::stream::{Durability, OpenError};
use crate::{Connection, Name};
use levada::watch;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The shortest lease: NATS counts the time to live of a message in seconds, and a renewal takes
/// time.
const SHORTEST: Duration = Duration::from_secs(3);

/// The longest one. A member that is killed counts as alive for that long.
const LONGEST: Duration = Duration::from_secs(3600);

impl Connection {
    /// The members of this name: see [`members`](crate::members). [`Options::open`] opens them.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("orders".parse()?).open().await?;
    /// assert!(members.borrow().is_current());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn members(&self, name: Name) -> Options {
        Options {
            connection: self.clone(),
            name,
            durability: Durability::default(),
            lease: Duration::from_secs(15),
        }
    }
}

/// What [`Members`] are opened with.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let options = connection.members("uploads".parse()?).lease(Duration::from_secs(30));
/// let members = options.open().await?;
/// assert_eq!(members.borrow().iter().count(), 0);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "members are opened by `open`"]
pub struct Options {
    connection: Connection,
    name: Name,
    durability: Durability,
    lease: Duration,
}

impl Options {
    /// When a lease counts as stored. It is that of the bucket, and so the same in all processes.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a member that does not renew its lease counts as alive: 15 seconds unless it is
    /// set, from 3 seconds to an hour, in whole seconds (rounded up). A lease is renewed at each
    /// third of it.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Opens the members.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Cancel safety
    /// The bucket may exist afterwards; nothing else is left behind.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::OpenError;
    /// use std::time::Duration;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let options = connection.members("hasty".parse()?).lease(Duration::from_millis(100));
    /// let error = options.open().await.unwrap_err();
    /// assert!(matches!(error, OpenError::Settings(_)));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn open(self) -> Result<Members, OpenError> {
        if self.lease < SHORTEST || self.lease > LONGEST {
            return Err(OpenError::Settings(format!(
                "the lease of a member is {:?}: it must be from {SHORTEST:?} to {LONGEST:?}",
                self.lease
            )));
        }
        let seconds = self.lease.as_secs() + u64::from(self.lease.subsec_nanos() > 0);
        let lease = Duration::from_secs(seconds);
        let purpose = Purpose {
            kind: "members",
            name: &self.name,
            keys: ">",
            durability: self.durability,
            expiring: true,
        };
        let bucket = Bucket::open(&self.connection, &purpose).await?;
        let fold = Fold::new(lease, Instant::now());
        let (sender, roster) = watch::channel(fold.roster(true));
        let feed = Feed::new(bucket.clone());
        let follower = Follower { feed, bucket: bucket.clone(), fold, roster: sender };
        let task = tokio::spawn(follower.run()).abort_handle();
        Ok(Members { shared: Arc::new(Shared { bucket, lease, roster, task }) })
    }
}
