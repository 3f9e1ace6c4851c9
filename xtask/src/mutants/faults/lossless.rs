//! Faults in `broadcast::lossless`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "lossless-move-not-reported",
        file: "broadcast/lossless/protocol.rs",
        before: "            self.shared.report_move();
",
        after: "",
        breaks: "a sender that waits for a member is not woken when that has received",
        caught_by: ("tests", "lossless contract"),
    },
    Fault {
        name: "lossless-witness-not-asked",
        file: "broadcast/lossless/gate.rs",
        before: "                .is_none_or(|entry| entry.seat.report_move_from(self.slowest))",
        after: "                .is_none_or(|entry| entry.seat.position() >= self.slowest)",
        breaks: "the member that a sender waits for does not report its move",
        caught_by: ("tests", "lossless contract"),
    },
    Fault {
        name: "lossless-one-more-than-the-capacity",
        file: "broadcast/lossless/gate.rs",
        before: "        self.permits.available(distance(self.slowest, next)) > 0 || self.has_room_after_all(next)",
        after: "        self.permits.available(distance(self.slowest + 1, next.max(self.slowest + 1))) > 0
            || self.has_room_after_all(next)",
        breaks: "a member is further behind than the capacity",
        caught_by: ("tests", "lossless contract"),
    },
    Fault {
        name: "lossless-only-the-witness-is-looked-at",
        file: "broadcast/lossless/gate.rs",
        before: "            if position == self.slowest {
                break;
            }
",
        after: "            break;
",
        breaks: "a member that is slower than the witness misses messages",
        caught_by: ("tests", "lossless contract"),
    },
    Fault {
        name: "lossless-observer-holds-back",
        file: "broadcast/lossless/sender.rs",
        before: "        self.subscribe_as(false)",
        after: "        self.subscribe_as(true)",
        breaks: "an observer holds the senders back",
        caught_by: ("tests", "lossless contract"),
    },
    Fault {
        name: "lossless-member-goes-silently",
        file: "broadcast/lossless/protocol.rs",
        before: "        panics.catch(|| self.change(|gate| entry = gate.remove(seat)));",
        after: "        panics.catch(|| entry = self.base.lock().gate.remove(seat));",
        breaks: "senders wait for a member that has gone",
        caught_by: ("tests", "lossless"),
    },
    Fault {
        name: "lossless-eviction-frees-no-sender",
        file: "broadcast/lossless/protocol.rs",
        before: "            panics.catch(|| self.grant());
            // Those that wait",
        after: "            // Those that wait",
        breaks: "senders wait for a member that was evicted",
        caught_by: ("tests", "lossless"),
    },
    Fault {
        name: "lossless-evicted-sleeps-on",
        file: "broadcast/lossless/protocol.rs",
        before: "            panics.catch(|| self.base.recv_waiters().notify_all());
            panics.resume();
        }
        found",
        after: "            panics.resume();
        }
        found",
        breaks: "a receiver that waits does not learn that it was evicted",
        caught_by: ("tests", "lossless members"),
    },
    Fault {
        name: "lossless-turn-is-lost",
        file: "broadcast/lossless/protocol.rs",
        before: "        self.change(|gate| waker.0 = gate.permits().dequeue(node));",
        after: "        waker.0 = self.base.lock().gate.permits().dequeue(node);",
        breaks: "a send that is cancelled keeps its turn",
        caught_by: ("tests", "lossless"),
    },
    Fault {
        name: "lossless-seat-keeps-its-index",
        file: "broadcast/lossless/gate.rs",
        before: "            moved.seat.index.store(index, Ordering::Relaxed);
",
        after: "",
        breaks: "a subscriber that goes takes another one out",
        caught_by: ("tests", "lossless"),
    },
    Fault {
        name: "lossless-waits-without-members",
        file: "broadcast/lossless/gate.rs",
        before: "            return self.permits.expel(left, batch);",
        after: "            let _ = left;
            return false;",
        breaks: "senders wait for ever when the last member has gone",
        caught_by: ("tests", "lossless"),
    },
];
