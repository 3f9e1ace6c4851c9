//! Faults in `storage::latest`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "latest-stamp-published-relaxed",
        file: "storage/latest.rs",
        before: "self.stamp.store(stamp.0, Ordering::Release);",
        after: "self.stamp.store(stamp.0, Ordering::Relaxed);",
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
        name: "latest-posted-and-not-looked-again",
        file: "storage/latest/snapshot.rs",
        before: "            if latest.open.load(Ordering::Acquire) == open {",
        after: "            if latest.open.load(Ordering::Acquire) == open || !open.is_null() {",
        breaks: "a node is looked at that was shut before the address was posted",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-posted-look-ends-unseen",
        file: "storage/latest/snapshot.rs",
        before: "            self.drop_shut();
",
        after: "",
        breaks: "a value that was open is never vacated",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-opened-relaxed",
        file: "storage/latest.rs",
        before: "self.open.store(current.as_ptr(), Ordering::Release);",
        after: "self.open.store(current.as_ptr(), Ordering::Relaxed);",
        breaks: "who looks without the lock does not see the value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-open-read-relaxed",
        file: "storage/latest/snapshot.rs",
        before: "latest.open.load(Ordering::Acquire) == open",
        after: "latest.open.load(Ordering::Relaxed) == open",
        breaks: "who looks without the lock does not see the value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-shut-without-fence",
        file: "storage/latest.rs",
        before: "            asymmetric::heavy_fence();
",
        after: "",
        breaks: "who shuts a value does not see who looks at it",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-shut-finds-nobody",
        file: "storage/latest.rs",
        before: "                if notices::is_posted(self.word()) {
                    let current",
        after: "                if false {
                    let current",
        breaks: "a value is exchanged while somebody looks at it without the lock",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-first-withdrawn-is-the-last",
        file: "storage/latest.rs",
        before: "        if notices::is_posted(self.word()) {
            return (None, false);
        }
",
        after: "",
        breaks: "the first of two looks without the lock frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-opened-beside-a-posted-one",
        file: "storage/latest.rs",
        before: "if writing || desk.is_open || desk.wanted || desk.posted.is_some() {",
        after: "if writing || desk.is_open || desk.wanted {",
        breaks: "an address that is posted stands for two values",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-forgotten-word-kept",
        file: "storage/latest.rs",
        before: "            notices::discard(self.word());
",
        after: "",
        breaks: "a look that was forgotten counts for the next channel at the address",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-too-late",
        file: "storage/latest/snapshot.rs",
        before: "        Some((node, version))",
        after: "        let _ = version;
        Some((node, latest.stamp().version()))",
        breaks: "a snapshot comes with the version of a later value",
        caught_by: ("tests", "stress watch"),
    },
    Fault {
        name: "latest-refused-look-forgotten",
        file: "storage/latest/snapshot.rs",
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
        file: "storage/latest/writing.rs",
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
        file: "storage/latest/writing.rs",
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
        before: "                let vacated = mem::take(&mut desk.wanted);
                let beside",
        after: "                let vacated = false;
                let beside",
        breaks: "who was refused a value is not told of its successor",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-look-ends-silently",
        file: "storage/latest/snapshot.rs",
        before: "        super::finish(self.keeper, self.keeper.latest().let_go(desk, self.node));",
        after: "        drop(self.keeper.latest().let_go(desk, self.node));",
        breaks: "the last look takes the mark of who waits, and tells nobody",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-look-ends-past-who-waits",
        file: "storage/latest/snapshot.rs",
        before: "self.node != latest.current(&desk) || desk.wanted",
        after: "self.node != latest.current(&desk)",
        breaks: "who was refused a value is not told that its last look has ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-look-ends-past-its-value",
        file: "storage/latest/snapshot.rs",
        before: "self.node != latest.current(&desk) || desk.wanted",
        after: "desk.wanted",
        breaks: "an earlier value is not dropped with its last look",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-ends-silently",
        file: "storage/latest/writing.rs",
        before: "        unsafe { desk.hold(self.node) }.writing = false;
        super::finish(self.keeper, latest.let_go(desk, self.node));",
        after: "        unsafe { desk.hold(self.node) }.writing = false;
        drop(latest.let_go(desk, self.node));",
        breaks: "the writer takes the mark of who waits, and tells nobody",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-claim-ends-silently",
        file: "storage/latest/writing.rs",
        before: "        super::finish(self.keeper, latest.let_go(desk, node));",
        after: "        drop(latest.let_go(desk, node));",
        breaks: "a claim that is given up takes the mark of who waits, and tells nobody",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-reader-not-counted",
        file: "storage/latest/snapshot.rs",
        before: "        hold.add_reader();
",
        after: "        hold.readers = 1;
",
        breaks: "the first of two looks to end frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-beside-readers",
        file: "storage/latest/writing.rs",
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
        file: "storage/latest/node.rs",
        before: "        self.readers > 0 || self.posted",
        after: "        self.readers > 1 || self.posted",
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
        file: "storage/latest/writing.rs",
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
