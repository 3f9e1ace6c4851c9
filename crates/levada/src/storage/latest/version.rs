//! The version of a value, and the word that holds the current version and the closed bit.
#![forbid(unsafe_code)]

/// Counts the values that were published, wrapping around. The lowest bit is never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(super) usize);

impl Version {
    /// Added for each value; leaves room for the closed bit.
    pub(super) const STEP: usize = 2;

    /// The version of the value that a channel is created with.
    pub(crate) const INITIAL: Self = Self(0);

    /// The version `values` values before the count wraps around.
    #[cfg(test)]
    pub(crate) const fn before_wrap(values: usize) -> Self {
        Self(0_usize.wrapping_sub(values * Self::STEP))
    }

    /// How many values came before, modulo half the range of a word.
    pub(crate) fn count(self) -> u64 {
        (self.0 / Self::STEP) as u64
    }

    /// The version of the previous value.
    pub(crate) fn previous(self) -> Self {
        Self(self.0.wrapping_sub(Self::STEP))
    }
}

/// The current version, and whether the channel is closed, so that it is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionState(pub(super) usize);

impl VersionState {
    const CLOSED: usize = 1;

    /// Of a channel that is open.
    pub(super) fn of(version: Version) -> Self {
        Self(version.0)
    }

    #[inline]
    pub(crate) fn version(self) -> Version {
        Version(self.0 & !Self::CLOSED)
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(Version::STEP))
    }

    pub(super) fn closed(self) -> Self {
        Self(self.0 | Self::CLOSED)
    }
}
