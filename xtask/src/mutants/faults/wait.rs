//! Faults in `wait::list`, `wait::queue`, `wait::until` and `wait::waker_words`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "list-back-not-moved",
        file: "wait/list.rs",
        before: "            None => self.back = prev,
        }
        self.len -= 1;",
        after: "            None => {}
        }
        self.len -= 1;",
        breaks: "a newcomer is linked behind one that has left",
        caught_by: ("unit", "wait::list"),
    },
    Fault {
        name: "list-prev-not-moved",
        file: "wait/list.rs",
        before: "            Some(next) => self.inner(Place(next)).prev = prev,
            None => self.back = prev,",
        after: "            Some(_) => {}
            None => self.back = prev,",
        breaks: "who is in line stays linked to one that has left",
        caught_by: ("unit", "wait::list"),
    },
    Fault {
        name: "list-linked-bit-kept",
        file: "wait/list.rs",
        before: "        inner.linked = false;
",
        after: "",
        breaks: "a waiter that has left is unlinked once more",
        caught_by: ("unit", "wait::list"),
    },
    Fault {
        name: "list-inserts-without-prev",
        file: "wait/list.rs",
        before: "Some(next) => self.inner(next).prev.replace(place.0),",
        after: "Some(next) => self.inner(next).prev,",
        breaks: "who was passed over does not know who stands before it",
        caught_by: ("unit", "wait::list"),
    },
    Fault {
        name: "list-length-not-counted-down",
        file: "wait/list.rs",
        before: "        self.len -= 1;
",
        after: "",
        breaks: "a round of waking goes on with newcomers",
        caught_by: ("unit", "wait::"),
    },
    Fault {
        name: "list-released-relaxed",
        file: "wait/list.rs",
        before: "node.held.store(false, Ordering::Release);",
        after: "node.held.store(false, Ordering::Relaxed);",
        breaks: "the owner drops its node while it is being unlinked",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "list-held-read-relaxed",
        file: "wait/list.rs",
        before: "self.held.load(Ordering::Acquire)",
        after: "self.held.load(Ordering::Relaxed)",
        breaks: "the owner drops its node while it is being unlinked",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "list-released-too-early",
        file: "wait/list.rs",
        before: "        self.unlink(place);
        let waker = self.entry_at(place).waker.take();
        // SAFETY: it was linked, so it is alive (I2), until its owner sees the store.
        let node = unsafe { place.0.as_ref() };
        // ORDERING: Release pairs with the Acquire load in `is_held`: this is the last access.
        node.held.store(false, Ordering::Release);
",
        after: "        // SAFETY: it was linked, so it is alive (I2), until its owner sees the store.
        let node = unsafe { place.0.as_ref() };
        node.held.store(false, Ordering::Release);
        self.unlink(place);
        let waker = self.entry_at(place).waker.take();
",
        breaks: "the owner drops its node while it is being unlinked",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "list-bound-to-any-list",
        file: "wait/list.rs",
        before: r#"            assert!(ptr::eq(list, this), "a waiter belongs to one list");
"#,
        after: "",
        breaks: "a node of one list is changed under the lock of another",
        caught_by: ("unit", "wait::list"),
    },
    Fault {
        name: "queue-notify-without-fence",
        file: "wait/queue.rs",
        before: "        // ORDERING: SeqCst pairs with the fence in `poll_wait`; see the module's protocol.
        fence(Ordering::SeqCst);
",
        after: "",
        breaks: "the publisher does not see that somebody waits",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-wait-without-fence",
        file: "wait/queue.rs",
        before: "            // ORDERING: SeqCst pairs with the fence in `notify_all`; see the module's protocol.
            fence(Ordering::SeqCst);
",
        after: "",
        breaks: "the waiter does not see the event",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-no-second-look",
        file: "wait/queue.rs",
        before: "            fence(Ordering::SeqCst);
            result = check();
",
        after: "            fence(Ordering::SeqCst);
",
        breaks: "an event between the first look and the entering is missed",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-entered-unseen",
        file: "wait/queue.rs",
        before: "        self.occupied.store(!line.0.is_empty(), Ordering::Relaxed);
        result",
        after: "        result",
        breaks: "the publisher does not see that somebody waits",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-cancel-hides-the-others",
        file: "wait/queue.rs",
        before: "        let waker = self.with_line(|line| line.dequeue(node));
",
        after: "        let waker = self.with_line(|line| line.dequeue(node));
        self.occupied.store(false, Ordering::Relaxed);
",
        breaks: "one that leaves makes the line look empty",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-cancelled-stays-in-line",
        file: "wait/queue.rs",
        before: "        self.0.unhold(node);
",
        after: "",
        breaks: "a node that is dropped is still linked",
        caught_by: ("loom", "wait::queue"),
    },
    Fault {
        name: "queue-wakes-one-batch",
        file: "wait/queue.rs",
        before: "        with_line(&mut |line| line.release(&mut left, batch));
        left > 0
",
        after: "        with_line(&mut |line| line.release(&mut left, batch));
        false
",
        breaks: "the seventeenth waiter is not woken",
        caught_by: ("unit", "wait::queue"),
    },
    Fault {
        name: "queue-wakes-one-too-few",
        file: "wait/queue.rs",
        before: "Call { first, left: self.0.len() }",
        after: "Call { first, left: self.0.len().saturating_sub(1) }",
        breaks: "the last of several waiters is not woken",
        caught_by: ("unit", "wait::queue"),
    },
    Fault {
        name: "queue-wakes-newcomers",
        file: "wait/queue.rs",
        before: "            *left -= 1;
            match",
        after: "            match",
        breaks: "who comes back at once is woken again, for ever",
        caught_by: ("unit", "wait::queue"),
    },
    Fault {
        name: "queue-keeps-the-old-waker",
        file: "wait/queue.rs",
        before: "let old = self.0.entry(node).waker.replace(waker);",
        after: "let old = Some(self.0.entry(node).waker.get_or_insert(waker).clone());",
        breaks: "the task that was moved is not woken",
        caught_by: ("unit", "wait::queue"),
    },
    Fault {
        name: "until-stays-in-line",
        file: "wait/until.rs",
        before: "            this.queue.cancel(this.into_ref().project_ref().node);
",
        after: "            let _ = this;
",
        breaks: "a thread's wait that unwinds leaves its node in line",
        caught_by: ("unit", "wait::until"),
    },
    Fault {
        name: "waker-words-half-compared",
        file: "wait/waker_words.rs",
        before: "ptr::eq(copy.data, waker.data()) && ptr::eq(copy.vtable, waker.vtable())",
        after: "ptr::eq(copy.data, waker.data())",
        breaks: "a waker of another kind is taken for the same",
        caught_by: ("unit", "wait::waker_words"),
    },
    Fault {
        name: "waker-words-half-written",
        file: "wait/waker_words.rs",
        before: "        self.vtable.store(vtable, Ordering::Relaxed);
",
        after: "        if self.vtable.load(Ordering::Relaxed).is_null() {
            self.vtable.store(vtable, Ordering::Relaxed);
        }
",
        breaks: "a waker is made of the halves of two",
        caught_by: ("unit", "wait::waker_words"),
    },
];
