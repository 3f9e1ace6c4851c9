//! What happened to which message, in the order in which it did.

use std::collections::BTreeMap;
use std::fmt::Write;

/// One message, by the clock of the journal.
#[derive(Debug, Default)]
struct Entry {
    /// Within a lane the order is kept.
    lane: usize,
    begun: usize,
    accepted: Option<usize>,
    received: usize,
}

/// Notes of one run.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    clock: usize,
    messages: BTreeMap<usize, Entry>,
    received: Vec<(&'static str, usize)>,
    remarks: String,
    pub(crate) enders: usize,
    /// A receiver went away with what was in the channel.
    pub(crate) left: bool,
}

impl Journal {
    fn tick(&mut self) -> usize {
        self.clock += 1;
        self.clock
    }

    /// A send of message `id` to this lane begins.
    pub(crate) fn begin(&mut self, id: usize, lane: usize) {
        let begun = self.tick();
        self.messages.insert(id, Entry { lane, begun, ..Entry::default() });
    }

    /// The send of message `id` has succeeded.
    pub(crate) fn accept(&mut self, id: usize) {
        let now = self.tick();
        self.messages.entry(id).or_default().accepted = Some(now);
    }

    /// `who` received message `id`.
    pub(crate) fn receive(&mut self, who: &'static str, id: usize) {
        self.messages.entry(id).or_default().received += 1;
        self.received.push((who, id));
    }

    pub(crate) fn remark(&mut self, remark: &str) {
        self.remarks.push_str(remark);
        self.remarks.push(' ');
    }

    /// Who received what, and what was seen on the way.
    pub(crate) fn write(&self, text: &mut String) {
        for (who, id) in &self.received {
            let _ = write!(text, "{who} got {id}; ");
        }
        text.push_str(&self.remarks);
    }

    /// If a send had succeeded before another of its lane began, no receiver gets its message after
    /// the other's.
    pub(crate) fn check_order(&self, faults: &mut Vec<String>) {
        for (at, (who, late_id)) in self.received.iter().enumerate() {
            for (_, early_id) in self.received[..at].iter().filter(|(other, _)| other == who) {
                let (late, early) = (&self.messages[late_id], &self.messages[early_id]);
                let accepted = late.accepted.unwrap_or(usize::MAX);
                if accepted < early.begun && late.lane == early.lane {
                    faults.push(format!("{who} got {early_id} before {late_id}"));
                }
            }
        }
    }

    /// Nobody received a message twice, nor two the same one unless it goes `to_all`; and what was
    /// sent was received, if `all` had to be, unless a receiver went away with it.
    pub(crate) fn check_received(&self, all: bool, to_all: bool, faults: &mut Vec<String>) {
        for (id, entry) in &self.messages {
            if all && entry.accepted.is_some() && entry.received == 0 && !self.left {
                faults.push(format!("message {id} was lost"));
            }
            if entry.received > 1 && !to_all {
                faults.push(format!("message {id} was received {} times", entry.received));
            }
        }
        for (at, receipt) in self.received.iter().enumerate() {
            if self.received[..at].contains(receipt) {
                faults.push(format!("{} got {} twice", receipt.0, receipt.1));
            }
        }
    }
}
