//! Faults in the common part of `queue`: creating, sending, closing.

use crate::mutants::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "chan-head-published-relaxed",
        file: "queue/chan.rs",
        before: "self.rx.head.store(head, Ordering::Release);",
        after: "self.rx.head.store(head, Ordering::Relaxed);",
        breaks: "a slot is written while it is being read",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-head-read-relaxed",
        file: "queue/chan.rs",
        before: "self.rx.head.load(Ordering::Acquire)",
        after: "self.rx.head.load(Ordering::Relaxed)",
        breaks: "a slot is written while it is being read",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-closed-published-relaxed",
        file: "queue/chan.rs",
        before: "self.closed.store(true, Ordering::Release);",
        after: "self.closed.store(true, Ordering::Relaxed);",
        breaks: "who sees it closed does not see what the receiver did before",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-closed-read-relaxed",
        file: "queue/chan.rs",
        before: "self.closed.load(Ordering::Acquire)",
        after: "self.closed.load(Ordering::Relaxed)",
        breaks: "who sees it closed does not see what the receiver did before",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-cached_permits-not-forgotten",
        file: "queue/chan.rs",
        before: "    pub(super) fn permits_mut(&mut self) -> &mut Permits {
        self.cached_permits = 0;
",
        after: "    pub(super) fn permits_mut(&mut self) -> &mut Permits {
",
        breaks: "a message is stored beyond the capacity, or after the close",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "chan-cached_permits-beyond-storage",
        file: "queue/chan.rs",
        before: "self.cached_permits = free.min(self.producer.room());",
        after: "self.cached_permits = free;",
        breaks: "a message is stored over another one",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "chan-calm-while-one-waits",
        file: "queue/chan.rs",
        before: "        if !tx.permits.has_waiting() {
            tx.rx_flags_copy &= HAS_BACKLOG;",
        after: "        if true {
            tx.rx_flags_copy &= HAS_BACKLOG;",
        breaks: "the receiver stops looking for a sender that waits",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-hungry-never-noted",
        file: "queue/chan.rs",
        before: "            self.rx.rx_flags.store(now, Ordering::Relaxed);
",
        after: "",
        breaks: "the receiver does not see that a sender waits",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-close-tells-no-watcher",
        file: "queue/chan.rs",
        before: "        panics.catch(|| self.closed_event.notify_all());
",
        after: "",
        breaks: "who waits for the close is not woken",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-close-tells-no-receiver",
        file: "queue/chan.rs",
        before: "                more || tx.receivers.take_all(batch)",
        after: "                more",
        breaks: "a receiver sleeps through the end",
        caught_by: ("loom", "mpmc::model::a_close_wakes"),
    },
    Fault {
        name: "chan-last-sender-tells-nobody",
        file: "queue/chan.rs",
        before: "        wake_in_batches(|batch| self.lock().receivers.take_all(batch));
",
        after: "",
        breaks: "a receiver sleeps through the end",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-receiver-goes-unnoted",
        file: "queue/chan.rs",
        before: "self.close_with(|tx| tx.storing = Storing::Nowhere)",
        after: "self.close_with(|_| ())",
        breaks: "a message is stored that nobody can receive",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-messages-left-behind",
        file: "queue/chan.rs",
        before: "        while let Some(slot) = self.with_last_consumer(|consumer| {",
        after: "        if let Some(slot) = self.with_last_consumer(|consumer| {",
        breaks: "messages outlive the last receiver",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "chan-segments-not-freed",
        file: "queue/chan.rs",
        before: "            unsafe { owned.consumer.free(&self.chain) };
",
        after: "            let _ = owned;
",
        breaks: "a channel leaves its segments behind",
        caught_by: ("tests", "mpsc memory"),
    },
    Fault {
        name: "send-into-a-closed-channel",
        file: "queue/send.rs",
        before: "        if tx.permits().is_closed() {
            return Err(Refused::Closed);
        }
        let queued",
        after: "        let queued",
        breaks: "a message is accepted after the end was told",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-wakes-nobody",
        file: "queue/send.rs",
        before: "        let receiver = tx.receivers.grant_next();
        drop(tx);
        if let Some(receiver) = receiver {",
        after: "        let receiver = None::<Waker>;
        drop(tx);
        if let Some(receiver) = receiver {",
        breaks: "a receiver sleeps beside a message",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-after-the-receiver-grew",
        file: "queue/send.rs",
        before: "                tx = self.make_room(tx);
                if tx.storing != Storing::Chain {
                    return self.push_elsewhere(tx, value);
                }
",
        after: "            tx = self.make_room(tx);
",
        breaks: "a message is stored that nobody can receive",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-keeps-no-place-while-growing",
        file: "queue/send.rs",
        before: "            tx.permits_mut().reserve(1);
            drop(tx);
            let fresh = self.chain.grow(len);
            tx = self.lock();
            tx.permits_mut().release(1);
",
        after: "            drop(tx);
            let fresh = self.chain.grow(len);
            tx = self.lock();
",
        breaks: "more messages than the capacity",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-keeps-no-place-while-freeing",
        file: "queue/send.rs",
        before: "            tx.permits_mut().reserve(1);
            drop(tx);
            drop(unused);
            tx = self.lock();
            tx.permits_mut().release(1);
",
        after: "            drop(tx);
            drop(unused);
            tx = self.lock();
",
        breaks: "more messages than the capacity",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-sleeps-without-fence",
        file: "queue/send.rs",
        before: "        fence(Ordering::SeqCst);
",
        after: "",
        breaks: "neither sees the other: the room stays, the sender sleeps",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-sleeps-without-heavy-fence",
        file: "queue/send.rs",
        before: "return asymmetric::try_heavy_fence();",
        after: "return true;",
        breaks: "as above, where the receiver has no fence of its own",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-sleeps-without-a-second-look",
        file: "queue/send.rs",
        before: "let granted = grantable || announced && self.head() != head;",
        after: "let granted = grantable;",
        breaks: "room that came meanwhile is not seen",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-sleeps-after-a-refusal",
        file: "queue/send.rs",
        before:
            "            poll_again = poll_again || announced && !self.fence_with_receiver(fence_unseen);
",
        after: "            let _ = announced && self.fence_with_receiver(fence_unseen);
",
        breaks: "neither sees the other if the system call for the heavy fence is refused",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-sleeps-unnoted",
        file: "queue/send.rs",
        before: "            let fence_unseen = self.publish_waiting(&mut tx);",
        after: "            let fence_unseen = false;",
        breaks: "the receiver does not see that a sender waits",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-cancelled-in-silence",
        file: "queue/send.rs",
        before: "        self.update_and_wake(|tx| waker.0 = tx.permits_mut().dequeue(node));",
        after: "        waker.0.clone_from(&self.lock().permits_mut().dequeue(node));",
        breaks: "a turn that came to one that left is not passed on",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-released-in-silence",
        file: "queue/send.rs",
        before: "        self.update_and_wake(|tx| tx.permits_mut().release(permits));",
        after: "        self.lock().permits_mut().release(permits);",
        breaks: "a permit that comes back wakes nobody",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-end-tells-nobody",
        file: "queue/send.rs",
        before: "            if ended {
                return tx.receivers.take_all(batch);
            }
",
        after: "            let _ = ended;
",
        breaks: "the last permit goes and the receiver sleeps on",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-blocked-receiver-sleeps",
        file: "queue/send.rs",
        before: "                if let Some(waker) = tx.receivers.take_next() {
                    batch.push(waker);
                }
",
        after: "",
        breaks: "a receiver does not watch over a promise that nobody takes",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "send-served-first-is-not-woken",
        file: "queue/send.rs",
        before: "        for waker in [first, watcher].into_iter().flatten() {",
        after: "        drop(first);
        for waker in [None, watcher].into_iter().flatten() {",
        breaks: "whose turn has come is not woken",
        caught_by: ("loom", "mpsc::model"),
    },
    Fault {
        name: "send-serves-the-first-only",
        file: "queue/send.rs",
        before: "        if more {
            with_message_in_hand(|| self.wake_senders());
        }
",
        after: "        let _ = more;
",
        breaks: "there is room for a second one in line, who sleeps on",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "send-reserves-nothing",
        file: "queue/send.rs",
        before: "self.try_acquire(permits).map(|mut tx| tx.permits_mut().reserve(permits))",
        after: "self.try_acquire(permits).map(|_| ())",
        breaks: "permits that are out are given to others",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "send-patience-lapses-unserved",
        file: "queue/send.rs",
        before: "        if grantable {
            with_message_in_hand(|| self.wake_senders());
        }
    }

    /// For a task",
        after: "        let _ = grantable;
    }

    /// For a task",
        breaks: "a grant expires and the next waiter is not woken",
        caught_by: ("tests", "mpsc"),
    },
    Fault {
        name: "send-unused-waker-explodes",
        file: "queue/chan.rs",
        before: "            with_message_in_hand(|| drop(waker));",
        after: "            drop(waker);",
        breaks: "a permit is lost because a waker panics when it is dropped",
        caught_by: ("tests", "mpsc bombs"),
    },
    Fault {
        name: "send-impatient-sleeps",
        file: "queue/send.rs",
        before: "            if poll_again && !granted {
                panics.catch(|| cx.waker().wake_by_ref());
            }
",
        after: "",
        breaks: "a sender that waits for a promise to lapse is not polled again",
        caught_by: ("tests", "mpsc"),
    },
];
