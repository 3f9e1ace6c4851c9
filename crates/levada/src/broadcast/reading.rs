//! What is recorded of a broadcast channel, and what a snapshot reads of it.
#![forbid(unsafe_code)]

use super::protocol::Shared;
use crate::observe::{ChannelRecord, Observed};
#[cfg(feature = "observe")]
use crate::{observe::Reading, refs::Hub};

impl<T, G> Observed for Shared<T, G> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        &self.record
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> Reading {
        Reading {
            capacity: usize::try_from(self.capacity()).ok(),
            sent: self.record.position(),
            senders: self.counts().senders(),
            weak_senders: self.counts().weak_senders(),
            receivers: self.counts().receivers(),
            closed: self.counts().senders() == 0,
            ..Default::default()
        }
    }
}
