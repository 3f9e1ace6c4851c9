//! The packed word of a oneshot channel: values and transitions, without any memory behind them.
//!
//! ```text
//! 63                                             6     5       4      3    2 .. 0
//! +-----------------------------------------------+---------+------+------+---------+
//! | generation: how many wakers were stored       | REPORTS | TX_W | RX_W |  phase  |
//! +-----------------------------------------------+---------+------+------+---------+
//! ```
//! All but the phase is used in the phase `Open` only; elsewhere it is zero. `REPORTS` is set from
//! the beginning, in the rounds of a [`Reusable`](super::Reusable): a sender that is dropped by a
//! panic says so.
//!
//! The generation makes every value of one channel's word unique: storing a waker raises it, and
//! every other transition clears a bit or moves to a later phase. So an exchange that succeeds
//! proves that nothing at all happened since the value it expects was loaded. (2^58 wakers would
//! have to be stored between a load and its exchange to deceive it: 9 years at one per
//! nanosecond.)
#![forbid(unsafe_code)]

use core::fmt;

/// One of the two ends of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Sender,
    Receiver,
}

/// The phase of the channel. The table in [`super::protocol`] has what each side may access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both ends are there, nothing is decided.
    Open,
    /// Both ends are there; the receiver takes no value any more.
    Closed,
    /// The sender is gone and left a value.
    Sent,
    /// The sender is gone and left nothing.
    TxGone,
    /// The receiver is gone.
    RxGone,
    /// The sender is gone and left nothing, since its thread panicked.
    TxPanicked,
}

/// A value of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    const PHASE: u64 = 0b111;
    const RX_WAKER: u64 = 1 << 3;
    const TX_WAKER: u64 = 1 << 4;
    const REPORTS: u64 = 1 << 5;
    const GENERATION: u64 = 1 << 6;

    /// Of a new channel.
    pub(super) const OPEN: Self = Self::of(Phase::Open);

    /// Of a round of a `Reusable` that begins.
    pub(super) const REOPENED: Self = Self(Self::OPEN.0 | Self::REPORTS);

    #[inline]
    const fn of(phase: Phase) -> Self {
        Self(match phase {
            Phase::Open => 0,
            Phase::Closed => 1,
            Phase::Sent => 2,
            Phase::TxGone => 3,
            Phase::RxGone => 4,
            Phase::TxPanicked => 5,
        })
    }

    #[inline]
    const fn waker_bit(side: Side) -> u64 {
        match side {
            Side::Sender => Self::TX_WAKER,
            Side::Receiver => Self::RX_WAKER,
        }
    }

    /// From the word.
    #[inline]
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// For the word.
    #[inline]
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(super) const fn phase(self) -> Phase {
        match self.0 & Self::PHASE {
            0 => Phase::Open,
            1 => Phase::Closed,
            2 => Phase::Sent,
            3 => Phase::TxGone,
            4 => Phase::RxGone,
            _ => Phase::TxPanicked,
        }
    }

    /// Whether neither end has closed or left.
    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.phase() == Phase::Open
    }

    /// Whether it is open, and no waker was ever stored.
    #[inline]
    pub(super) fn is_new(self) -> bool {
        self.0 & !Self::REPORTS == Self::OPEN.0
    }

    /// Whether a sender that is dropped by a panic says so.
    #[inline]
    pub(super) fn reports(self) -> bool {
        self.0 & Self::REPORTS != 0
    }

    /// Whether `side` has stored a waker.
    #[inline]
    pub(super) const fn has_waker(self, side: Side) -> bool {
        self.0 & Self::waker_bit(side) != 0
    }

    // Transitions. `None`: there is no such transition from here.

    /// `side` stores a waker.
    #[inline]
    pub(super) fn with_waker(self, side: Side) -> Option<Self> {
        let stored = Self((self.0 | Self::waker_bit(side)).wrapping_add(Self::GENERATION));
        (self.is_open() && !self.has_waker(side)).then_some(stored)
    }

    /// `side` takes its own waker back.
    #[inline]
    pub(super) fn without_waker(self, side: Side) -> Option<Self> {
        let taken = Self(self.0 & !Self::waker_bit(side));
        self.has_waker(side).then_some(taken)
    }

    /// The sender leaves a value and goes; takes both wakers.
    #[inline]
    pub(super) fn send(self) -> Option<Self> {
        self.is_open().then_some(Self::of(Phase::Sent))
    }

    /// The receiver closes; takes both wakers.
    #[inline]
    pub(super) fn close(self) -> Option<Self> {
        self.is_open().then_some(Self::of(Phase::Closed))
    }

    /// `side` goes; takes both wakers. `None`: the other is gone already.
    #[inline]
    pub(super) fn leave(self, side: Side) -> Option<Self> {
        match (side, self.phase()) {
            (Side::Sender, Phase::Open | Phase::Closed) => Some(Self::of(Phase::TxGone)),
            (Side::Receiver, Phase::Open | Phase::Closed) => Some(Self::of(Phase::RxGone)),
            (_, Phase::Sent | Phase::TxGone | Phase::RxGone | Phase::TxPanicked) => None,
        }
    }

    /// The sender goes while its thread panics, and says so; takes both wakers. `None`: it does not
    /// have to, or the receiver has closed or is gone.
    #[inline]
    pub(super) fn panic(self) -> Option<Self> {
        self.reports().then_some(Self::of(Phase::TxPanicked))
    }
}

/// The text of tokio's state word.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.phase();
        f.debug_struct("State")
            .field("is_complete", &matches!(phase, Phase::Sent | Phase::TxGone | Phase::TxPanicked))
            .field("is_closed", &matches!(phase, Phase::Closed | Phase::RxGone))
            .field("is_rx_task_set", &self.has_waker(Side::Receiver))
            .field("is_tx_task_set", &self.has_waker(Side::Sender))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RX: u64 = State::RX_WAKER;
    const TX: u64 = State::TX_WAKER;
    const REP: u64 = State::REPORTS;
    const GEN: u64 = State::GENERATION;

    const CLOSED: Option<State> = Some(State::of(Phase::Closed));
    const SENT: Option<State> = Some(State::of(Phase::Sent));
    const TX_GONE: Option<State> = Some(State::of(Phase::TxGone));
    const RX_GONE: Option<State> = Some(State::of(Phase::RxGone));
    const TX_PANICKED: Option<State> = Some(State::of(Phase::TxPanicked));

    const fn open(bits: u64) -> State {
        State(bits)
    }

    struct Row {
        from: State,
        with: [Option<State>; 2],
        without: [Option<State>; 2],
        send: Option<State>,
        close: Option<State>,
        leave: [Option<State>; 2],
        panic: Option<State>,
    }

    /// Pairs are `[by the sender, by the receiver]`. Every state with generation 0 has its row.
    #[rustfmt::skip]
    const TABLE: [Row; 13] = [
        Row { from: open(0),       with: [Some(open(GEN | TX)), Some(open(GEN | RX))],           without: [None, None],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: None },
        Row { from: open(RX),      with: [Some(open(GEN | RX | TX)), None],                      without: [None, Some(open(0))],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: None },
        Row { from: open(TX),      with: [None, Some(open(GEN | RX | TX))],                      without: [Some(open(0)), None],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: None },
        Row { from: open(RX | TX), with: [None, None],                                           without: [Some(open(RX)), Some(open(TX))],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: None },
        Row { from: open(REP),           with: [Some(open(GEN | REP | TX)), Some(open(GEN | REP | RX))], without: [None, None],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: TX_PANICKED },
        Row { from: open(REP | RX),      with: [Some(open(GEN | REP | RX | TX)), None],            without: [None, Some(open(REP))],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: TX_PANICKED },
        Row { from: open(REP | TX),      with: [None, Some(open(GEN | REP | RX | TX))],            without: [Some(open(REP)), None],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: TX_PANICKED },
        Row { from: open(REP | RX | TX), with: [None, None],                                     without: [Some(open(REP | RX)), Some(open(REP | TX))],
              send: SENT, close: CLOSED, leave: [TX_GONE, RX_GONE], panic: TX_PANICKED },
        Row { from: State::of(Phase::Closed), with: [None, None], without: [None, None],
              send: None, close: None, leave: [TX_GONE, RX_GONE], panic: None },
        Row { from: State::of(Phase::Sent),   with: [None, None], without: [None, None],
              send: None, close: None, leave: [None, None], panic: None },
        Row { from: State::of(Phase::TxGone), with: [None, None], without: [None, None],
              send: None, close: None, leave: [None, None], panic: None },
        Row { from: State::of(Phase::RxGone), with: [None, None], without: [None, None],
              send: None, close: None, leave: [None, None], panic: None },
        Row { from: State::of(Phase::TxPanicked), with: [None, None], without: [None, None],
              send: None, close: None, leave: [None, None], panic: None },
    ];

    const SIDES: [Side; 2] = [Side::Sender, Side::Receiver];

    #[test]
    fn follows_the_table() {
        for row in &TABLE {
            let from = row.from;
            for (i, side) in SIDES.into_iter().enumerate() {
                assert_eq!(from.with_waker(side), row.with[i], "{from:?} with {side:?}");
                assert_eq!(from.without_waker(side), row.without[i], "{from:?} {side:?}");
                assert_eq!(from.leave(side), row.leave[i], "{from:?} left by {side:?}");
            }
            assert_eq!(from.send(), row.send, "{from:?}");
            assert_eq!(from.close(), row.close, "{from:?}");
            assert_eq!(from.panic(), row.panic, "{from:?}");
        }
    }

    /// Every state that can be reached in five steps, generation apart, has its row; none has two.
    #[test]
    fn the_table_is_complete() {
        let mut reached = vec![State::OPEN, State::REOPENED];
        let mut frontier = reached.clone();
        for _ in 0..5 {
            frontier = frontier.into_iter().flat_map(successors).collect();
            frontier.sort_unstable_by_key(|state| state.0);
            frontier.dedup();
            reached.extend(&frontier);
        }
        let mut found: Vec<u64> = reached.iter().map(|state| state.0 % GEN).collect();
        found.sort_unstable();
        found.dedup();
        let mut rows: Vec<u64> = TABLE.iter().map(|row| row.from.0).collect();
        rows.sort_unstable();
        assert_eq!(found, rows);
    }

    /// No path visits a value twice: what the copy of a waker relies on.
    #[test]
    fn no_value_recurs() {
        fn walk(path: &mut Vec<State>, depth: usize) {
            let last = *path.last().expect("a path has a start");
            for next in successors(last) {
                assert!(!path.contains(&next), "{next:?} recurs");
                path.push(next);
                if depth > 0 {
                    walk(path, depth - 1);
                }
                path.pop();
            }
        }
        for start in [State::OPEN, State::REOPENED] {
            assert!(start.is_new());
            walk(&mut vec![start], if cfg!(miri) { 3 } else { 7 });
        }
    }

    /// The generation wraps round without touching the other fields.
    #[test]
    fn the_generation_wraps() {
        let last = State(!(GEN - 1));
        assert_eq!(last.with_waker(Side::Receiver), Some(State(RX)));
    }

    fn successors(state: State) -> Vec<State> {
        let of_side = SIDES.into_iter().flat_map(move |side| {
            [state.with_waker(side), state.without_waker(side), state.leave(side)]
        });
        of_side.chain([state.send(), state.close(), state.panic()]).flatten().collect()
    }
}
