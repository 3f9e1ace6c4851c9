//! What a snapshot reads of a broadcast channel.
#![forbid(unsafe_code)]

use super::protocol::Shared;
use crate::observe::{ChannelRecord, Observed, Reading};
use crate::refs::Hub;

impl<T> Observed for Shared<T> {
    fn record(&self) -> &ChannelRecord {
        self.channel_record()
    }

    fn read(&self) -> Reading {
        Reading {
            capacity: usize::try_from(self.capacity()).ok(),
            sent: self.record().position(),
            senders: self.counts().senders(),
            weak_senders: self.counts().weak_senders(),
            receivers: self.counts().receivers(),
            closed: self.counts().senders() == 0,
            ..Default::default()
        }
    }
}
