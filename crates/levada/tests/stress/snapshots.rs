//! A thread that makes snapshots for as long as the tests run, if `LEVADA_SNAPSHOTS` is set. It
//! checks what each says of the channels that the tests hammer.

use std::panic::catch_unwind;
use std::process;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;

use levada::observe::{Channel, snapshot};

/// Starts the thread, unless it runs, and returns when it has made its first snapshot.
pub(crate) fn start() {
    static STARTED: OnceLock<()> = OnceLock::new();
    if std::env::var_os("LEVADA_SNAPSHOTS").is_some() {
        STARTED.get_or_init(|| {
            let (first, made) = channel();
            thread::spawn(move || {
                // The tests do not join this thread, so that a panic here would not fail them.
                let failed = catch_unwind(|| {
                    loop {
                        snapshot().channels.iter().for_each(check);
                        // The test waits for the first only.
                        let _ = first.send(());
                    }
                });
                failed.unwrap_or_else(|_| process::abort())
            });
            made.recv().expect("the thread makes snapshots until the process ends");
        });
    }
}

/// Rule 3 of the module `observe`, and what follows from what a channel is.
fn check(channel: &Channel) {
    if let (Some(depth), Some(capacity)) = (channel.depth, channel.capacity) {
        assert!(depth <= capacity, "{channel:?}");
        assert!(channel.high_water <= Some(capacity), "{channel:?}");
    }
    if let (Some(depth), Some(received)) = (channel.depth, channel.received) {
        assert_eq!(channel.sent.checked_sub(received), Some(depth as u64), "{channel:?}");
    }
    if let (Some(reserved), Some(capacity)) = (channel.reserved, channel.capacity) {
        assert!(reserved <= capacity, "{channel:?}");
    }
}
