//! Which senders and receivers are alive, across machines.
//!
//! A local channel knows when its last sender drops. Across machines a process may be killed, or
//! cut off, without a word. So each member holds a *lease*: a key that expires unless the member
//! renews it.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use levada_nats::members::Role;
//!
//! # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
//! # let connection = levada_nats::connect(&url).await?;
//! let members = connection.members("thumbnails".parse()?).open().await?;
//! let membership = members.join(Role::Receiver);
//!
//! let mut roster = members.subscribe();
//! roster.wait_for(|roster| roster.receivers() == 1).await?;
//!
//! drop(membership);
//! roster.wait_for(|roster| roster.receivers() == 0).await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # How it works
//! The members of one name share a key-value bucket, `levada_members_thumbnails`. A member has the
//! key `ROLE.ID`, which it writes again at each third of its lease, with the lease as the time to
//! live of the message, and what it says of itself as its value. The server removes what has
//! expired. Each renewal is pushed to all [`Members`], as is each leave; a member whose renewals
//! stay away is looked up in the bucket.
mod fold;
mod follow;
mod lease;
mod options;
mod roster;

pub use self::lease::{DescriptionTooLong, LONGEST_DESCRIPTION, Membership};
pub use self::options::Options;
pub use self::roster::{Member, Role, Roster};

use crate::bucket::Bucket;
use levada::watch;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// Which senders and receivers of one name are alive. Clones share it.
///
/// # Guarantees
/// 1. **A member that leaves is gone at once**: when its [`Membership`] drops, as soon as the
///    server has the message.
/// 2. **A member that is killed or cut off is gone after its lease**: the lease and at most 4
///    seconds after its last renewal. Until then it counts as alive.
/// 3. **A short loss of the connection makes no member leave.** A member whose renewals are
///    interrupted for less than two thirds of its lease stays. After [`Members`] itself, or the
///    server, was away, members have the time of a lease, at least 10 seconds, to come back before
///    they are removed.
/// 4. **A member that comes back after its lease has expired joins again**, with the same id.
/// 5. **The roster says whether it can be trusted**: [`Roster::is_current`] is `false` while the
///    server does not answer. The members are then those that were known last.
/// 6. **Nothing is left behind**: no consumer on the server, and no key that does not expire.
/// 7. **The last description of a member is seen**: at once when it changes, and with each renewal.
///    A member that was alive before these [`Members`] were opened has none until it renews its
///    lease: for a third of its lease at most.
///
/// A roster is made of what has arrived, and may be wrong for as long as a lease: it is for people,
/// for metrics and for hints. Work that must not run twice needs a lease that the work checks.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let members = connection.members("invoices".parse()?).open().await?;
/// let roster = members.borrow();
/// println!("{} senders, {} receivers", roster.senders(), roster.receivers());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Members {
    shared: Arc<Shared>,
}

struct Shared {
    bucket: Bucket,
    lease: Duration,
    roster: watch::Receiver<Roster>,
    task: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Members {
    /// Joins, until the [`Membership`] drops.
    ///
    /// It returns at once: the lease is written, and renewed, by a task. Without a connection it is
    /// written when there is one.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::members::Role;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("letters".parse()?).open().await?;
    /// let membership = members.join(Role::Sender);
    /// let mut roster = members.subscribe();
    /// let is_here = |roster: &_| find(roster, membership.id());
    /// roster.wait_for(is_here).await?;
    /// # Ok(())
    /// # }
    /// # fn find(roster: &levada_nats::members::Roster, id: &str) -> bool {
    /// #     roster.iter().any(|member| member.id() == id)
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn join(&self, role: Role) -> Membership {
        Membership::start(self.shared.bucket.clone(), role, self.shared.lease)
    }

    /// The members that are alive, as far as is known here. It never waits for the network.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("empty".parse()?).open().await?;
    /// assert_eq!(members.borrow().senders(), 0);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn borrow(&self) -> watch::Ref<'_, Roster> {
        self.shared.roster.borrow()
    }

    /// A receiver of the roster. It sees the end of the channel when the last clone of these
    /// `Members` is gone, or the connection is closed.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("watched".parse()?).open().await?;
    /// let mut roster = members.subscribe();
    /// drop(members);
    /// assert!(roster.changed().await.is_err());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn subscribe(&self) -> watch::Receiver<Roster> {
        self.shared.roster.clone()
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("stream", &self.shared.bucket.stream_name())
            .field("roster", &*self.shared.roster.borrow())
            .finish_non_exhaustive()
    }
}
