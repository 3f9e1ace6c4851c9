//! Faults in `storage::latest`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "latest-version-published-relaxed",
        file: "storage/latest.rs",
        before: "self.version_state.store(state.0, Ordering::Release);",
        after: "self.version_state.store(state.0, Ordering::Relaxed);",
        breaks: "a thread that sees a version does not see what its publisher did before",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-relaxed",
        file: "storage/latest.rs",
        before: "VersionState(self.version_state.load(Ordering::Acquire))",
        after: "VersionState(self.version_state.load(Ordering::Relaxed))",
        breaks: "a thread that sees a version does not see what its publisher did before",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-protected-and-not-validated",
        file: "storage/latest/snapshot.rs",
        before: "            if latest.exposed.load(Ordering::Acquire) == exposed {",
        after: "            if latest.exposed.load(Ordering::Acquire) == exposed || !exposed.is_null() {",
        breaks: "a node is read that was retracted before the address was protected",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-hazard-reader-ends-unseen",
        file: "storage/latest/snapshot.rs",
        before: "            self.drop_retracted();
",
        after: "",
        breaks: "a value that was exposed is never released",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-exposed-relaxed",
        file: "storage/latest.rs",
        before: "self.exposed.store(current.as_ptr(), Ordering::Release);",
        after: "self.exposed.store(current.as_ptr(), Ordering::Relaxed);",
        breaks: "a reader without the lock does not see the value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-exposed-read-relaxed",
        file: "storage/latest/snapshot.rs",
        before: "latest.exposed.load(Ordering::Acquire) == exposed",
        after: "latest.exposed.load(Ordering::Relaxed) == exposed",
        breaks: "a reader without the lock does not see the value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-retracted-without-fence",
        file: "storage/latest.rs",
        before: "            asymmetric::heavy_fence();
",
        after: "",
        breaks: "a thread that retracts a value does not find its hazard readers",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-retracted-without-scan",
        file: "storage/latest.rs",
        before: "                if hazard::is_protected(self.address()) {
                    let current",
        after: "                if false {
                    let current",
        breaks: "a value is exchanged while it has hazard readers",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-first-cleared-is-the-last",
        file: "storage/latest.rs",
        before: "        if hazard::is_protected(self.address()) {
            return (None, false);
        }
",
        after: "",
        breaks: "the first of two hazard readers frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-exposed-beside-a-retracted-one",
        file: "storage/latest.rs",
        before: "if inner.mode != Mode::Counted || inner.has_waiters || has_retracted {",
        after: "if inner.mode != Mode::Counted || inner.has_waiters || has_retracted && false {",
        breaks: "an address that is protected stands for two values",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-forgotten-address-kept",
        file: "storage/latest.rs",
        before: "            hazard::clear_forgotten(self.address());
",
        after: "",
        breaks: "a snapshot that was forgotten counts for the next channel at the address",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-too-late",
        file: "storage/latest/snapshot.rs",
        before: "        (node, version)
",
        after: "        let _ = version;
        (node, latest.version_state().version())
",
        breaks: "a snapshot comes with the version of a later value",
        caught_by: ("tests", "stress watch"),
    },
    Fault {
        name: "latest-rejected-reader-forgotten",
        file: "storage/latest/snapshot.rs",
        before: "            inner.has_waiters = true;
            return Err(inner);
",
        after: "            return Err(inner);
",
        breaks: "a waiting reader is not notified that the writer is done",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-rejected-writer-forgotten",
        file: "storage/latest/writing.rs",
        before: "            inner.has_waiters = true;
            return None;
        }
        // SAFETY: the current node",
        after: "            return None;
        }
        // SAFETY: the current node",
        breaks: "a waiting writer is not notified that the last read ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-rejected-claim-forgotten",
        file: "storage/latest/writing.rs",
        before: "        if unsafe { inner.state_of(node) }.is_in_use() {
            inner.has_waiters = true;
",
        after: "        if unsafe { inner.state_of(node) }.is_in_use() {
",
        breaks: "a claimer is not notified that its value is released",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-publish-notifies-no-thread",
        file: "storage/latest.rs",
        before: "                let had_waiters = mem::take(&mut inner.has_waiters);
                let result",
        after: "                let had_waiters = false;
                let result",
        breaks: "a rejected thread is not notified of the next value",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-snapshot-ends-silently",
        file: "storage/latest/snapshot.rs",
        before: "        super::finish_release(self.owner, self.owner.latest().release(inner, self.node));",
        after: "        drop(self.owner.latest().release(inner, self.node));",
        breaks: "the last snapshot clears the flag of waiting threads, and notifies none",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-snapshot-ends-past-a-waiter",
        file: "storage/latest/snapshot.rs",
        before: "self.node != latest.current(&inner) || inner.has_waiters",
        after: "self.node != latest.current(&inner)",
        breaks: "a rejected thread is not notified that the last snapshot has ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-snapshot-ends-past-its-value",
        file: "storage/latest/snapshot.rs",
        before: "self.node != latest.current(&inner) || inner.has_waiters",
        after: "inner.has_waiters",
        breaks: "an earlier value is not dropped with its last snapshot",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-ends-silently",
        file: "storage/latest/writing.rs",
        before: "        latest.update_mode(&mut inner);
        super::finish_release(self.owner, latest.release(inner, self.node));",
        after: "        latest.update_mode(&mut inner);
        drop(latest.release(inner, self.node));",
        breaks: "the writer clears the flag of waiting threads, and notifies none",
        caught_by: ("loom", "watch::model"),
    },
    Fault {
        name: "latest-claim-ends-silently",
        file: "storage/latest/writing.rs",
        before: "        super::finish_release(self.owner, latest.release(inner, node));",
        after: "        drop(latest.release(inner, node));",
        breaks: "a claim that is given up clears the flag of waiting threads, and notifies none",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-reader-not-counted",
        file: "storage/latest/snapshot.rs",
        before: "        state.add_reader();
",
        after: "        state.readers = 1;
",
        breaks: "the first of two snapshots to end frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-beside-readers",
        file: "storage/latest/writing.rs",
        before: "let is_in_use = unsafe { inner.state_of(node) }.is_in_use();",
        after: "let is_in_use = unsafe { inner.state_of(node) }.writing;",
        breaks: "a value changes while it is read",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-claimed-value-taken-twice",
        file: "storage/latest.rs",
        before: "let is_garbage = !state.claimed && node",
        after: "let is_garbage = node",
        breaks: "the last snapshot drops the value that was claimed",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-swap-under-a-reader",
        file: "storage/latest/node.rs",
        before: "        self.readers > 0 || self.hazard_readers",
        after: "        self.readers > 1 || self.hazard_readers",
        breaks: "a value is exchanged while it has one reader",
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
        caught_by: ("tests", "watch memory"),
    },
    Fault {
        name: "latest-superseded-change-counted",
        file: "storage/latest/writing.rs",
        before: "if self.changed && self.node == latest.current(&inner) {",
        after: "if self.changed {",
        breaks: "a change that no receiver sees is announced as a new value",
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
        name: "latest-new-threads-spend-nothing",
        file: "storage/latest/phase_fair.rs",
        before: "            self.budget = self.budget.saturating_sub(cost);
            return is_affordable;",
        after: "            let _ = cost;
            return is_affordable;",
        breaks: "snapshots that overlap make a writer wait for ever",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-holder-waits-for-its-own-end",
        file: "storage/latest/phase_fair.rs",
        before: "is_current || is_holder || self.may_overtake(cost)",
        after: "is_current || self.may_overtake(cost)",
        breaks: "a thread that holds a snapshot waits for a writer that waits for it",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-hazard-reader-unknown",
        file: "storage/latest/snapshot.rs",
        before: "            || state.hazard_readers && hazard::is_protected_by_this_thread(latest.address());",
        after: "            || state.hazard_readers && false;",
        breaks: "a thread with a hazard pointer waits for a writer that waits for it",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-no-readers-phase",
        file: "storage/latest/phase_fair.rs",
        before: "            self.reader_rejections = 0;
            self.readers.start_next();",
        after: "            self.reader_rejections = 0;",
        breaks: "writers that follow each other make a reader wait for ever",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writers-in-any-order",
        file: "storage/latest/phase_fair.rs",
        before: "Some(ticket) => self.writers.is_current(ticket),",
        after: "Some(_) => true,",
        breaks: "a writer that comes back again and again overtakes another one for ever",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-extension-notifies-no-thread",
        file: "storage/latest/waiting.rs",
        before: "        if is_extended {",
        after: "        if is_extended && false {",
        breaks: "readers that are admitted again are not notified",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-contended-for-ever",
        file: "storage/latest/writing.rs",
        before: "        inner.phases().into_iter().for_each(|phases| phases.end_write());
        latest.update_mode(&mut inner);",
        after: "        inner.phases().into_iter().for_each(|phases| phases.end_write());",
        breaks: "a value that was written once is contended for ever, and never exposed",
        caught_by: ("unit", "storage::latest"),
    },
];
