//! What a pool has not done.

use std::error::Error;
use std::fmt;

/// The jobs that were not done when the workers had ended.
///
/// # Examples
/// ```
/// use levada_work::pool::Undone;
///
/// fn log(undone: Undone<String>) {
///     eprintln!("{undone}"); // "jobs were not done: 1 aborted, 2 left in the queue"
///     for job in undone.queued {
///         eprintln!("not begun: {job}");
///     }
/// }
/// ```
#[non_exhaustive]
pub struct Undone<J> {
    /// The number of jobs that had begun and were aborted.
    pub aborted: usize,
    /// The jobs that had not begun, in no particular order.
    pub queued: Vec<J>,
    /// The number of jobs that were dropped before they began, because the runtime of the pool
    /// ended.
    pub dropped: usize,
}

impl<J> Undone<J> {
    pub(super) fn is_nothing(&self) -> bool {
        self.aborted == 0 && self.queued.is_empty() && self.dropped == 0
    }
}

impl<J> fmt::Debug for Undone<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undone")
            .field("aborted", &self.aborted)
            .field("queued", &self.queued.len())
            .field("dropped", &self.dropped)
            .finish()
    }
}

impl<J> fmt::Display for Undone<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (aborted, left) = (self.aborted, self.queued.len());
        write!(f, "jobs were not done: {aborted} aborted, {left} left in the queue")?;
        match self.dropped {
            0 => Ok(()),
            dropped => write!(f, ", {dropped} dropped with the runtime"),
        }
    }
}

impl<J> Error for Undone<J> {}
