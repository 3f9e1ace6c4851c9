//! Faults in `storage::latest`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "latest-stamp-published-relaxed",
        file: "storage/latest.rs",
        before: "self.stamp.store(desk.stamp.0, Ordering::Release);",
        after: "self.stamp.store(desk.stamp.0, Ordering::Relaxed);",
        breaks: "who sees a version does not see what its publisher did before",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-stamp-read-relaxed",
        file: "storage/latest.rs",
        before: "Stamp(self.stamp.load(Ordering::Acquire))",
        after: "Stamp(self.stamp.load(Ordering::Relaxed))",
        breaks: "who sees a version does not see what its publisher did before",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-too-late",
        file: "storage/latest.rs",
        before: "        Some((Self { keeper, node }, desk.stamp.version()))",
        after: "        drop(desk);
        Some((Self { keeper, node }, latest.stamp().version()))",
        breaks: "a snapshot comes with the version of a later value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-refused-look-forgotten",
        file: "storage/latest.rs",
        before: "        if hold.writing {
            desk.wanted = true;
",
        after: "        if hold.writing {
",
        breaks: "who wants to look is not told that the writer is done",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-refused-writer-forgotten",
        file: "storage/latest.rs",
        before: "        if hold.is_in_use() {
            desk.wanted = true;
            return None;
        }
        hold.writing = true;",
        after: "        if hold.is_in_use() {
            return None;
        }
        hold.writing = true;",
        breaks: "a writer is not told that the last look ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-refused-claim-forgotten",
        file: "storage/latest.rs",
        before: "        if unsafe { desk.hold(node) }.is_in_use() {
            desk.wanted = true;
",
        after: "        if unsafe { desk.hold(node) }.is_in_use() {
",
        breaks: "who claims a value is not told that it is vacant",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-publish-tells-nobody",
        file: "storage/latest.rs",
        before: "return (Err(old), mem::take(&mut desk.wanted));",
        after: "return (Err(old), false);",
        breaks: "who was refused a value is not told of its successor",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-look-ends-silently",
        file: "storage/latest.rs",
        before: "        unsafe { desk.hold(self.node) }.readers -= 1;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated {",
        after: "        unsafe { desk.hold(self.node) }.readers -= 1;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated && false {",
        breaks: "the last look takes the mark of who waits, and tells nobody",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-writer-ends-silently",
        file: "storage/latest.rs",
        before: "        unsafe { desk.hold(self.node) }.writing = false;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated {",
        after: "        unsafe { desk.hold(self.node) }.writing = false;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated && false {",
        breaks: "the writer takes the mark of who waits, and tells nobody",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-claim-ends-silently",
        file: "storage/latest.rs",
        before: "        let (_leftover, vacated) = latest.let_go(desk, node);
        if vacated {",
        after: "        let (_leftover, vacated) = latest.let_go(desk, node);
        if vacated && false {",
        breaks: "a claim that is given up takes the mark of who waits, and tells nobody",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-reader-not-counted",
        file: "storage/latest.rs",
        before: "        hold.add_reader();
",
        after: "        hold.readers = 1;
",
        breaks: "the first of two looks to end frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-beside-readers",
        file: "storage/latest.rs",
        before: "        if hold.is_in_use() {
            desk.wanted = true;
            return None;
        }
        hold.writing = true;",
        after: "        if hold.writing {
            desk.wanted = true;
            return None;
        }
        hold.writing = true;",
        breaks: "a value changes while it is looked at",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-claimed-value-taken-twice",
        file: "storage/latest.rs",
        before: "let retired = !hold.claimed && node",
        after: "let retired = node",
        breaks: "the last look drops the value that somebody claimed",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-swap-under-a-reader",
        file: "storage/latest.rs",
        before: "        self.readers > 0 || self.writing",
        after: "        self.readers > 1 || self.writing",
        breaks: "a value is exchanged while one reader looks at it",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-second-spare-leaked",
        file: "storage/latest.rs",
        before: "        (value, Some(node))
",
        after: "        mem::forget(node);
        (value, None)
",
        breaks: "a node is lost whenever two are spare",
        caught_by: ("tests", "memory watch"),
    },
    Fault {
        name: "latest-superseded-change-counted",
        file: "storage/latest.rs",
        before: "if self.changed && self.node == latest.current(&desk) {",
        after: "if self.changed {",
        breaks: "a change that nobody gets to see is announced as a new value",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-current-not-dropped",
        file: "storage/latest.rs",
        before: "        drop(current.map(|node| unsafe { Box::from_raw(node.as_ptr()) }));
",
        after: "        let _ = current;
",
        breaks: "the last value is leaked if its node was allocated",
        caught_by: ("unit", "storage::latest"),
    },
];
