//! Faults in `broadcast`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "broadcast-flag-not-taken",
        file: "broadcast/protocol.rs",
        before: r#"        let (pos, receivers, had_waiters) = (tail.next, tail.receivers, tail.has_waiters);"#,
        after: r#"        let (pos, receivers, had_waiters) = (tail.next, tail.receivers, false);"#,
        breaks: "a receiver sleeps through a message",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-sleeps-without-flag",
        file: "broadcast/protocol.rs",
        before: "            tail.has_waiters |= empty;
",
        after: "",
        breaks: "a receiver sleeps through a message",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-slot-locked-too-late",
        file: "broadcast/protocol.rs",
        before: r#"        match tail.put(pos, receivers, value) {"#,
        after: r#"        tail.next += 1;
        drop(tail);
        let mut tail = self.lock_next(&mut admission).expect("it was there");
        tail.next -= 1;
        match tail.put(pos, receivers, value) {"#,
        breaks: "a message is announced before it can be read",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-return-not-notified",
        file: "broadcast/protocol.rs",
        before: "        if deferred.notify {
            panics.catch(|| self.clone_waiters.notify_all());
        }
",
        after: "",
        breaks: "a receiver that waits for a clone is not woken",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-end-not-notified",
        file: "broadcast/protocol.rs",
        before: "    fn senders_gone(&self) {
        self.recv_waiters.notify_all();
    }",
        after: "    fn senders_gone(&self) {}",
        breaks: "a receiver sleeps through the end",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-last-receiver-not-notified",
        file: "broadcast/protocol.rs",
        before: "            panics.catch(|| self.closed_waiters.notify_all());
",
        after: "",
        breaks: "a sender that waits for the last receiver to drop sleeps on",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-leaves-one-unread",
        file: "broadcast/protocol.rs",
        before: "        for pos in start..end {",
        after: "        for pos in start + 1..end {",
        breaks: "a message keeps a reader that is never subtracted",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-lags-one-too-early",
        file: "broadcast/protocol.rs",
        before: "if behind > self.ring.capacity() {",
        after: "if behind >= self.ring.capacity() {",
        breaks: "a message that is there is reported as missed",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-lag-is-one-short",
        file: "broadcast/protocol.rs",
        before: "            *next += missed;
",
        after: "            *next += missed - 1;
",
        breaks: "a receiver is told of one lag twice",
        caught_by: ("tests", "broadcast"),
    },
    Fault {
        name: "broadcast-borrow-never-ends",
        file: "broadcast/protocol.rs",
        before: r#"            self.shared.run_deferred_contained(borrow.end());
        }
    }
}"#,
        after: r#"            core::mem::forget(borrow);
        }
    }
}"#,
        breaks: "a value that was cloned is never returned",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-last-reads-twice",
        file: "broadcast/protocol.rs",
        before: r#"            Found::LastInBox(boxed) => {
                *next = pos + 1;
"#,
        after: r#"            Found::LastInBox(boxed) => {
"#,
        breaks: "the last reader gets a message and is told that it missed it",
        caught_by: ("tests", "broadcast hostile"),
    },
    Fault {
        name: "broadcast-newcomer-not-counted",
        file: "broadcast/protocol.rs",
        before: "        tail.receivers = receivers;
        tail.next",
        after: "        let next = tail.next;
        drop(tail);
        self.ring.lock().receivers = receivers;
        next",
        breaks: "a message sent meanwhile is not for the newcomer",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "broadcast-panic-keeps-the-box",
        file: "broadcast/protocol.rs",
        before: "        let clone = catch_unwind(AssertUnwindSafe(|| T::clone(&boxed)));
        self.run_deferred_contained(slot.return_box(pos, boxed));
        clone.unwrap_or_else(|panic| resume_unwind(panic))",
        after: "        let clone = T::clone(&boxed);
        self.run_deferred(slot.return_box(pos, boxed));
        clone",
        breaks: "a clone that panics takes the value from the others",
        caught_by: ("tests", "broadcast hostile"),
    },
    Fault {
        name: "broadcast-never-starts-again",
        file: "broadcast/protocol.rs",
        before: "            tail.caught_up = true;
",
        after: "",
        breaks: "a ring that is read at once grows to its capacity",
        caught_by: ("tests", "broadcast memory"),
    },
    Fault {
        name: "broadcast-sends-to-nobody",
        file: "broadcast/tail.rs",
        before: "        tail.receivers != 0
",
        after: "        let _ = tail.receivers;
        true
",
        breaks: "a message without receivers is stored",
        caught_by: ("tests", "broadcast"),
    },
];
