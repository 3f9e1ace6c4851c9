//! Faults in the receiving parts of `queue`: one receiver, and many.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "single-room-without-fence",
        file: "queue/single.rs",
        before: "            fence(Ordering::SeqCst);
",
        after: "",
        breaks: "neither sees the other: the room stays, the sender sleeps",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-room-without-light-fence",
        file: "queue/single.rs",
        before: "        asymmetric::light_fence();
",
        after: "",
        breaks: "as above, where the sender has the heavy fence",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-room-tells-nobody",
        file: "queue/single.rs",
        before: "        if self.has_waiting_senders() {
",
        after: "        if false {
",
        breaks: "a sender sleeps beside room",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-sleeps-without-a-second-look",
        file: "queue/single.rs",
        before: "            if tx.producer.tail() != head {
                return Poll::Ready(NoMessage::Empty);
            }
",
        after: "",
        breaks: "a message that came meanwhile is not seen",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-ends-before-the-last-message",
        file: "queue/single.rs",
        before: "        chan.pop(owned).or_else(|| chan.pop_given(owned)).ok_or(NoMessage::Ended)",
        after: "        Err(NoMessage::Ended)",
        breaks: "the end is told before the last message",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-keeps-the-old-waker",
        file: "queue/single.rs",
        before: "if !tx.receivers.0.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {",
        after: "if tx.receivers.0.is_none() {",
        breaks: "the task that was moved is not woken",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "single-patience-is-endless",
        file: "queue/single.rs",
        before: "            poll_again = poll_again || tx.permits_mut().count_receiver_poll(&mut owned.refusals);
",
        after: "",
        breaks: "a sender that never comes holds up the end",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "single-batch-keeps-its-room",
        file: "queue/single.rs",
        before: "            self.record().note_received_many(count(first), received);
            self.release_head(owned);
",
        after: "",
        breaks: "a batch gives no capacity back",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "single-batch-one-too-many",
        file: "queue/single.rs",
        before: "        while received < limit.min(there) {",
        after: "        while received <= limit.min(there) {",
        breaks: "a batch is longer than asked for",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "single-batch-without-end",
        file: "queue/single.rs",
        before: "        while received < limit.min(there) {",
        after: "        while received < limit {",
        breaks: "senders that are faster keep the receiver for ever",
        caught_by: ("tests", "channels allocation"),
    },
    Fault {
        name: "single-empty-is-the-end",
        file: "queue/single.rs",
        before: "            || (chan.is_closed() || chan.has_more_to_ask())
                && chan.why_no_message() == NoMessage::Ended;",
        after: "            || chan.is_closed();",
        breaks: "the end is told while a permit is out",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "many-cancelled-keeps-its-wake",
        file: "queue/many/mod.rs",
        before: "        } else {
            tx.receivers.grant_unpromised(queued)
        };",
        after: "        } else {
            None
        };",
        breaks: "a receiver sleeps beside a message",
        caught_by: ("loom", "mpmc::model::cancelled_when_woken"),
    },
    Fault {
        name: "many-waits-for-one-that-never-comes",
        file: "queue/many/line.rs",
        before: "        if refusals < refusals_before_expiry(entry.expiries) {",
        after: "        if refusals < u16::MAX {",
        breaks: "a receiver that was woken and never comes wedges the others",
        caught_by: ("tests", "mpmc promises"),
    },
    Fault {
        name: "many-room-tells-nobody",
        file: "queue/many/mod.rs",
        before: "        if senders_waiting {
            self.wake_next_sender();
        }
",
        after: "        let _ = hungry;
",
        breaks: "a sender sleeps beside room",
        caught_by: ("loom", "mpmc::model::room_wakes"),
    },
    Fault {
        name: "many-end-told-to-one",
        file: "queue/many/mod.rs",
        before: "            with_message_in_hand(|| wake_in_batches(|batch| self.lock().receivers.take_all(batch)));
",
        after: "",
        breaks: "the other receivers sleep through the end",
        caught_by: ("loom", "mpmc::model::a_permit"),
    },
    Fault {
        name: "many-stays-in-line",
        file: "queue/many/mod.rs",
        before: "        let own = if node.is_bound() { tx.receivers.dequeue(node) } else { None };
",
        after: "        let own = None::<Waker>;
",
        breaks: "a node that is dropped is still linked",
        caught_by: ("tests", "mpmc"),
    },
    Fault {
        name: "many-loses-its-place",
        file: "queue/many/line.rs",
        before: "                self.first_behind(arrival)
",
        after: "                let _ = arrival;
                None
",
        breaks: "who was woken for nothing waits behind newcomers",
        caught_by: ("tests", "mpmc"),
    },
    Fault {
        name: "many-batch-one-too-many",
        file: "queue/many/mod.rs",
        before: "            for _ in 0..room.min(available) {",
        after: "            for _ in 0..=room.min(available) {",
        breaks: "a batch is longer than asked for",
        caught_by: ("tests", "mpmc"),
    },
    Fault {
        name: "many-sleeps-behind-a-batch",
        file: "queue/many/line.rs",
        before: "                batch.push(waker);
            }
        }
        self.first_waiting.is_some()",
        after: "                batch.push(waker);
            }
        }
        false",
        breaks: "the end wakes one batch of receivers and strands the rest",
        caught_by: ("tests", "mpmc"),
    },
    Fault {
        name: "many-newcomers-take-what-is-promised",
        file: "queue/many/mod.rs",
        before: "        if !tx.receivers.has_promised()
            && let Some(message) = self.pop(&mut tx, &mut emptied)",
        after: "        if let Some(message) = self.pop(&mut tx, &mut emptied)",
        breaks: "a receiver that waits is overtaken for ever",
        caught_by: ("tests", "mpmc"),
    },
    Fault {
        name: "many-a-thread-s-promise-lapses",
        file: "queue/many/line.rs",
        before: ".filter(|entry| !entry.blocking)",
        after: ".filter(|_| true)",
        breaks: "a thread that is being woken loses its message",
        caught_by: ("tests", "mpmc promises"),
    },
    Fault {
        name: "many-head-not-published",
        file: "queue/many/mod.rs",
        before: "            self.publish_head(head);
",
        after: "",
        breaks: "what is received gives no capacity back",
        caught_by: ("loom", "mpmc::model::room_wakes"),
    },
];
