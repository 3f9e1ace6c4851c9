//! Faults in `queue::lanes`, `mpsc::lanes` and `mpmc::lanes`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "lanes-lowest-first",
        file: "queue/lanes.rs",
        before: "            Serve::Strict => {}
            // One",
        after: "            Serve::Strict => order.reverse(),
            // One",
        breaks: "data is received before control",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-turns-not-used-up",
        file: "queue/lanes.rs",
        before: "                self.left[served] -= 1;
",
        after: "",
        breaks: "the highest lane starves the others",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-no-second-round",
        file: "queue/lanes.rs",
        before: "                    self.left = weights;
                }
                self.left[served] -= 1;",
        after: "                    let _ = weights;
                }
                self.left[served] = self.left[served].saturating_sub(1);",
        breaks: "after the first round the lanes are served strictly",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-never-due",
        file: "queue/lanes.rs",
        before: "        (since.elapsed() >= limit).then_some(lane)",
        after: "        (since.elapsed() >= limit && limit.is_zero()).then_some(lane)",
        breaks: "a lane that is passed over starves whatever its age",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-due-for-ever",
        file: "queue/lanes.rs",
        before: "                self.passed[served] = None;
                let mut now",
        after: "                let mut now",
        breaks: "a lane that was served once for its age is served before all others from then on",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-waits-in-the-first-only",
        file: "mpsc/lanes/protocol.rs",
        before: "                Poll::Pending => {}
            }
        }
        Poll::Pending",
        after: "                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending",
        breaks: "a message of a lower lane does not wake the receiver",
        caught_by: ("tests", "lanes order"),
    },
    Fault {
        name: "lanes-one-end-is-the-end",
        file: "mpsc/lanes/protocol.rs",
        before: "        Err(if self.ended == [true; N] {",
        after: "        Err(if self.ended.contains(&true) {",
        breaks: "the channel ends with its first lane",
        caught_by: ("tests", "lanes end"),
    },
    Fault {
        name: "lanes-close-leaves-some-open",
        file: "mpsc/lanes/protocol.rs",
        before: "        for lane in &mut self.lanes {
            panics",
        after: "        for lane in &mut self.lanes[1..] {
            panics",
        breaks: "messages are sent to a closed channel",
        caught_by: ("tests", "lanes end"),
    },
    Fault {
        name: "lanes-many-keep-what-they-do-not-take",
        file: "mpmc/lanes/protocol.rs",
        before: "                    contain(|| self.leave(nodes));
",
        after: "                    contain(|| ());
",
        breaks: "what a receive was promised in other lanes waits for the drop of its future",
        caught_by: ("tests", "lanes many"),
    },
    Fault {
        name: "lanes-many-close-leaves-some-open",
        file: "mpmc/lanes/protocol.rs",
        before: "        for lane in &self.lanes {
            panics",
        after: "        for lane in &self.lanes[1..] {
            panics",
        breaks: "messages are sent to a closed channel",
        caught_by: ("tests", "lanes end"),
    },
];
