//! Faults in `oneshot`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "oneshot-step-relaxed",
        file: "oneshot/protocol/header.rs",
        before: "to.bits(), Ordering::Release, Ordering::Acquire);",
        after: "to.bits(), Ordering::Relaxed, Ordering::Acquire);",
        breaks: "the value is not in its slot yet",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-failed-step-relaxed",
        file: "oneshot/protocol/header.rs",
        before: "to.bits(), Ordering::Release, Ordering::Acquire);",
        after: "to.bits(), Ordering::Release, Ordering::Relaxed);",
        breaks: "who comes second does not see what the first did",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-state-read-relaxed",
        file: "oneshot/protocol/header.rs",
        before: "State::from_bits(self.header().state.load(Ordering::Acquire))",
        after: "State::from_bits(self.header().state.load(Ordering::Relaxed))",
        breaks: "the value is not in its slot yet",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-peer-not-woken",
        file: "oneshot/protocol/header.rs",
        before: "                    if let Some(waker) = peers {
                        run_last(|| waker.wake());
                    }
",
        after: "                    drop(peers);
",
        breaks: "the other side sleeps through the end",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-own-waker-leaked",
        file: "oneshot/protocol/header.rs",
        before: "let _own = DropLast(own.map(|copy| unsafe { copy.into_waker() }));",
        after: "drop(own);",
        breaks: "the waker of who goes is leaked",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-waker-dropped-twice",
        file: "oneshot/protocol/header.rs",
        before: "let _given = ManuallyDrop::new(waker);",
        after: "drop(waker);",
        breaks: "a waker that was given away is dropped",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-keeps-the-old-waker",
        file: "oneshot/protocol/header.rs",
        before: "if self.words(side).is_some_and(|words| words.will_wake(waker)) {",
        after: "if true {",
        breaks: "the task that was moved is not woken",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-copied-after-the-step",
        file: "oneshot/protocol/header.rs",
        before: "            let copy = self.copy_waker(state, side);
            match self.exchange(state, cleared) {
                Ok(()) => {
",
        after: "            match self.exchange(state, cleared) {
                Ok(()) => {
                    let copy = self.copy_waker(cleared, side);
",
        breaks: "a waker that was taken back is leaked",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-generation-stands-still",
        file: "oneshot/state.rs",
        before: "(self.0 | Self::waker_bit(side)).wrapping_add(Self::GENERATION)",
        after: "self.0 | Self::waker_bit(side)",
        breaks: "a waker that was replaced is used",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-closes-over-a-value",
        file: "oneshot/state.rs",
        before: "        self.is_open().then_some(Self::of(Phase::Closed))",
        after: "        (self.phase() != Phase::Closed).then_some(Self::of(Phase::Closed))",
        breaks: "a value that was sent is forgotten",
        caught_by: ("unit", "oneshot::state"),
    },
    Fault {
        name: "oneshot-words-leaked",
        file: "oneshot/protocol/header.rs",
        before: "        if !tx.is_null() {
            // SAFETY: it is from the box",
        after: "        if false {
            // SAFETY: it is from the box",
        breaks: "who waited for the close leaks its place",
        caught_by: ("tests", "oneshot memory"),
    },
    Fault {
        name: "oneshot-unreceived-value-leaked",
        file: "oneshot/protocol/mod.rs",
        before: "        if phase == Phase::Sent {
",
        after: "        if false {
",
        breaks: "a value that was sent is not dropped with the receiver",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-refused-value-doubled",
        file: "oneshot/protocol/mod.rs",
        before: "        drop(ManuallyDrop::into_inner(this));
        Err(value)",
        after: "        Err(value)",
        breaks: "a send that failed leaks the channel",
        caught_by: ("tests", "oneshot memory"),
    },
    Fault {
        name: "oneshot-value-taken-from-nothing",
        file: "oneshot/protocol/mod.rs",
        before: "if state.phase() != Phase::Sent {
            // Its drop",
        after: "if state.phase() == Phase::RxGone {
            // Its drop",
        breaks: "a value is read that was never sent",
        caught_by: ("loom", "oneshot::model"),
    },
    Fault {
        name: "oneshot-panic-is-a-drop",
        file: "oneshot/protocol/header.rs",
        before: "if state.reports() && panicking() {",
        after: "if state.reports() && panicking() != panicking() {",
        breaks: "a reply that did not come because of a panic says that it was dropped",
        caught_by: ("tests", "oneshot rounds"),
    },
    Fault {
        name: "oneshot-pool-keeps-one-more",
        file: "oneshot/pool.rs",
        before: "if table.len() < table.capacity() && table.len() < self.max_rest() {",
        after: "if table.len() < table.capacity() {",
        breaks: "a pool keeps more than it was made for",
        caught_by: ("tests", "oneshot"),
    },
];
