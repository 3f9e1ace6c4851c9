//! How many messages a subscription may ask for, and which of those that come are right.

/// The free seats of the local buffer against the messages that are asked for.
///
/// A message is asked for only if there is a seat for it: while a subscriber is slow, the server
/// keeps the messages, and what it overwrites meanwhile is counted exactly.
#[derive(Debug)]
pub(super) struct Seats {
    /// How many there are.
    limit: usize,
    /// For how many of them a message is asked for.
    asked: usize,
}

impl Seats {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, asked: 0 }
    }

    /// A request for fewer is not worth the round trip.
    fn share(&self) -> usize {
        self.limit.div_ceil(2)
    }

    /// How many messages to ask for now, if so many seats are free.
    pub(super) fn ask(&mut self, free: usize) -> Option<usize> {
        let more = free.saturating_sub(self.asked);
        let worth = more >= self.share();
        if worth {
            self.asked += more;
        }
        worth.then_some(more)
    }

    /// How many seats must be free before it is worth to ask again, if that can come.
    pub(super) fn wanted(&self) -> Option<usize> {
        let wanted = self.asked + self.share();
        (wanted <= self.limit).then_some(wanted)
    }

    /// Whether an answer of the server is due.
    pub(super) fn is_waiting(&self) -> bool {
        self.asked > 0
    }

    /// Whether one of so many free seats is not asked for.
    pub(super) fn leaves_one(&self, free: usize) -> bool {
        free > self.asked
    }

    /// A message came.
    pub(super) fn filled(&mut self) {
        self.asked = self.asked.saturating_sub(1);
    }

    /// This many do not come.
    pub(super) fn ended(&mut self, unused: usize) {
        self.asked = self.asked.saturating_sub(unused);
    }
}

/// What an arrival means for the order of messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is what was expected, or what is missing before it is gone from the stream.
    Right,
    /// Something was lost between the server and here: the stream still has it.
    LostOnTheWay,
}

/// Which numbers come next.
///
/// Sequence numbers of the *stream* have gaps where messages are gone; those of the *consumer* have
/// gaps where messages were lost on the way. Only the first is lag.
#[derive(Debug)]
pub(super) struct Order {
    /// The sequence number in the stream from which everything is still to come.
    pub(super) next: u64,
    /// How many messages the consumer has sent.
    sent: u64,
}

impl Order {
    pub(super) fn new(next: u64) -> Self {
        Self { next, sent: 0 }
    }

    /// A new consumer begins to count.
    pub(super) fn new_consumer(&mut self) {
        self.sent = 0;
    }

    /// The message `seq` of the stream, which is the `number`th of the consumer.
    pub(super) fn message(&mut self, seq: u64, number: u64) -> Verdict {
        if number != self.sent + 1 {
            return Verdict::LostOnTheWay;
        }
        self.sent = number;
        self.next = self.next.max(seq.saturating_add(1));
        Verdict::Right
    }

    /// The consumer has sent `sent` messages, and looked at all up to `seq`.
    pub(super) fn heartbeat(&mut self, seq: u64, sent: u64) -> Verdict {
        if sent != self.sent {
            return Verdict::LostOnTheWay;
        }
        self.next = self.next.max(seq.saturating_add(1));
        Verdict::Right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_never_exceeds_the_free_seats() {
        for limit in 1..40 {
            let mut seats = Seats::new(limit);
            let (mut free, mut due, mut random) = (limit, 0, fastrand::Rng::with_seed(7));
            for _ in 0..2_000 {
                match random.u8(..4) {
                    0 => due += seats.ask(free).unwrap_or(0),
                    1 if due > 0 => {
                        seats.filled();
                        (due, free) = (due - 1, free - 1);
                    }
                    2 if due > 0 => {
                        let unused = random.usize(1..=due);
                        seats.ended(unused);
                        due -= unused;
                    }
                    _ => free += usize::from(free < limit),
                }
                assert!(due <= free, "{due} of {free}");
                assert_eq!(seats.is_waiting(), due > 0);
            }
        }
    }

    #[test]
    fn a_request_is_always_possible_again() {
        for limit in 1..40 {
            let mut seats = Seats::new(limit);
            assert_eq!(seats.ask(limit), Some(limit));
            assert_eq!(seats.ask(limit), None);
            for _ in 0..limit {
                seats.filled();
            }
            let wanted = seats.wanted().unwrap();
            assert_eq!(seats.ask(wanted - 1), None, "{limit}");
            assert_eq!(seats.ask(wanted), Some(wanted), "{limit}");
        }
    }

    #[test]
    fn a_gap_of_the_stream_is_no_loss_on_the_way() {
        let mut order = Order::new(1);
        assert_eq!(order.message(1, 1), Verdict::Right);
        assert_eq!(order.message(50, 2), Verdict::Right);
        assert_eq!(order.heartbeat(60, 2), Verdict::Right);
        assert_eq!(order.next, 61);
    }

    #[test]
    fn a_gap_of_the_consumer_is_a_loss_on_the_way() {
        let mut order = Order::new(1);
        assert_eq!(order.message(1, 1), Verdict::Right);
        assert_eq!(order.message(3, 3), Verdict::LostOnTheWay);
        assert_eq!(order.heartbeat(3, 3), Verdict::LostOnTheWay);
        assert_eq!(order.next, 2);
        order.new_consumer();
        assert_eq!(order.message(2, 1), Verdict::Right);
    }

    #[test]
    fn numbers_at_the_end_do_not_overflow() {
        let mut order = Order::new(1);
        assert_eq!(order.message(u64::MAX, 1), Verdict::Right);
        assert_eq!(order.heartbeat(u64::MAX, 1), Verdict::Right);
        assert_eq!(order.next, u64::MAX);
    }
}
