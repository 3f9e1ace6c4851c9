//! Faults in `queue::overflow`, `queue::policy` and `queue::backlog`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "policy-newest-goes-for-the-oldest",
        file: "queue/single.rs",
        before: "backlog.pop_front() else { return Exchange::NothingToEvict(value) };",
        after: "backlog.pop_back() else { return Exchange::NothingToEvict(value) };",
        breaks: "under EvictOldest the newest message goes",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "policy-one-that-stays-goes",
        file: "queue/single.rs",
        before: "        match chan.backlog(tx).and_then(VecDeque::back_mut) {",
        after: "        match chan.backlog(tx).and_then(VecDeque::front_mut) {",
        breaks: "under EvictNewest the oldest message goes",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "policy-discarded-past-the-hook",
        file: "queue/overflow.rs",
        before: " | Offered::Discarded(message)) => policy.give_up(message),",
        after: ") => policy.give_up(message),
            Ok(Offered::Discarded(message)) => drop(message),",
        breaks: "a message that is discarded does not reach the hook",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "policy-hook-gets-what-came-back",
        file: "queue/overflow.rs",
        before: "Exchange::NothingToEvict(message) => break Offered::Discarded(message),",
        after: "Exchange::NothingToEvict(message) => {
                    let Some(policy) = self.policy() else { break Offered::Discarded(message) };
                    policy.give_up(message);
                    break Offered::Queued { free: 0 };
                }",
        breaks: "a caller of `offer` does not get its message back, but the hook does",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "policy-nothing-is-counted",
        file: "queue/policy.rs",
        before: "        self.evicted.fetch_add(1, Ordering::Relaxed);",
        after: "        self.evicted.fetch_add(0, Ordering::Relaxed);",
        breaks: "`evicted` stays at zero",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "backlog-place-not-reserved",
        file: "queue/backlog.rs",
        before: "        tx.permits_mut().enter_backlog();
",
        after: "",
        breaks: "a channel that evicts has no bound",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "backlog-place-kept",
        file: "queue/backlog.rs",
        before: "            tx.permits_mut().leave_backlog(1, was_last);
",
        after: "            let _ = was_last;
",
        breaks: "the places of messages that were received are lost",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "backlog-what-is-in-hand-keeps-its-place",
        file: "queue/backlog.rs",
        before: "        tx.permits().available(not_given) > 0",
        after: "        tx.permits().available(not_given.max(queued)) > 0",
        breaks: "while a message is looked at, the newest one is discarded",
        caught_by: ("tests", "mpsc looking"),
    },
    Fault {
        name: "backlog-not-announced",
        file: "queue/backlog.rs",
        before: "        self.set_flag(tx, HAS_BACKLOG);
",
        after: "",
        breaks: "the receiver does not look into the backlog",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "overflow-full-after-the-close",
        file: "queue/overflow.rs",
        before: "        full && !self.is_closed()",
        after: "        full",
        breaks: "a sender that was refused once does not learn that the channel is closed",
        caught_by: ("tests", "channels queues"),
    },
    Fault {
        name: "overflow-full-with-a-place-left",
        file: "queue/overflow.rs",
        before: "        if tail.wrapping_sub(self.head()) >= capacity {",
        after: "        if tail.wrapping_sub(self.head()) + 1 >= capacity {",
        breaks: "a sender that was refused once is refused although there is a place",
        caught_by: ("tests", "channels queues"),
    },
];
