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
        before: "if desk.mode != Mode::Calm || desk.wanted || is_posted {",
        after: "if desk.mode != Mode::Calm || desk.wanted || is_posted && false {",
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
        before: "        (node, version)
",
        after: "        let _ = version;
        (node, latest.stamp().version())
",
        breaks: "a snapshot comes with the version of a later value",
        caught_by: ("tests", "stress watch"),
    },
    Fault {
        name: "latest-refused-look-forgotten",
        file: "storage/latest/snapshot.rs",
        before: "            desk.wanted = true;
            return Err(desk);
",
        after: "            return Err(desk);
",
        breaks: "who wants to look is not told that the writer is done",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-refused-writer-forgotten",
        file: "storage/latest/writing.rs",
        before: "            desk.wanted = true;
            return None;
        }
        // SAFETY: the current node",
        after: "            return None;
        }
        // SAFETY: the current node",
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
        before: "        latest.settle(&mut desk);
        super::finish(self.keeper, latest.let_go(desk, self.node));",
        after: "        latest.settle(&mut desk);
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
        before: "let is_in_use = unsafe { desk.hold(node) }.is_in_use();",
        after: "let is_in_use = unsafe { desk.hold(node) }.writing;",
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
    Fault {
        name: "latest-newcomers-spend-nothing",
        file: "storage/latest/turns.rs",
        before: "            self.left = self.left.saturating_sub(cost);
            return is_open;",
        after: "            let _ = cost;
            return is_open;",
        breaks: "snapshots that overlap each other keep a writer out for ever",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-holder-waits-for-its-own-end",
        file: "storage/latest/turns.rs",
        before: "is_called || is_holder || self.overtakes(cost)",
        after: "is_called || self.overtakes(cost)",
        breaks: "a thread that holds a snapshot waits for a writer that waits for it",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-holder-of-an-open-value-unknown",
        file: "storage/latest/snapshot.rs",
        before: "            || hold.posted && notices::is_posted_here(latest.word());",
        after: "            || hold.posted && false;",
        breaks: "a thread that holds an open snapshot waits for a writer that waits for it",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-readers-never-called",
        file: "storage/latest/turns.rs",
        before: "            self.vain_looks = 0;
            self.readers.call();",
        after: "            self.vain_looks = 0;",
        breaks: "writers that follow each other keep a reader out for ever",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writers-in-any-order",
        file: "storage/latest/turns.rs",
        before: "Some(ticket) => self.writers.is_called(ticket),",
        after: "Some(_) => true,",
        breaks: "a writer that comes back again and again keeps another one out",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-lapse-tells-nobody",
        file: "storage/latest/turn.rs",
        before: "        if has_lapsed {",
        after: "        if has_lapsed && false {",
        breaks: "readers that may go on again are not told",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-contended-not-settled",
        file: "storage/latest/writing.rs",
        before: "        desk.turns().into_iter().for_each(|turns| turns.end_write());
        latest.settle(&mut desk);",
        after: "        desk.turns().into_iter().for_each(|turns| turns.end_write());",
        breaks: "a value that was written once is contended for ever, and never opened",
        caught_by: ("unit", "storage::latest"),
    },
];
