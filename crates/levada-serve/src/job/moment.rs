//! Points in time, as the store keeps them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long it is from `earlier` to here; nothing, if the clock was put back in between.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_do_not_overflow() {
        assert!(Moment::now() > Moment(1_700_000_000_000));
        assert_eq!(Moment(5).after(Duration::from_millis(2)), Moment(7));
        assert_eq!(Moment(5).after(Duration::MAX), Moment(u64::MAX));
        assert_eq!(Moment(7).since(Moment(5)), Duration::from_millis(2));
        assert_eq!(Moment(5).since(Moment(7)), Duration::ZERO);
    }
}
