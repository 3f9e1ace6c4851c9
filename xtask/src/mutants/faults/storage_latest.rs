//! Faults in `storage::latest`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "latest-version-published-relaxed",
        file: "storage/latest/mod.rs",
        before: "self.version_state.swap(state.0, Ordering::Release);",
        after: "self.version_state.swap(state.0, Ordering::Relaxed);",
        breaks: "a thread that sees a version does not see what its publisher did before",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-relaxed",
        file: "storage/latest/mod.rs",
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
        file: "storage/latest/exposed.rs",
        before: "self.exposed.store(self.current(&inner).as_ptr(), Ordering::Release);",
        after: "self.exposed.store(self.current(&inner).as_ptr(), Ordering::Relaxed);",
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
        file: "storage/latest/exposed.rs",
        before: "            asymmetric::heavy_fence();
",
        after: "",
        breaks: "a thread that retracts a value does not find its hazard readers",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-retracted-without-scan",
        file: "storage/latest/exposed.rs",
        before: "                if hazard::is_protected(self.address()) {
                    let current",
        after: "                if false {
                    let current",
        breaks: "a value is taken out while it has hazard readers",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-first-cleared-is-the-last",
        file: "storage/latest/exposed.rs",
        before: "        if hazard::is_protected(self.address()) {
            return;
        }
",
        after: "",
        breaks: "the first of two hazard readers frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-exposed-beside-a-retracted-one",
        file: "storage/latest/exposed.rs",
        before: "inner.is_contended() || has_retracted {",
        after: "inner.is_contended() || has_retracted && false {",
        breaks: "an address that is protected stands for two values",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-forgotten-address-kept",
        file: "storage/latest/mod.rs",
        before: "            hazard::clear_forgotten(self.address());
",
        after: "",
        breaks: "a snapshot that was forgotten counts for the next channel at the address",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-version-read-too-late",
        file: "storage/latest/snapshot.rs",
        before: "        owner.latest().complete_publication(version);
",
        after: "        let _ = version;
        let version = owner.latest().version_state().version();
",
        breaks: "a snapshot comes with the version of another value",
        caught_by: ("loom", "storage::latest"),
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
        users.enter_alone();",
        after: "            return None;
        }
        users.enter_alone();",
        breaks: "a waiting writer is not notified that the last read ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-rejected-claim-forgotten",
        file: "storage/latest/mod.rs",
        before: "        Left::Claimed => owner.on_released(),",
        after: "        Left::Claimed => {}",
        breaks: "a claimer is not notified that its value is released",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-publish-notifies-no-thread",
        file: "storage/latest/mod.rs",
        before: "                let had_waiters = !is_released && mem::take(&mut inner.has_waiters);",
        after: "                let had_waiters = false;",
        breaks: "a rejected thread is not notified of the next value",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-snapshot-ends-silently",
        file: "storage/latest/mod.rs",
        before: "            if had_waiters {
                owner.on_released();
            }",
        after: "            let _ = had_waiters;",
        breaks: "the last snapshot clears the flag of waiting threads, and notifies none",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-snapshot-ends-past-a-waiter",
        file: "storage/latest/split_count.rs",
        before: "            0 => Left::Idle,",
        after: "            0 => Left::Others,",
        breaks: "a rejected thread is not notified that the last snapshot has ended",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-snapshot-ends-past-its-value",
        file: "storage/latest/split_count.rs",
        before: "            Usage::RETIRED => Left::Value,",
        after: "            Usage::RETIRED => Left::Others,",
        breaks: "an earlier value is not dropped with its last snapshot",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-ends-silently",
        file: "storage/latest/writing.rs",
        before: "        if had_waiters || left == Left::Claimed {",
        after: "        if left == Left::Claimed {",
        breaks: "the writer clears the flag of waiting threads, and notifies none",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-claim-ends-silently",
        file: "storage/latest/writing.rs",
        before: ".users.give_up_claim() {",
        after: ".users.give_up_claim() && false {",
        breaks: "a value whose claim is given up is leaked",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-reader-not-counted",
        file: "storage/latest/split_count.rs",
        before: "self.0.fetch_add(1, Ordering::Acquire)",
        after: "self.0.fetch_add(0, Ordering::Acquire)",
        breaks: "the first of two snapshots to end frees the value of the other",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-writer-beside-readers",
        file: "storage/latest/writing.rs",
        before: "let is_in_use = users.is_in_use();",
        after: "let is_in_use = inner.is_written;",
        breaks: "a value changes while it is read",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-claimed-value-taken-twice",
        file: "storage/latest/split_count.rs",
        before: "            _ => Left::Claimed,",
        after: "            _ => Left::Value,",
        breaks: "the last snapshot drops the value that was claimed",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-swap-under-a-reader",
        file: "storage/latest/split_count.rs",
        before: "self.0.load(Ordering::Acquire) == 0_usize.wrapping_sub(counted)",
        after: "counted <= Usage::ONE",
        breaks: "a value is taken out while it has one reader",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-second-spare-leaked",
        file: "storage/latest/mod.rs",
        before: "        if !is_kept {",
        after: "        if false {",
        breaks: "a node is lost whenever two are spare",
        caught_by: ("tests", "watch memory"),
    },
    Fault {
        name: "latest-superseded-change-counted",
        file: "storage/latest/writing.rs",
        before: "        if self.node == latest.current(&inner) {",
        after: "        if true {",
        breaks: "a change that no receiver sees is announced as a new value",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-current-not-dropped",
        file: "storage/latest/mod.rs",
        before: "let further = current.filter(|node| *node != second);",
        after: "let further = current.filter(|_| false);",
        breaks: "the last value is leaked if its node has no number",
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
        before: "            || is_retracted && hazard::is_protected_by_this_thread(latest.address());",
        after: "            || is_retracted && false;",
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
        before: "        let left = node.users.leave();
        latest.update_entry(&inner);
",
        after: "        let left = node.users.leave();
",
        breaks: "readers take the lock for ever once a value was written",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-entered-relaxed",
        file: "storage/latest/split_count.rs",
        before: "self.0.fetch_add(1, Ordering::Acquire)",
        after: "self.0.fetch_add(1, Ordering::Relaxed)",
        breaks: "a reader does not see the value of the node that it enters",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-entry-replaced-relaxed",
        file: "storage/latest/split_count.rs",
        before: "self.0.swap(entry.0, Ordering::Release)",
        after: "self.0.swap(entry.0, Ordering::Relaxed)",
        breaks: "a reader does not see the value of the node that it enters",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-entry-opened-relaxed",
        file: "storage/latest/split_count.rs",
        before: "self.0.swap(Entry::open(index).0, Ordering::Release);",
        after: "self.0.swap(Entry::open(index).0, Ordering::Relaxed);",
        breaks: "a reader does not see what a writer changed in place",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-left-without-release",
        file: "storage/latest/split_count.rs",
        before: "self.0.fetch_sub(Usage::ONE, Ordering::AcqRel)",
        after: "self.0.fetch_sub(Usage::ONE, Ordering::Acquire)",
        breaks: "a value is taken out beside a read of it",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-left-without-acquire",
        file: "storage/latest/split_count.rs",
        before: "self.0.fetch_sub(Usage::ONE, Ordering::AcqRel)",
        after: "self.0.fetch_sub(Usage::ONE, Ordering::Release)",
        breaks: "the last reader takes the value out beside another read of it",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-retired-relaxed",
        file: "storage/latest/split_count.rs",
        before: "self.0.load(Ordering::Acquire) == 0_usize",
        after: "self.0.load(Ordering::Relaxed) == 0_usize",
        breaks: "a value is taken out beside a read of it",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-freed-relaxed",
        file: "storage/latest/split_count.rs",
        before: "self.0.store(Usage::FREE, Ordering::Release);",
        after: "self.0.store(Usage::FREE, Ordering::Relaxed);",
        breaks: "a value is written beside the move of the previous one",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-publication-not-completed",
        file: "storage/latest/mod.rs",
        before: "        if state.version() == version.previous() {",
        after: "        if state.version() == version.previous() && false {",
        breaks: "a thread finds the earlier version after the value",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-version-before-its-value",
        file: "storage/latest/mod.rs",
        before: "        let before = self.entry.replace(entry);",
        after: "        self.set_version_state(inner, state);
        let before = self.entry.replace(entry);",
        breaks: "a thread finds the earlier value after the version",
        caught_by: ("loom", "storage::latest"),
    },
    Fault {
        name: "latest-open-beside-a-waiter",
        file: "storage/latest/mod.rs",
        before: "            Some(index) if !inner.is_contended() => Entry::open(index),",
        after: "            Some(index) => Entry::open(index),",
        breaks: "readers overtake a waiting writer without bound",
        caught_by: ("unit", "storage::latest"),
    },
    Fault {
        name: "latest-entry-never-restarted",
        file: "storage/latest/exposed.rs",
        before: "        self.restart_entry(&inner);
",
        after: "",
        breaks: "the count of an entry overflows",
        caught_by: ("unit", "storage::latest"),
    },
];
