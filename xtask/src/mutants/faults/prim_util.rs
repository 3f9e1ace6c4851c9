//! Faults in `prim`, `util` and `refs`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "lock-taken-relaxed",
        file: "prim/native/lock.rs",
        before: "if self.locked.swap(true, Ordering::Acquire) {
            self.lock_contended",
        after: "if self.locked.swap(true, Ordering::Relaxed) {
            self.lock_contended",
        breaks: "who takes a free lock does not see what its last holder did",
        caught_by: ("loom", "native_lock"),
    },
    Fault {
        name: "lock-taken-late-relaxed",
        file: "prim/native/lock.rs",
        before: "if !self.locked.swap(true, Ordering::Acquire) {
                return;",
        after: "if !self.locked.swap(true, Ordering::Relaxed) {
                return;",
        breaks: "who waited for the lock does not see what its last holder did",
        caught_by: ("loom", "native_lock"),
    },
    Fault {
        name: "lock-released-relaxed",
        file: "prim/native/lock.rs",
        before: "self.lock.locked.store(false, Ordering::Release);",
        after: "self.lock.locked.store(false, Ordering::Relaxed);",
        breaks: "what a holder did is not published",
        caught_by: ("loom", "native_lock"),
    },
    Fault {
        name: "lock-looked-at-not-taken",
        file: "prim/native/lock.rs",
        before: "if !self.locked.swap(true, Ordering::Acquire) {
                return;",
        after: "if !self.locked.load(Ordering::Acquire) {
                return;",
        breaks: "who waited for the lock does not take it",
        caught_by: ("loom", "native_lock"),
    },
    Fault {
        name: "until-without-a-budget",
        file: "util/budget.rs",
        before: "if had_budget && !has_budget_remaining() {",
        after: "if !had_budget && !has_budget_remaining() {",
        breaks: "a call that uses up its budget is never stopped by a timer of tokio's",
        caught_by: ("tests", "channels until"),
    },
    Fault {
        name: "until-stops-first",
        file: "future.rs",
        before: "budget::poll_either(this.call, this.stop, cx)
            .map(|ready| ready.map_err(|_stop_is_ready| Stopped))",
        after: "budget::poll_either(this.stop, this.call, cx)
            .map(|ready| ready.map_or_else(Ok, |_stop_is_ready| Err(Stopped)))",
        breaks: "a call that need not wait is stopped",
        caught_by: ("tests", "channels until"),
    },
    Fault {
        name: "wake-batch-not-emptied",
        file: "util/wake_batch.rs",
        before: "let len = core::mem::take(&mut self.len);",
        after: "let len = self.len;",
        breaks: "the second batch overflows, or wakes the first again",
        caught_by: ("unit", "util::wake_batch"),
    },
    Fault {
        name: "wake-batch-stops-at-a-panic",
        file: "util/wake_batch.rs",
        before: "panics.catch(|| waker.wake());",
        after: "waker.wake();",
        breaks: "one waker that panics strands all the others",
        caught_by: ("unit", "util::wake_batch"),
    },
    Fault {
        name: "park-keeps-a-foreign-unpark",
        file: "prim/park.rs",
        before: "        if self.slept {
",
        after: "        if false {
",
        breaks: "an unpark that was meant for somebody else on the thread is swallowed",
        caught_by: ("unit", "prim::park"),
    },
    Fault {
        name: "park-keeps-the-outer-wake-up",
        file: "prim/park.rs",
        before: "        } else if self.waited {
            // The same for the call around this one.
            parker.retain();
",
        after: "        } else if self.waited {
",
        breaks: "a wake-up for an outer wait is swallowed",
        caught_by: ("unit", "prim::park"),
    },
    Fault {
        name: "parker-wakes-relaxed",
        file: "prim/native/parker.rs",
        before: "if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {",
        after: "if self.state.swap(NOTIFIED, Ordering::Relaxed) == PARKED {",
        breaks: "who was woken does not see what for",
        caught_by: ("loom", "native_parker"),
    },
    Fault {
        name: "parker-forgets-by-a-store",
        file: "prim/native/parker.rs",
        before: "self.state.swap(EMPTY, Ordering::Acquire);",
        after: "self.state.store(EMPTY, Ordering::Relaxed);",
        breaks: "a wake-up between look and step is lost",
        caught_by: ("loom", "native_parker"),
    },
    Fault {
        name: "parker-does-not-unpark",
        file: "prim/native/parker.rs",
        before: "            self.thread.unpark();
        }
    }

    /// Waits to be woken.",
        after: "        }
    }

    /// Waits to be woken.",
        breaks: "a thread sleeps on",
        caught_by: ("loom", "native_parker"),
    },
    Fault {
        name: "second-panic-while-unwinding",
        file: "util/first_panic.rs",
        before: "if !thread::panicking() {",
        after: "{",
        breaks: "a panic in a waker ends the process while another is unwinding",
        caught_by: ("unit", "util::first_panic"),
    },
    Fault {
        name: "second-payload-explodes",
        file: "util/first_panic.rs",
        before: "Some(_) => discard(payload),",
        after: "Some(_) => drop(payload),",
        breaks: "the payload of a second panic panics in its drop, and the others are not woken",
        caught_by: ("unit", "util::first_panic"),
    },
    Fault {
        name: "budget-never-spent",
        file: "util/budget.rs",
        before: "let _spent = ManuallyDrop::new(self.0);",
        after: "let _ = ManuallyDrop::<()>::new(());",
        breaks: "a task whose channel is always ready never yields",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "block-inside-a-runtime",
        file: "util/block_on.rs",
        before: "    let _held_to_its_end = ManuallyDrop::new(lock.blocking_read());
",
        after: "    let _ = ManuallyDrop::new(lock);
",
        breaks: "a blocking call stops a thread that drives tasks",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "refs-sender-goes-relaxed",
        file: "refs.rs",
        before: "if self.0.counts().senders.fetch_sub(1, Ordering::AcqRel) == 1",
        after: "if self.0.counts().senders.fetch_sub(1, Ordering::Acquire) == 1",
        breaks: "who sees no sender does not see what they sent",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-last-sender-relaxed",
        file: "refs.rs",
        before: "if self.0.counts().senders.fetch_sub(1, Ordering::AcqRel) == 1",
        after: "if self.0.counts().senders.fetch_sub(1, Ordering::Release) == 1",
        breaks: "the last sender does not see what the others did",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-receiver-goes-relaxed",
        file: "refs.rs",
        before: "if self.0.counts().receivers.fetch_sub(1, Ordering::AcqRel) == 1",
        after: "if self.0.counts().receivers.fetch_sub(1, Ordering::Relaxed) == 1",
        breaks: "the last receiver does not see what the others did",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-senders-read-relaxed",
        file: "refs.rs",
        before: "self.senders.load(Ordering::Acquire)",
        after: "self.senders.load(Ordering::Relaxed)",
        breaks: "who sees no sender does not see what they sent",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-receivers-read-relaxed",
        file: "refs.rs",
        before: "self.receivers.load(Ordering::Acquire)",
        after: "self.receivers.load(Ordering::Relaxed)",
        breaks: "who sees no receiver does not see what they did",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-upgrade-raises-a-zero",
        file: "refs.rs",
        before: "while count > 0 {",
        after: "while count < usize::MAX {",
        breaks: "a channel that has ended gets a sender",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-upgrade-without-exchange",
        file: "refs.rs",
        before: "Ok(_) => return Some(Tx(Arc::clone(&self.0), HandleRecord::new())),
                Err(newer) => count = newer,",
        after: "Ok(_) | Err(1..) => return Some(Tx(Arc::clone(&self.0), HandleRecord::new())),
                Err(newer) => count = newer,",
        breaks: "an upgraded sender is not counted",
        caught_by: ("loom", "refs::model"),
    },
    Fault {
        name: "refs-weak-not-given-back",
        file: "refs.rs",
        before: "        self.0.counts().weak_senders.fetch_sub(1, Ordering::Relaxed);
",
        after: "",
        breaks: "weak senders are counted for ever",
        caught_by: ("unit", "refs::model"),
    },
];
