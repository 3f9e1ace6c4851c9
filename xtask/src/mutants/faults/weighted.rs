//! Faults in `mpsc::weighted`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "weighted-beyond-the-maximum",
        file: "mpsc/weighted/gate.rs",
        before: "    taken == 0 || weight <= max.saturating_sub(taken)",
        after: "    taken == 0 || weight <= max && taken < max",
        breaks: "what is in the channel weighs more than the maximum",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-oversize-never-fits",
        file: "mpsc/weighted/gate.rs",
        before: "    taken == 0 || weight <= max.saturating_sub(taken)",
        after: "    weight <= max.saturating_sub(taken)",
        breaks: "a message heavier than the maximum waits for ever",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-granted-room-counts-as-free",
        file: "mpsc/weighted/gate.rs",
        before: " - self.line.granted_in_word + self.line.permits.granted()",
        after: " - self.line.granted_in_word",
        breaks: "the same room is granted twice, and the bound does not hold",
        caught_by: ("tests", "weighted order"),
    },
    Fault {
        name: "weighted-overtakes-the-line",
        file: "mpsc/weighted/gate.rs",
        before: "        let fits = !self.permits.has_waiting() && fits(",
        after: "        let fits = fits(",
        breaks: "a light message overtakes a heavy one that waits",
        caught_by: ("tests", "weighted order"),
    },
    Fault {
        name: "weighted-line-not-announced",
        file: "mpsc/weighted/gate.rs",
        before: "        self.word.fetch_or(LINE, Ordering::Relaxed);
",
        after: "",
        breaks: "room that comes back is not granted to a sender that waits",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-line-cleared-too-early",
        file: "mpsc/weighted/gate.rs",
        before: "        let line = if self.line.permits.has_waiting() { LINE } else { 0 };",
        after: "        let line = 0;",
        breaks: "room that comes back is not granted to a sender that waits",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-claimed-room-is-given-back",
        file: "mpsc/weighted/gate.rs",
        before: "            self.line.granted_in_word -= weight;
",
        after: "            let _ = weight;
",
        breaks: "the room of a sender that was granted it counts as free",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-grant-not-announced",
        file: "mpsc/weighted/gate.rs",
        before: "        let flags = if granted > 0 { line | GRANTED } else { line };",
        after: "        let flags = line;",
        breaks: "senders that do not wait are refused for ever beside a forgotten grant",
        caught_by: ("tests", "weighted futurelock"),
    },
    Fault {
        name: "weighted-receive-grants-nothing",
        file: "mpsc/weighted/receiving.rs",
        before: "        if self.scale.gate().give_back(weight) {
            contain(|| self.ends().grant());
        }",
        after: "        self.scale.gate().give_back(weight);",
        breaks: "senders sleep beside the room that a receive gave back",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-many-give-back-the-first-only",
        file: "mpsc/weighted/receiving.rs",
        before: "            weight += next.weight;
",
        after: "            weight += next.weight * 0;
",
        breaks: "the weight of messages that are received together is lost",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-permit-keeps-what-it-does-not-need",
        file: "mpsc/weighted/protocol.rs",
        before: "        contain(|| self.give_back(reserved - weight));
",
        after: "        let _ = reserved;
",
        breaks: "the room that a message needs less than its permit is lost",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-refused-message-keeps-its-room",
        file: "mpsc/weighted/protocol.rs",
        before: "            let Weighed { message, weight } = closed.into_inner();
            contain(|| self.give_back(weight));
            message",
        after: "            closed.into_inner().message",
        breaks: "messages that a closed channel refuses are counted as if they were there",
        caught_by: ("tests", "weighted close"),
    },
    Fault {
        name: "weighted-cancel-grants-nothing",
        file: "mpsc/weighted/protocol.rs",
        before: "            self.change(|line| waker.0 = line.permits.dequeue(node));",
        after: "            waker.0 = self.gate().look().permits.dequeue(node);",
        breaks: "a heavy sender that gives up leaves the light ones behind it asleep",
        caught_by: ("tests", "weighted regressions"),
    },
    Fault {
        name: "weighted-new-maximum-wakes-no-sender",
        file: "mpsc/weighted/protocol.rs",
        before: "        self.change(|line| line.set_max(max));",
        after: "        self.gate().look().set_max(max);",
        breaks: "senders that have room by the new maximum sleep on",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-what-waits-is-rejected",
        file: "mpsc/weighted/future.rs",
        before: "        if !this.node.is_bound()
            && let Some(weighed) = this.message.as_ref()",
        after: "        if let Some(weighed) = this.message.as_ref()",
        breaks: "a message that waits is given back because the maximum has shrunk",
        caught_by: ("tests", "weighted contract"),
    },
    Fault {
        name: "weighted-sender-does-not-count",
        file: "mpsc/weighted/protocol.rs",
        before:
            "            poll_again = poll_again || line.permits.count_refusal(node, self.queued());
",
        after: "            poll_again |= false;
",
        breaks: "room that was granted to a forgotten sender is lost to those behind it",
        caught_by: ("tests", "weighted futurelock"),
    },
    Fault {
        name: "weighted-receiver-sleeps-instead-of-counting",
        file: "mpsc/weighted/protocol.rs",
        before: "        if needs_receiver {",
        after: "        if needs_receiver && false {",
        breaks: "no task counts against a grant that is made while all others sleep",
        caught_by: ("tests", "weighted futurelock"),
    },
];
