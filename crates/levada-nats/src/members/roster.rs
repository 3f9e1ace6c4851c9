//! The members that are alive, as data.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a member does.
///
/// ```
/// use levada_nats::members::Role;
///
/// assert_eq!(Role::Sender.to_string(), "sender");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It sends.
    Sender,
    /// It receives.
    Receiver,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        })
    }
}

/// One sender or receiver: see [`Roster::iter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    role: Role,
    /// Milliseconds since 1970, and random digits.
    id: String,
    since: SystemTime,
    description: String,
}

impl Member {
    /// A new member, which joins now.
    pub(super) fn new(role: Role) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let id = format!("{milliseconds}-{:016x}", fastrand::u64(..));
        let since = UNIX_EPOCH + Duration::from_millis(milliseconds);
        Self { role, id, since, description: String::new() }
    }

    /// The member that has this key.
    pub(super) fn from_key(key: &str) -> Option<Self> {
        let (role, id) = key.split_once('.')?;
        let role = match role {
            "sender" => Role::Sender,
            "receiver" => Role::Receiver,
            _ => return None,
        };
        let (milliseconds, _) = id.split_once('-')?;
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds.parse().ok()?))?;
        Some(Self { role, id: id.to_owned(), since, description: String::new() })
    }

    /// It says something else of itself.
    pub(super) fn describe(&mut self, description: String) {
        self.description = description;
    }

    /// Its key in the bucket.
    pub(super) fn key(&self) -> String {
        format!("{}.{}", self.role, self.id)
    }

    /// What tells it from all others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// When it joined, by the clock of its machine.
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// What it says of itself: see [`Membership::describe`](super::Membership::describe).
    pub fn description(&self) -> &str {
        &self.description
    }
}

/// The members that are alive, as far as is known: see [`Members`](super::Members).
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let members = connection.members("reports".parse()?).open().await?;
/// for member in members.borrow().iter() {
///     println!("{} {} since {:?}", member.role(), member.id(), member.since());
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    members: Arc<[Member]>,
    is_current: bool,
}

impl Roster {
    pub(super) fn new(members: impl Iterator<Item = Member>, is_current: bool) -> Self {
        let mut members: Vec<_> = members.collect();
        members.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Self { members: members.into(), is_current }
    }

    /// The members, those that joined first at the front.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// How many senders there are.
    pub fn senders(&self) -> usize {
        self.count(Role::Sender)
    }

    /// How many receivers there are.
    pub fn receivers(&self) -> usize {
        self.count(Role::Receiver)
    }

    /// Whether the server has confirmed it in the last seconds. If not, the connection is lost or
    /// the server does not answer, and these are the members that were known last.
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    fn count(&self, role: Role) -> usize {
        self.members.iter().filter(|member| member.role == role).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_member_in_it() {
        for role in [Role::Sender, Role::Receiver] {
            let member = Member::new(role);
            assert_eq!(Member::from_key(&member.key()), Some(member));
        }
    }

    #[test]
    fn other_keys_are_no_members() {
        for key in ["", "sender", "sender.", "sender.1", "other.1-2", "sender.x-2"] {
            assert_eq!(Member::from_key(key), None, "{key}");
        }
        // A time that no clock has: whether it is a time at all depends on the system.
        let _ = Member::from_key(&format!("sender.{}-0", u64::MAX));
    }

    #[test]
    fn the_first_stands_at_the_front() {
        let [second, first] =
            ["sender.2-a", "receiver.1-b"].map(|key| Member::from_key(key).unwrap());
        let roster = Roster::new([second, first].into_iter(), true);
        assert_eq!((roster.senders(), roster.receivers()), (1, 1));
        assert_eq!(roster.iter().next().unwrap().id(), "1-b");
    }
}
