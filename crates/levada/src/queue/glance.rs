//! What can be seen of a channel from outside, for a thread that is about to block: hints, which
//! cost no lock and oblige to nothing.
#![forbid(unsafe_code)]

use super::chan::{Chan, RecvWaiters};

impl<T, P: RecvWaiters> Chan<T, P> {
    /// Whether there is nothing to receive. The end is not looked for.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.chain.tail() == self.head()
    }
}
