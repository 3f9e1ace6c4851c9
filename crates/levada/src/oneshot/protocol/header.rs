//! What both ends share next to the value, and a side's link to it: nothing here depends on the
//! value's type. The invariants are those of [`super`].

use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::task::{Poll, Waker};
use std::thread::panicking;

use crate::oneshot::state::{Side, State};
use crate::prim::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::prim::{IS_MODEL, UnsafeCell};
use crate::util::{DropLast, run_last};
use crate::wait::waker_words::{WakerCopy, WakerWords};

/// What both ends share, next to the value.
pub(super) struct Header {
    /// A [`State`].
    state: AtomicU64,
    /// The receiver's waker.
    rx: WakerWords,
    /// Where the sender's waker is. Null until the sender first waits; written by it alone, and
    /// freed with the header.
    tx: AtomicPtr<WakerWords>,
    /// Read at every access and written when the memory is freed, so that loom checks that the
    /// former happen before the latter. Natively it has no size and does nothing.
    life: UnsafeCell<()>,
}

const _: () =
    assert!(IS_MODEL || cfg!(not(target_pointer_width = "64")) || size_of::<Header>() == 32);

impl Header {
    /// Of a new channel.
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU64::new(State::OPEN.bits()),
            rx: WakerWords::new(),
            tx: AtomicPtr::new(ptr::null_mut()),
            life: UnsafeCell::new(()),
        }
    }
}

/// A side's way to the header.
pub(super) struct Link(NonNull<Header>);

impl Link {
    /// # Safety
    /// The header is there as long as the link is used: until its side has made a step to `Sent`,
    /// `TxGone` or `RxGone`, or has freed it.
    #[inline]
    pub(super) unsafe fn new(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// Where the header is.
    #[inline]
    pub(super) fn place(&self) -> NonNull<Header> {
        self.0
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the header is there as long as the link is used (`new`).
        let header = unsafe { self.0.as_ref() };
        header.life.with(|_| ());
        header
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        // ORDERING: Acquire pairs with the Release in `exchange`: what the other side did before
        // its step (the value, the words of its waker, all use of the memory) happened before.
        State::from_bits(self.header().state.load(Ordering::Acquire))
    }

    /// Makes the step `from` -> `to`, or gives the state that is there instead.
    #[inline]
    fn exchange(&self, from: State, to: State) -> Result<(), State> {
        let state = &self.header().state;
        // ORDERING: Release pairs with the Acquire in `state` and with the Acquire on failure
        // here. A success needs no Acquire: `from` was loaded with it, and by I2 it is the same
        // write that is found now.
        let exchanged =
            state.compare_exchange(from.bits(), to.bits(), Ordering::Release, Ordering::Acquire);
        exchanged.map(drop).map_err(State::from_bits)
    }

    /// Begins the life of a channel anew.
    ///
    /// # Safety
    /// No side holds the channel: the sender has gone, and what was the receiver's hold is the
    /// caller's.
    #[inline]
    pub(super) unsafe fn reopen(&self) {
        let header = self.header();
        header.life.with_mut(|_| ());
        // ORDERING: Relaxed, no pair: we are alone, by an Acquire load (I1), and what gives the new
        // sender to another thread makes this visible to it.
        header.state.store(State::REOPENED.bits(), Ordering::Relaxed);
    }

    /// Ends the header's life. What the memory holds is not used after it.
    ///
    /// # Safety
    /// The caller's side is alone (I1), and this is called once.
    #[inline]
    pub(super) unsafe fn end(&self) {
        let header = self.header();
        // ORDERING: Relaxed, no pair: we are alone, by an Acquire load (I1).
        let tx = header.tx.load(Ordering::Relaxed);
        header.life.with_mut(|_| ());
        if !tx.is_null() {
            // SAFETY: it is from the box in `make_sender_words`, and it is freed once.
            drop(unsafe { Box::from_raw(tx) });
        }
        // SAFETY: we are alone (I1), and nothing uses the header after this.
        unsafe { self.0.drop_in_place() };
    }
}

// Wakers
impl Link {
    /// Where the waker of `side` is kept, once there is a place.
    #[inline]
    fn words(&self, side: Side) -> Option<&WakerWords> {
        let header = self.header();
        if side == Side::Receiver {
            return Some(&header.rx);
        }
        // ORDERING: Relaxed pairs with the store in `make_sender_words`: the sender reads its own,
        // and the receiver asks only after an Acquire load found the waker bit, which was set after
        // it.
        let tx = header.tx.load(Ordering::Relaxed);
        // SAFETY: null, or from the box in `make_sender_words`, which is freed with the header.
        unsafe { tx.as_ref() }
    }

    /// Where `side`, the caller's own, keeps its waker.
    #[inline]
    fn make_words(&self, side: Side) -> &WakerWords {
        // Not by a closure: what is done seldom stays out of line.
        match self.words(side) {
            Some(words) => words,
            None => self.make_sender_words(),
        }
    }

    #[cold]
    fn make_sender_words(&self) -> &WakerWords {
        let words = Box::into_raw(Box::new(WakerWords::new()));
        // ORDERING: Relaxed pairs with the load in `words`; the exchange that sets the waker
        // bit makes it visible.
        self.header().tx.store(words, Ordering::Relaxed);
        // SAFETY: it is from a box, and freed with the header, which `&self` keeps.
        unsafe { &*words }
    }

    /// Copies the waker that `side` has stored according to `state`, which was loaded before.
    #[inline]
    fn copy_waker(&self, state: State, side: Side) -> Option<WakerCopy> {
        let words = state.has_waker(side).then(|| self.words(side));
        words.flatten().map(WakerWords::copy)
    }

    /// Waits, as `side`, for the end of the `state` that is open. The waker of the latest call is
    /// the one that is woken. Ready with the state that came of it.
    #[inline]
    pub(super) fn wait(&mut self, side: Side, state: State, waker: &Waker) -> Poll<State> {
        if state.has_waker(side) {
            return self.wait_again(side, state, waker);
        }
        self.store_waker(side, state, waker.clone())
    }

    /// The same for a side that has stored a waker before.
    #[cold]
    fn wait_again(&mut self, side: Side, state: State, waker: &Waker) -> Poll<State> {
        if self.words(side).is_some_and(|words| words.will_wake(waker)) {
            return Poll::Pending;
        }
        let waker = waker.clone();
        // The old one is kept until the new one is in place: dropping it is foreign code.
        let (state, old) = self.take_own_waker(side, state);
        let _old = DropLast(old);
        self.store_waker(side, state, waker)
    }

    /// Stores the waker of `side`, whose bit is clear in `state`: by I4 the slot is its own.
    #[inline]
    fn store_waker(&mut self, side: Side, mut state: State, waker: Waker) -> Poll<State> {
        self.make_words(side).write(&waker);
        while let Some(stored) = state.with_waker(side) {
            match self.exchange(state, stored) {
                Ok(()) => {
                    // The side that clears the bit owns the waker.
                    let _given = ManuallyDrop::new(waker);
                    return Poll::Pending;
                }
                Err(newer) => state = newer,
            }
        }
        Poll::Ready(state)
    }

    /// Takes the waker back that `side`, the caller's own, has stored, unless the other side did;
    /// and gives the state then. `state` was loaded before.
    #[inline]
    fn take_own_waker(&mut self, side: Side, mut state: State) -> (State, Option<Waker>) {
        while let Some(cleared) = state.without_waker(side) {
            let copy = self.copy_waker(state, side);
            match self.exchange(state, cleared) {
                Ok(()) => {
                    // SAFETY: the exchange cleared the bit of a slot that was copied before it,
                    // and after the Acquire load of the value that it found (I3).
                    let waker = copy.map(|copy| unsafe { copy.into_waker() });
                    return (cleared, waker);
                }
                Err(newer) => state = newer,
            }
        }
        (state, None)
    }
}

// The end
impl Link {
    /// Makes the step that `step` gives, as `side`; it takes both wakers. Wakes the peer, drops
    /// its own. Without such a step, gives the state.
    ///
    /// The step may end this link: nothing of the channel is touched after it.
    #[inline]
    pub(super) fn decide(
        &self,
        side: Side,
        step: impl Fn(State) -> Option<State>,
    ) -> Result<(), State> {
        let mut state = self.state();
        let next = step(state).ok_or(state)?;
        // The usual case: neither side has waited.
        if state.is_new() {
            match self.exchange(state, next) {
                Ok(()) => return Ok(()),
                Err(newer) => state = newer,
            }
        }
        self.decide_from(state, side, step)
    }

    /// As [`decide`](Self::decide), for a sender that goes without a value.
    #[inline]
    pub(super) fn leave_sender(&self) -> Result<(), State> {
        let mut state = self.state();
        let next = state.leave(Side::Sender).ok_or(state)?;
        // Not in a round of a `Reusable`: only there it matters whether the thread panics.
        if state == State::OPEN {
            match self.exchange(state, next) {
                Ok(()) => return Ok(()),
                Err(newer) => state = newer,
            }
        }
        self.decide_from(state, Side::Sender, |state| {
            let panic = if state.reports() && panicking() { state.panic() } else { None };
            panic.or_else(|| state.leave(Side::Sender))
        })
    }

    /// The same from any state, with wakers to be taken along.
    #[inline(never)]
    fn decide_from(
        &self,
        mut state: State,
        side: Side,
        step: impl Fn(State) -> Option<State>,
    ) -> Result<(), State> {
        let peer = match side {
            Side::Sender => Side::Receiver,
            Side::Receiver => Side::Sender,
        };
        loop {
            let next = step(state).ok_or(state)?;
            let (own, peers) = (self.copy_waker(state, side), self.copy_waker(state, peer));
            match self.exchange(state, next) {
                Ok(()) => {
                    // SAFETY: the exchange cleared the bit of a slot that was copied before it,
                    // and after the Acquire load of the value that it found (I3).
                    let _own = DropLast(own.map(|copy| unsafe { copy.into_waker() }));
                    // SAFETY: the same exchange cleared the peer's bit (I3).
                    let peers = peers.map(|copy| unsafe { copy.into_waker() });
                    if let Some(waker) = peers {
                        run_last(|| waker.wake());
                    }
                    return Ok(());
                }
                Err(newer) => state = newer,
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("state", &self.state()).finish()
    }
}
