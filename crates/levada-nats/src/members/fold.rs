//! What pushes and lists say, as a set of members; pure, with the time as an argument.

use super::roster::{Member, Roster};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// After a lease has ended: the server removes expired messages about once a second.
const LATE: Duration = Duration::from_secs(1);

/// When a member that is known from a list only is looked up again: the list also has those that
/// have left in the last second or two.
const UNSURE: Duration = Duration::from_secs(2);

/// How long a leave is remembered, for lists that were made before it.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The shortest time that members have to come back.
const SHORTEST_GRACE: Duration = Duration::from_secs(10);

/// The members that are alive.
pub(super) struct Fold {
    /// The lease of members that are known from a list only.
    lease: Duration,
    /// By key.
    members: HashMap<String, Seen>,
    /// When which key was removed.
    left: HashMap<String, Instant>,
    /// From when on a member that is missing in a list is gone.
    trusted_from: Instant,
}

struct Seen {
    member: Member,
    /// When it is looked up, unless a renewal comes before.
    expires: Instant,
}

impl Fold {
    pub(super) fn new(lease: Duration, now: Instant) -> Self {
        Self { lease, members: HashMap::new(), left: HashMap::new(), trusted_from: now }
    }

    pub(super) fn roster(&self, is_current: bool) -> Roster {
        Roster::new(self.members.values().map(|seen| seen.member.clone()), is_current)
    }

    /// A member has written its key and its description, for as long as this.
    pub(super) fn renewed(
        &mut self,
        key: &str,
        description: &[u8],
        lease: Option<Duration>,
        now: Instant,
    ) {
        // What is pushed is in order: this is after a leave.
        self.left.remove(key);
        self.see(key, now + lease.unwrap_or(self.lease) + LATE);
        if let Some(seen) = self.members.get_mut(key) {
            seen.member.describe(String::from_utf8_lossy(description).into_owned());
        }
    }

    /// A member has removed its key.
    pub(super) fn removed(&mut self, key: &str, now: Instant) {
        self.members.remove(key);
        self.left.retain(|_, when| now < *when + REMEMBERED);
        self.left.insert(key.to_owned(), now);
    }

    /// The bucket has these keys.
    pub(super) fn listed(&mut self, keys: &HashSet<String>, now: Instant) {
        let is_trusted = now >= self.trusted_from;
        let again = if is_trusted { now + LATE } else { self.trusted_from };
        self.members.retain(|key, seen| {
            let stays = keys.contains(key) || !is_trusted;
            // Its renewals do not arrive, or it has just expired.
            if stays && seen.expires <= now {
                seen.expires = again;
            }
            stays
        });
        for key in keys {
            if !self.members.contains_key(key) && !self.left.contains_key(key) {
                self.see(key, now + UNSURE);
            }
        }
    }

    /// The server was away. Members that could not renew their leases have time to do so.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.trusted_from = now + self.lease.max(SHORTEST_GRACE);
    }

    /// When a list is needed, at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.members.values().map(|seen| seen.expires).min()
    }

    fn see(&mut self, key: &str, expires: Instant) {
        if let Some(seen) = self.members.get_mut(key) {
            seen.expires = expires;
        } else if let Some(member) = Member::from_key(key) {
            self.members.insert(key.to_owned(), Seen { member, expires });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);
    const A: &str = "sender.1-a";
    const B: &str = "receiver.2-b";

    fn counts(fold: &Fold) -> (usize, usize) {
        let roster = fold.roster(true);
        (roster.senders(), roster.receivers())
    }

    fn keys(keys: &[&str]) -> HashSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn members_come_by_pushes_and_by_lists() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        assert_eq!(fold.due(), None);
        fold.renewed(A, b"", Some(LEASE), now);
        assert_eq!(counts(&fold), (1, 0));
        assert_eq!(fold.due(), Some(now + LEASE + LATE));
        fold.listed(&keys(&[A, B, "other", "other.key"]), now);
        assert_eq!(counts(&fold), (1, 1));
        assert_eq!(fold.due(), Some(now + UNSURE));
    }

    #[test]
    fn a_leave_counts_at_once_and_a_list_from_before_does_not_undo_it() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        fold.renewed(A, b"", None, now);
        fold.removed(A, now);
        assert_eq!(counts(&fold), (0, 0));
        fold.listed(&keys(&[A]), now);
        assert_eq!(counts(&fold), (0, 0));
        fold.renewed(A, b"", None, now);
        assert_eq!(counts(&fold), (1, 0));
    }

    #[test]
    fn leaves_are_not_remembered_for_ever() {
        let mut now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        for number in 0..1000 {
            fold.removed(&format!("sender.{number}-a"), now);
            now += Duration::from_secs(1);
        }
        assert!(fold.left.len() <= 61, "{}", fold.left.len());
    }

    #[test]
    fn a_member_that_is_missing_in_a_list_is_gone() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        fold.renewed(A, b"", None, now);
        fold.renewed(B, b"", None, now);
        fold.listed(&keys(&[B]), now + LEASE);
        assert_eq!(counts(&fold), (0, 1));
    }

    #[test]
    fn while_lists_are_distrusted_members_stay() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        fold.renewed(A, b"", None, now);
        let back = now + 2 * LEASE;
        fold.distrust(back);
        fold.listed(&keys(&[]), back);
        assert_eq!(counts(&fold), (1, 0));
        // It is looked up when its time to come back has passed.
        assert_eq!(fold.due(), Some(back + LEASE));
        fold.listed(&keys(&[]), back + LEASE);
        assert_eq!(counts(&fold), (0, 0));
    }

    #[test]
    fn the_time_to_come_back_is_at_least_ten_seconds() {
        let now = Instant::now();
        let mut fold = Fold::new(Duration::from_secs(3), now);
        fold.renewed(A, b"", None, now);
        fold.distrust(now);
        fold.listed(&keys(&[]), now + Duration::from_secs(9));
        assert_eq!(counts(&fold), (1, 0));
        fold.listed(&keys(&[]), now + SHORTEST_GRACE);
        assert_eq!(counts(&fold), (0, 0));
    }

    #[test]
    fn a_member_in_the_list_whose_renewals_stay_away_is_looked_up_every_second() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        fold.renewed(A, b"", None, now);
        let end = now + LEASE + LATE;
        fold.listed(&keys(&[A]), end);
        assert_eq!(counts(&fold), (1, 0));
        assert_eq!(fold.due(), Some(end + LATE));
    }

    #[test]
    fn a_description_comes_with_a_renewal_and_stays_until_the_next() {
        let now = Instant::now();
        let mut fold = Fold::new(LEASE, now);
        let description =
            |fold: &Fold| fold.roster(true).iter().next().unwrap().description().to_owned();
        fold.listed(&keys(&[A]), now);
        assert_eq!(description(&fold), "");
        fold.renewed(A, b"one", None, now);
        fold.listed(&keys(&[A]), now);
        assert_eq!(description(&fold), "one");
        fold.renewed(A, b"two", None, now);
        assert_eq!(description(&fold), "two");
        // No member writes this, but others can publish to the bucket.
        fold.renewed(A, b"\xff", None, now);
        assert_eq!(description(&fold), "\u{fffd}");
    }
}
