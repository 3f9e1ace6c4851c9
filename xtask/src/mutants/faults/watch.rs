//! Faults in `watch`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "watch-change-not-told",
        file: "watch/protocol.rs",
        before: "        if !had_waiters {
            return self.wake(call);
        }
",
        after: "        if !had_waiters {
            return drop(call);
        }
",
        breaks: "a receiver sleeps through a value",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-change-told-to-the-refused-only",
        file: "watch/protocol.rs",
        before: "        panics.catch(|| self.release_waiters.notify_all());
        panics.catch(|| self.wake(call));
        panics.resume();
",
        after: "        panics.catch(|| self.release_waiters.notify_all());
        drop(call);
        panics.resume();
",
        breaks: "a receiver sleeps through a value that passed a modification",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-successor-not-told",
        file: "watch/protocol.rs",
        before: "        panics.catch(|| self.release_waiters.notify_all());
        panics.catch(|| self.wake(call));
        panics.resume();
",
        after: "        panics.catch(|| self.wake(call));
        panics.resume();
",
        breaks: "a rejected thread is not notified of the next value",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-released-not-told",
        file: "watch/protocol.rs",
        before: "    fn on_released(&self) {
        self.release_waiters.notify_all();
    }",
        after: "    fn on_released(&self) {}",
        breaks: "a rejected thread waits for ever",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-modification-not-told",
        file: "watch/protocol.rs",
        before: "        if modified {
            panics.catch(|| self.call_changed());
        }
",
        after: "",
        breaks: "a receiver sleeps through a modification",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-modification-told-too-early",
        file: "watch/protocol.rs",
        before: "        panics.catch(|| drop(guard));
        if modified {
            panics.catch(|| self.call_changed());
        }
",
        after: "        if modified {
            panics.catch(|| self.call_changed());
        }
        panics.catch(|| drop(guard));
",
        breaks: "a receiver looks before the version and sleeps through it",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-modification-without-version",
        file: "watch/protocol.rs",
        before: "            guard.mark_changed();
",
        after: "",
        breaks: "a modification has no version",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-told-before-the-end",
        file: "watch/protocol.rs",
        before: "        self.latest.close();
        self.call_changed();",
        after: "        self.call_changed();
        self.latest.close();",
        breaks: "a receiver looks before the end and sleeps through it",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-receivers-end-not-told",
        file: "watch/protocol.rs",
        before: "    fn receivers_gone(&self) {
        self.release_waiters.notify_all();
    }",
        after: "    fn receivers_gone(&self) {}",
        breaks: "who waits for the last receiver to go sleeps on",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-end-before-the-value",
        file: "watch/protocol.rs",
        before: "    if state.version() != seen {
        return Some(Ok(state.version()));
    }
    state.is_closed().then_some(Err(RecvError(())))",
        after: "    if state.is_closed() {
        return Some(Err(RecvError(())));
    }
    (state.version() != seen).then_some(Ok(state.version()))",
        breaks: "the end is told before the last value",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "watch-sends-to-nobody",
        file: "watch/protocol.rs",
        before: "        if self.counts.receivers() == 0 {
            return Err(SendError(value));
        }
",
        after: "",
        breaks: "a value for nobody is stored",
        caught_by: ("tests", "watch"),
    },
    Fault {
        name: "watch-equal-value-is-sent",
        file: "watch/protocol.rs",
        before: "            if *current == value {
                return false;
            }
",
        after: "",
        breaks: "`send_if_different` wakes all receivers for the value that they have",
        caught_by: ("tests", "watch send"),
    },
    Fault {
        name: "watch-comparison-is-overtaken",
        file: "storage/latest/mod.rs",
        before: "            if self.current(&inner) != expected {
                return Err(value);
            }
",
        after: "            let _ = expected;
",
        breaks: "`send_if_different` replaces a value that it has not compared with",
        caught_by: ("tests", "watch send"),
    },
    Fault {
        name: "watch-part-changes-with-the-rest",
        file: "watch/map.rs",
        before: "self.shared.has_changed(self.version)? && self.get() != self.seen",
        after: "self.shared.has_changed(self.version)?",
        breaks: "a part of the value is said to have changed when another one has",
        caught_by: ("tests", "watch map"),
    },
];
