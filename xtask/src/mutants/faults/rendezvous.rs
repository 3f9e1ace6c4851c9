//! Faults in `mpsc::rendezvous`.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "rendezvous-cancelled-offer-stays",
        file: "mpsc/rendezvous/future.rs",
        before: "                let back = this.shared.withdraw(place);
                run_last(|| drop(back));",
        after: "                run_last(|| drop(place));",
        breaks: "the message of a send that was cancelled is received",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-place-of-another-sender",
        file: "mpsc/rendezvous/line.rs",
        before: "slot.ticket == place.ticket && slot.offer.is_some()",
        after: "slot.offer.is_some()",
        breaks: "a send whose message was taken gives back, or withdraws, that of another one",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-taken-offer-stays-in-line",
        file: "mpsc/rendezvous/line.rs",
        before: "        if self.slots[index].is_linked {
            self.unlink(index);
        }
",
        after: "",
        breaks: "a message is taken twice, or those behind it never",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-sender-sleeps-on",
        file: "mpsc/rendezvous/protocol.rs",
        before: "            contain(|| waker.wake());
        }
        Ok(message)",
        after: "            contain(|| drop(waker));
        }
        Ok(message)",
        breaks: "a sender whose message was taken does not learn of it",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-receiver-sleeps-on",
        file: "mpsc/rendezvous/protocol.rs",
        before: "                    if let Some(receiver) = receiver {
                        receiver.wake();
                    }",
        after: "                    drop(receiver);",
        breaks: "a receiver that waits does not learn of a sender",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-newer-waker-is-lost",
        file: "mpsc/rendezvous/protocol.rs",
        before: "            spare.0 = waker.replace(new);
",
        after: "            spare.0 = Some(new);
",
        breaks: "a send that moved to another task does not wake it",
        caught_by: ("tests", "rendezvous contract"),
    },
    Fault {
        name: "rendezvous-close-tells-no-receiver",
        file: "mpsc/rendezvous/protocol.rs",
        before: "side.receiver.take().into_iter().for_each(|waker| batch.push(waker));",
        after: "",
        breaks: "the task of a receive that was given up is not woken, and its waker is kept",
        caught_by: ("tests", "rendezvous close"),
    },
    Fault {
        name: "rendezvous-close-keeps-the-line",
        file: "mpsc/rendezvous/protocol.rs",
        before: "        if side.closed {
            return Err(NoMessage::Ended);
        }
        let Some(Offer",
        after: "        let Some(Offer",
        breaks: "a receiver that has closed the channel waits for its senders to go",
        caught_by: ("tests", "rendezvous close"),
    },
];
