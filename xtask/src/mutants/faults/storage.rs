//! Faults in `storage::ring` and `storage::lap_ring`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ring-segments-not-counted",
        file: "storage/ring/mod.rs",
        before: "        chain.segments.store(segments, Ordering::Relaxed);
",
        after: "        let _ = segments;
",
        breaks: "the consumer reads on in a segment that has ended",
        caught_by: ("unit", "storage::ring"),
    },
    Fault {
        name: "ring-tail-published-relaxed",
        file: "storage/ring/mod.rs",
        before: "chain.tail.store(self.tail, Ordering::Release);",
        after: "chain.tail.store(self.tail, Ordering::Relaxed);",
        breaks: "the message is not in its slot yet",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-tail-read-relaxed",
        file: "storage/ring/mod.rs",
        before: "self.tail.load(Ordering::Acquire)",
        after: "self.tail.load(Ordering::Relaxed)",
        breaks: "the message is not in its slot yet",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-next-published-relaxed",
        file: "storage/ring/mod.rs",
        before: "full.next.store(next, Ordering::Release);",
        after: "full.next.store(next, Ordering::Relaxed);",
        breaks: "the end of a segment is not written yet",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-next-read-relaxed",
        file: "storage/ring/mod.rs",
        before: "let next = link.next.load(Ordering::Acquire);
            let mut left",
        after: "let next = link.next.load(Ordering::Relaxed);
            let mut left",
        breaks: "the end of a segment is not written yet",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-spare-taken-relaxed",
        file: "storage/ring/mod.rs",
        before: "let spare = chain.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if spare.is_null() {",
        after: "let spare = chain.spare.swap(ptr::null_mut(), Ordering::Relaxed);
        if spare.is_null() {",
        breaks: "the consumer is not done with the segment that is used again",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-spare-given-relaxed",
        file: "storage/ring/mod.rs",
        before: "chain.spare.swap(Box::into_raw(segment), Ordering::AcqRel)",
        after: "chain.spare.swap(Box::into_raw(segment), Ordering::Acquire)",
        breaks: "the consumer is not done with the segment that is used again",
        caught_by: ("loom", "storage::ring"),
    },
    Fault {
        name: "ring-spare-linked-to-the-past",
        file: "storage/ring/mod.rs",
        before: "        segment.link.next.store(ptr::null_mut(), Ordering::Relaxed);
        // ORDERING: AcqRel",
        after: "        // ORDERING: AcqRel",
        breaks: "a segment that is used again leads to a freed one",
        caught_by: ("unit", "storage::ring"),
    },
    Fault {
        name: "ring-room-for-one-too-many",
        file: "storage/ring/mod.rs",
        before: "self.room = len - used;",
        after: "self.room = len - used + 1;",
        breaks: "an unread message is overwritten",
        caught_by: ("unit", "storage::ring"),
    },
    Fault {
        name: "ring-reads-past-the-end",
        file: "storage/ring/mod.rs",
        before: "left = left.min(end.wrapping_sub(self.head));",
        after: "left = left.min(end.wrapping_sub(self.head) + 1);",
        breaks: "a message is looked for in the segment before its own",
        caught_by: ("unit", "storage::ring"),
    },
    Fault {
        name: "ring-old-spare-leaked",
        file: "storage/ring/mod.rs",
        before: "            emptied.push(unsafe { Box::from_raw(old) });
",
        after: "            let _ = old;
",
        breaks: "a segment is lost whenever two are spare",
        caught_by: ("tests", "mpsc memory"),
    },
    Fault {
        name: "ring-spare-not-freed",
        file: "storage/ring/mod.rs",
        before: "        let spare = chain.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if !spare.is_null() {",
        after: "        let spare = chain.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if false {",
        breaks: "a channel leaves a segment behind",
        caught_by: ("tests", "mpsc memory"),
    },
    Fault {
        name: "lap-ring-chunk-published-relaxed",
        file: "storage/lap_ring/mod.rs",
        before: "            first,
            Ordering::Release,",
        after: "            first,
            Ordering::Relaxed,",
        breaks: "a reader finds slots that are not initialised yet",
        caught_by: ("loom", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-chunk-read-relaxed",
        file: "storage/lap_ring/mod.rs",
        before: r#"let first = chunk.load(Ordering::Acquire);"#,
        after: r#"let first = chunk.load(Ordering::Relaxed);"#,
        breaks: "a reader finds slots that are not initialised yet",
        caught_by: ("loom", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-second-chunk-kept",
        file: "storage/lap_ring/mod.rs",
        before: "            unsafe { self.free(chunk, first) };
        }
    }

    /// Frees",
        after: "            let _ = first;
        }
    }

    /// Frees",
        breaks: "the slower of two writers leaks its chunk",
        caught_by: ("tests", "channels allocation"),
    },
    Fault {
        name: "lap-ring-chunk-too-long",
        file: "storage/lap_ring/mod.rs",
        before: "let before = (FIRST << chunk) - FIRST;",
        after: "let before = (FIRST << chunk) - FIRST - 1;",
        breaks: "the last chunk has a slot too many",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-restarts-unread",
        file: "storage/lap_ring/mod.rs",
        before: r#"if ring.index(ring.origin(), pos) < FIRST || !ring.is_read(pos - 1) {"#,
        after: r#"if ring.index(ring.origin(), pos) < FIRST {"#,
        breaks: "messages that a receiver has yet to read are overwritten",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-two-clones-at-a-time",
        file: "storage/lap_ring/slot.rs",
        before: r#"match self.acquire(state, state.borrowed()) {
            // The writer"#,
        after: r#"match self.acquire(state, state) {
            // The writer"#,
        breaks: "two readers clone one value at the same time",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-last-is-counted-still",
        file: "storage/lap_ring/slot_ref.rs",
        before: r#"                Ok(Borrow { slot_ref: self, pos, readers_left: state.readers_left() - 1 })"#,
        after: r#"                Ok(Borrow { slot_ref: self, pos, readers_left: state.readers_left() })"#,
        breaks: "a message that was read by all is not",
        caught_by: ("tests", "broadcast"),
    },
    Fault {
        name: "lap-ring-reader-of-another-message",
        file: "storage/lap_ring/slot.rs",
        before: r#"            Ok(()) if self.stamp().holds(pos) => Attempt::Borrowed(state),"#,
        after: r#"            Ok(()) if self.stamp().holds(pos) || pos < u64::MAX => Attempt::Borrowed(state),"#,
        breaks: "a reader that lagged subtracts a reader of another message",
        caught_by: ("loom", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-return-not-notified",
        file: "storage/lap_ring/slot_ref.rs",
        before: r#"            deferred.notify = true;
            if !self.finish_skips"#,
        after: r#"            if !self.finish_skips"#,
        breaks: "a receiver that waits for a clone is not woken",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-overwrite-not-notified",
        file: "storage/lap_ring/mod.rs",
        before: r#"        deferred.notify |= stamp.has_notify();
"#,
        after: r#""#,
        breaks: "a receiver that waits for a value that is overwritten is not woken",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-overwritten-is-leaked",
        file: "storage/lap_ring/mod.rs",
        before: r#"                deferred.garbage.value = deferred.garbage.value.or(overwritten);"#,
        after: r#"                core::mem::forget(overwritten);"#,
        breaks: "a value that is overwritten is never dropped",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-box-not-returned",
        file: "storage/lap_ring/slot_ref.rs",
        before: r#"                message.value = Some(value);
"#,
        after: r#"                deferred.garbage.boxed = Some(value);
"#,
        breaks: "a value that was cloned in its box is lost to the others",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-request-not-seen",
        file: "storage/lap_ring/slot_ref.rs",
        before: "        if slot_ref.slot.stamp().is_plain(pos) || slot_ref.has_no_request(pos) {",
        after: "        if slot_ref.slot.stamp().holds(pos) {",
        breaks: "a receiver that waits for a clone is not woken",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-requests-without-a-fence",
        file: "storage/lap_ring/slot_ref.rs",
        before: "        fence_against_readers(stamp.needs_fence())
",
        after: "        true
",
        breaks: "a thread that requests and one that ends a borrow miss one another",
        caught_by: ("loom", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-stamp-not-acquired",
        file: "storage/lap_ring/slot.rs",
        before: "Stamp::from_bits(self.stamp.load(Ordering::Acquire))",
        after: "Stamp::from_bits(self.stamp.load(Ordering::Relaxed))",
        breaks: "a reader waits for a borrow that ended before its message",
        caught_by: ("loom", "broadcast::model"),
    },
    Fault {
        name: "overflow-dropped-recursively",
        file: "storage/lap_ring/overflow.rs",
        before: "            self.drop_all();
",
        after: "",
        breaks: "a long list of entries overflows the stack when it is dropped",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "overflow-skips-counted-once",
        file: "storage/lap_ring/overflow.rs",
        before: "            *skips += 1;
",
        after: "            *skips += 0;
",
        breaks: "of two receivers that leave during a clone one is not subtracted",
        caught_by: ("unit", "storage::lap_ring"),
    },
    Fault {
        name: "lap-ring-overwritten-stays",
        file: "storage/lap_ring/slot_ref.rs",
        before: "        if mem::needs_drop::<T>() {
            deferred.garbage.value = Some(self.slot.move_out());
        } else {
            self.slot.release(SlotState::EMPTY);
        }
        true",
        after: "        self.slot.release(state);
        true",
        breaks: "a value that was overwritten while it was borrowed is not dropped",
        caught_by: ("unit", "storage::lap_ring"),
    },
];
