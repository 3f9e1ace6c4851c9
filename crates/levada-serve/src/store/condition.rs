//! Whether the store takes changes.

use super::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Condition {
    #[default]
    Well,
    /// There is no room on the disk. No new jobs are taken until there is; other changes are, and
    /// may have to wait.
    Full {
        error: StoreError,
        /// Changes do.
        waiting: bool,
    },
    /// Nothing is taken any more: the service has to end.
    Failed(StoreError),
}

impl Condition {
    /// Why no new jobs are taken, if that is so.
    pub(crate) fn refusal(&self) -> Option<&StoreError> {
        match self {
            Self::Well => None,
            Self::Full { error, .. } | Self::Failed(error) => Some(error),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Another change would have to wait for room, too.
    pub(crate) fn is_stuck(&self) -> bool {
        matches!(self, Self::Full { waiting: true, .. })
    }

    /// Why nothing is taken any more, if that is so.
    pub(crate) fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Well | Self::Full { .. } => None,
        }
    }
}
