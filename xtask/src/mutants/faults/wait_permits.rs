//! Faults in `wait::permits`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "permits-newcomer-overtakes",
        file: "wait/permits/mod.rs",
        before: "if self.has_waiting() { 0 } else { self.ungranted(queued) }",
        after: "self.ungranted(queued)",
        breaks: "a newcomer overtakes those in line",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-promise-given-twice",
        file: "wait/permits/mod.rs",
        before: "queued + self.reserved + self.granted)",
        after: "queued + self.reserved)",
        breaks: "capacity that was promised is promised again",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-never-lapse-for-senders",
        file: "wait/permits/expiry.rs",
        before: "        let expires = *refusals + self.tries >= self.limit();",
        after: "        let expires = *refusals == u16::MAX;",
        breaks: "a sender that never comes wedges the others",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-never-lapse-for-tries",
        file: "wait/permits/expiry.rs",
        before: "        self.tries >= self.limit()",
        after: "        self.tries == u16::MAX",
        breaks: "a sender that never comes wedges who only tries",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-never-lapse-for-receivers",
        file: "wait/permits/mod.rs",
        before: "        if *refusals >= self.expiry.limit() {",
        after: "        if *refusals == u16::MAX {",
        breaks: "a sender that never comes holds up the end",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-lapse-at-once",
        file: "wait/permits/expiry.rs",
        before: "        let expires = *refusals + self.tries >= self.limit();",
        after: "        let expires = *refusals >= 1;",
        breaks: "a sender that is just being woken loses its turn",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-lapsed-goes-to-the-back",
        file: "wait/permits/mod.rs",
        before: "self.waiters.insert_before(self.first_waiting, node);
                self.first_waiting",
        after: "self.waiters.insert_before(None, node);
                self.first_waiting",
        breaks: "who lost its turn waits behind all the others",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-lapse-keeps-the-count",
        file: "wait/permits/mod.rs",
        before: "                self.granted -= entry.need;
                self.waiters.unlink(place);",
        after: "                self.waiters.unlink(place);",
        breaks: "a promise that lapsed is not given to another",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-grant-lost-on-cancel",
        file: "wait/permits/mod.rs",
        before: "            State::Granted => {
                self.granted -= need;
                self.expiring",
        after: "            State::Granted => {
                self.expiring",
        breaks: "who is cancelled keeps what it was promised",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-patience-lost-on-cancel",
        file: "wait/permits/mod.rs",
        before: "                self.expiry.inherit(refusals);
",
        after: "                let _ = refusals;
",
        breaks: "a send that is made anew for each poll waits for ever",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-boundary-not-moved",
        file: "wait/permits/mod.rs",
        before: "                    self.first_waiting = self.waiters.next(place);
                }
            }",
        after: "                }
            }",
        breaks: "the line begins with one that has left",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-cancelled-stays-in-line",
        file: "wait/permits/mod.rs",
        before: "        self.waiters.remove(node);
        self.waiters.unbind(node);
        waker",
        after: "        self.waiters.unbind(node);
        waker",
        breaks: "a node that is dropped is still linked",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-need-one-too-many",
        file: "wait/permits/mod.rs",
        before: "if entry.need > ungranted {",
        after: "if entry.need >= ungranted {",
        breaks: "the last permit is never granted",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-grant-not-counted",
        file: "wait/permits/mod.rs",
        before: "        self.granted += entry.need;
",
        after: "",
        breaks: "capacity that was promised is promised again",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-a-thread-s-turn-lapses",
        file: "wait/permits/mod.rs",
        before: "            if !entry.blocking {
                entry.state = State::Expired;",
        after: "            {
                entry.state = State::Expired;",
        breaks: "a thread that is being woken loses its turn",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-learn-nothing",
        file: "wait/permits/expiry.rs",
        before: "        self.learned = MAX_LEARNED_POLLS.min(2 * self.learned);",
        after: "",
        breaks: "a sender on another thread loses its turn each time",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-grant-of-a-newcomer-lasts",
        file: "wait/permits/mod.rs",
        before: "        self.granted += need;
        self.expiring += 1;",
        after: "        self.granted += need;",
        breaks: "a task out of budget that never comes wedges the others",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-woken-one-short",
        file: "wait/permits/mod.rs",
        before: "            waker.into_iter().for_each(|waker| batch.push(waker));
        }
        self.has_grantable",
        after: "            drop(waker);
        }
        self.has_grantable",
        breaks: "whose turn has come is not woken",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-end-before-the-promised",
        file: "wait/permits/mod.rs",
        before: "            self.unclaimed += u32::from(entry.state == State::ClosedWithGrant);
",
        after: "",
        breaks: "the end comes before one that was promised a turn",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-end-beside-a-permit",
        file: "wait/permits/mod.rs",
        before: "self.is_closed() && self.reserved == 0 && self.unclaimed == 0",
        after: "self.is_closed() && self.unclaimed == 0",
        breaks: "the end comes while a permit is out",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-holder-counted-twice",
        file: "wait/permits/mod.rs",
        before: "State::ClosedWithGrant => self.unclaimed = self.unclaimed.saturating_sub(1),",
        after: "State::ClosedWithGrant => {}",
        breaks: "one that left after the close holds back the end",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-release-forgets",
        file: "wait/permits/mod.rs",
        before: "        self.reserved -= permits;
",
        after: "        self.reserved -= permits.min(1);
",
        breaks: "permits that come back together are lost",
        caught_by: ("unit", "wait::permits"),
    },
    Fault {
        name: "permits-close-tells-one",
        file: "wait/permits/mod.rs",
        before: "        !self.waiters.is_empty()
",
        after: "        false
",
        breaks: "the close wakes one batch of waiters and strands the rest",
        caught_by: ("unit", "wait::permits"),
    },
];
