//! Ids of messages that were sent without one.

use async_nats::Client;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ids that no other process has: a NUID, which is what the client's inboxes end on, and a number.
///
/// They are short: the server looks for some twenty headers in those of a message, which is fast
/// in a block of at most 64 bytes.
pub(super) struct Ids {
    prefix: String,
    next: AtomicU64,
}

impl Ids {
    pub(super) fn new(client: &Client) -> Self {
        let inbox = client.new_inbox();
        let prefix = inbox.rsplit('.').next().unwrap_or(&inbox).to_owned();
        Self { prefix, next: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> String {
        // ORDERING: relaxed, no pair: only the numbers differ.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:x}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_the_block_of_headers_is_short() {
        let ids = Ids { prefix: "x".repeat(22), next: AtomicU64::new(1 << 50) };
        let (one, two) = (ids.next(), ids.next());
        assert_ne!(one, two);
        assert!(format!("NATS/1.0\r\nNats-Msg-Id: {two}\r\n\r\n").len() <= 64);
    }
}
