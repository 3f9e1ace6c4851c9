//! What may happen next: two holds on one allocation, and the word that decides between them.
//!
//! # Layout
//! One allocation of exactly `32 + size_of::<T>()` bytes on a 64-bit machine, without a reference
//! count. Whichever of header and value has the stricter alignment comes first.
//! ```text
//! state  8   the packed word of `state.rs`: phase, two waker bits, generation
//! rx    16   the receiver's waker
//! tx     8   the sender's waker: a pointer, for few senders wait for `closed`
//! value      the value
//! ```
//!
//! # States
//! Who may touch what. "Whoever clears the bit" is the side whose exchange takes the waker.
//!
//! | phase  | value slot            | waker slots                              | allocation      |
//! |--------|-----------------------|------------------------------------------|-----------------|
//! | Open   | the sender            | bit clear: the side that waits there;    | both            |
//! |        |                       | bit set: whoever clears the bit          |                 |
//! | Closed | the sender            | empty                                    | both            |
//! | Sent   | the receiver          | empty                                    | the receiver's  |
//! | TxGone | nobody, it is empty   | empty                                    | the receiver's  |
//! | RxGone | the sender            | empty                                    | the sender's    |
//!
//! # Transitions
//! Every transition is one successful exchange, `Release`, of the very value that was loaded, with
//! `Acquire`; the pure functions are in `state.rs`.
//!
//! | from         | to      | by       | in                        | also                         |
//! |--------------|---------|----------|---------------------------|------------------------------|
//! | Open         | Sent    | sender   | `send`                    | wakes the receiver           |
//! | Open         | Closed  | receiver | `close`                   | wakes the sender             |
//! | Open, Closed | TxGone  | sender   | drop, `send` that failed  | wakes the receiver           |
//! | Open, Closed | RxGone  | receiver | drop, the end of receiving| wakes the sender             |
//! | Open         | Open    | either   | poll                      | stores or takes its own waker|
//!
//! # Invariants
//! - **I1** A side that has moved the phase to `Sent`, `TxGone` or `RxGone` never touches the
//!   allocation again. So these phases mean that the other side is alone, and no count is needed.
//! - **I2** The word never takes the same value twice (`state.rs`, "generation").
//! - **I3** By I2, an exchange that leaves `Open` and clears waker bits gets exactly the wakers that
//!   were copied between the load and the exchange: nobody stored another in between. That is why
//!   they can be copied *before* the hold is given up, and woken and dropped after it.
//! - **I4** A side stores a waker only while its bit is clear, and only its own.
//! - **I5** Outside `Open` no waker is stored: none outlives its end.
//!
//! # Progress
//! No lock and no waiting. An exchange is tried again only when the other side made a step in
//! between: twice for each waker it stores, and once for its end.
//!
//! # Unwinding
//! Wakers are cloned before a transition, and woken and dropped after it: one that panics finds
//! the channel in order and nothing held. A value that panics in its drop does not leak the
//! allocation.
//!
//! # Checked by
//! `state.rs` walks the table of transitions; `model.rs` runs the races under loom, where `life`
//! shows that nothing touches the allocation after it was freed; `tests/oneshot/` crosses the
//! actions of both ends and brings hostile wakers; `tests/memory_oneshot.rs` counts bytes.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::ptr::{self, NonNull};
use core::task::{Poll, Waker};
use std::alloc::{alloc, dealloc, handle_alloc_error};

use super::future::Closed;
use super::sender::Sender;
use super::state::{Phase, Side, State};
use crate::prim::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::prim::{IS_MODEL, UnsafeCell};
use crate::wait::waker_words::{WakerCopy, WakerWords};

/// What both ends share, next to the value.
struct Header {
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

#[cfg(target_pointer_width = "64")]
const _: () = assert!(IS_MODEL || size_of::<Header>() == 32);

/// The sender's hold on the channel.
pub(super) struct Tx<T>(Hold<T>);

/// The receiver's hold on the channel.
pub(super) struct Rx<T>(Hold<T>);

/// A hold on the channel, ended by [`Hold::leave`] or a successful [`Tx::send`].
///
/// The pointer makes it invariant in `T` and not unwind-safe, as a cell of `T` has to be.
struct Hold<T> {
    header: NonNull<Header>,
    value: PhantomData<*const UnsafeCell<T>>,
}

// SAFETY: the pointer keeps it from being automatic. The two holds move one value from one side to the
// other, which `T: Send` allows; the header is made of atomics, and wakers are Send and Sync.
unsafe impl<T: Send> Send for Hold<T> {}
// SAFETY: the pointer keeps it from being automatic. A shared hold reads the state only: the methods that
// do more are called with the hold borrowed mutably, or at its end.
unsafe impl<T: Send> Sync for Hold<T> {}

/// Creates a channel.
pub(super) fn channel<T>() -> (Tx<T>, Rx<T>) {
    let (layout, header_at, _) = Hold::<T>::PLACES;
    // SAFETY: the header has a size, so the layout has.
    let memory = unsafe { alloc(layout) };
    let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
    // SAFETY: the header lies within the allocation.
    let header = unsafe { memory.byte_add(header_at) }.cast::<Header>();
    let initial = Header {
        state: AtomicU64::new(State::OPEN.bits()),
        rx: WakerWords::new(),
        tx: AtomicPtr::new(ptr::null_mut()),
        life: UnsafeCell::new(()),
    };
    // SAFETY: `header` is aligned by the layout, within the allocation, and nobody else's yet.
    unsafe { header.write(initial) };
    let hold = || Hold { header, value: PhantomData };
    (Tx(hold()), Rx(hold()))
}

impl<T> Hold<T> {
    /// The allocation's layout, and where the header and the value are in it.
    const PLACES: (Layout, usize, usize) = {
        let (header, value) = (Layout::new::<Header>(), Layout::new::<UnsafeCell<T>>());
        let value_first = value.align() > header.align();
        let joined = if value_first { value.extend(header) } else { header.extend(value) };
        match joined {
            Ok((layout, second)) if value_first => (layout, second, 0),
            Ok((layout, second)) => (layout, 0, second),
            Err(_) => panic!("the value is too large to be allocated"),
        }
    };

    fn header(&self) -> &Header {
        // SAFETY: the header is freed only when this hold was ended (I1).
        let header = unsafe { self.header.as_ref() };
        header.life.with(|_| ());
        header
    }

    /// Where the allocation begins.
    fn memory(&self) -> NonNull<u8> {
        let (_, header_at, _) = Self::PLACES;
        // SAFETY: the header is that far into the allocation.
        unsafe { self.header.byte_sub(header_at) }.cast()
    }

    /// The value slot. It is memory only; the phase says who may use it and what is there.
    fn value(&self) -> NonNull<UnsafeCell<T>> {
        let (_, _, value_at) = Self::PLACES;
        // SAFETY: the value is that far into the allocation.
        unsafe { self.memory().byte_add(value_at) }.cast()
    }

    /// Moves the value out of its slot.
    ///
    /// # Safety
    /// The slot is this side's and holds a value, which nobody reads or drops after this.
    unsafe fn take_value(&self) -> T {
        // SAFETY: the slot holds an initialised cell.
        let cell = unsafe { self.value().as_ref() };
        // SAFETY: the slot is ours, and what is in it is taken once.
        cell.with_mut(|value| unsafe { value.read() })
    }

    fn state(&self) -> State {
        // ORDERING: Acquire pairs with the Release in `exchange`: what the other side did before
        // its step (the value, the words of its waker, all use of the memory) happened before.
        State::from_bits(self.header().state.load(Ordering::Acquire))
    }

    /// Makes the step `from` -> `to`, or gives the state that is there instead.
    fn exchange(&self, from: State, to: State) -> Result<(), State> {
        let state = &self.header().state;
        // ORDERING: Release pairs with the Acquire in `state` and with the Acquire on failure
        // here. A success needs no Acquire: `from` was loaded with it, and by I2 it is the same
        // write that is found now.
        let exchanged =
            state.compare_exchange(from.bits(), to.bits(), Ordering::Release, Ordering::Acquire);
        exchanged.map(drop).map_err(State::from_bits)
    }
}

// Wakers
impl<T> Hold<T> {
    /// Where the waker of `side` is kept, once there is a place.
    fn words(&self, side: Side) -> Option<&WakerWords> {
        let header = self.header();
        if side == Side::Receiver {
            return Some(&header.rx);
        }
        // ORDERING: Relaxed pairs with the store in `make_words`: the sender reads its own, and the
        // receiver asks only after an Acquire load found the waker bit, which was set after it.
        let tx = header.tx.load(Ordering::Relaxed);
        // SAFETY: null, or from the box in `make_words`, which is freed with the header.
        unsafe { tx.as_ref() }
    }

    /// Where `side`, the caller's own, keeps its waker.
    fn make_words(&self, side: Side) -> &WakerWords {
        self.words(side).unwrap_or_else(|| {
            let words = Box::into_raw(Box::new(WakerWords::new()));
            // ORDERING: Relaxed pairs with the load in `words`; the exchange that sets the waker
            // bit makes it visible.
            self.header().tx.store(words, Ordering::Relaxed);
            // SAFETY: it is from a box, and freed with the header, which `&self` keeps.
            unsafe { &*words }
        })
    }

    /// Copies the waker that `side` has stored according to `state`, which was loaded before.
    fn copy_waker(&self, state: State, side: Side) -> Option<WakerCopy> {
        let words = state.has_waker(side).then(|| self.words(side));
        words.flatten().map(WakerWords::copy)
    }

    /// Waits, as `side`, until the channel is not open any more. The waker of the latest call is
    /// the one that is woken.
    #[inline]
    fn poll_decided(&mut self, side: Side, waker: &Waker) -> Poll<()> {
        let state = self.state();
        if !state.is_open() {
            return Poll::Ready(());
        }
        if state.has_waker(side) && self.words(side).is_some_and(|words| words.will_wake(waker)) {
            return Poll::Pending;
        }
        self.replace_waker(side, state, waker.clone())
    }

    /// Stores `waker` in place of the one that `side` has stored before, if it has.
    #[inline]
    fn replace_waker(&mut self, side: Side, state: State, waker: Waker) -> Poll<()> {
        // The old one is kept until the new one is in place: dropping it is foreign code.
        let (mut state, _old) = self.take_own_waker(side, state);
        // By I4 the slot is ours now: the bit is clear.
        self.make_words(side).write(&waker);
        while let Some(stored) = state.with_waker(side) {
            match self.exchange(state, stored) {
                Ok(()) => {
                    // Whoever clears the bit owns it.
                    let _given = ManuallyDrop::new(waker);
                    return Poll::Pending;
                }
                Err(newer) => state = newer,
            }
        }
        Poll::Ready(())
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
impl<T> Hold<T> {
    /// Makes the step that `step` gives, as `side`; it takes both wakers. Wakes the peer, drops
    /// its own. Without such a step, gives the state.
    ///
    /// The step may end this hold: nothing of the channel is touched after it.
    fn decide(&self, side: Side, step: impl Fn(State) -> Option<State>) -> Result<(), State> {
        let peer = match side {
            Side::Sender => Side::Receiver,
            Side::Receiver => Side::Sender,
        };
        let mut state = self.state();
        loop {
            let next = step(state).ok_or(state)?;
            let (own, peers) = (self.copy_waker(state, side), self.copy_waker(state, peer));
            match self.exchange(state, next) {
                Ok(()) => {
                    // SAFETY: the exchange cleared the bit of a slot that was copied before it,
                    // and after the Acquire load of the value that it found (I3).
                    let _own = own.map(|copy| unsafe { copy.into_waker() });
                    // SAFETY: the same exchange cleared the peer's bit (I3).
                    let peers = peers.map(|copy| unsafe { copy.into_waker() });
                    if let Some(waker) = peers {
                        waker.wake();
                    }
                    return Ok(());
                }
                Err(newer) => state = newer,
            }
        }
    }

    /// Ends the hold of `side`. The one who comes last gets what is left.
    ///
    /// # Safety
    /// The hold is not used after this.
    unsafe fn leave(&self, side: Side) -> Option<Remains<'_, T>> {
        let last = self.decide(side, |state| state.leave(side)).err()?;
        Some(Remains { hold: self, phase: last.phase() })
    }
}

/// The channel of which the other side has gone; its drop frees the memory, but not the value.
struct Remains<'a, T> {
    hold: &'a Hold<T>,
    phase: Phase,
}

impl<T> Drop for Remains<'_, T> {
    fn drop(&mut self) {
        let (layout, _, _) = Hold::<T>::PLACES;
        let memory = self.hold.memory();
        let header = self.hold.header();
        // ORDERING: Relaxed, no pair: we are alone, by an Acquire load (I1).
        let tx = header.tx.load(Ordering::Relaxed);
        header.life.with_mut(|_| ());
        if !tx.is_null() {
            // SAFETY: it is from the box in `make_words`, and nobody else frees it.
            drop(unsafe { Box::from_raw(tx) });
        }
        // SAFETY: we are alone (I1), and nothing uses the header after this.
        unsafe { self.hold.header.drop_in_place() };
        // SAFETY: `channel` allocated it with this layout; we are alone (I1).
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

impl<T> Tx<T> {
    pub(super) fn is_closed(&self) -> bool {
        !self.0.state().is_open()
    }

    pub(super) fn poll_closed(&mut self, waker: &Waker) -> Poll<()> {
        self.0.poll_decided(Side::Sender, waker)
    }

    pub(super) fn send(self, value: T) -> Result<(), T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the slot is the sender's, and empty, before `Sent`.
        unsafe { this.0.value().write(UnsafeCell::new(value)) };
        if this.0.decide(Side::Sender, State::send).is_ok() {
            return Ok(());
        }
        // SAFETY: `Closed` or `RxGone`, so the slot is still the sender's; it was filled above.
        let value = unsafe { this.0.take_value() };
        drop(ManuallyDrop::into_inner(this));
        Err(value)
    }
}

impl<T> Drop for Tx<T> {
    fn drop(&mut self) {
        // SAFETY: this is the end of the hold. There is no value: a `send` that succeeds does not drop it,
        // and one that fails has taken its value out again.
        drop(unsafe { self.0.leave(Side::Sender) });
    }
}

impl<T> Rx<T> {
    pub(super) fn phase(&self) -> Phase {
        self.0.state().phase()
    }

    pub(super) fn poll_decided(&mut self, waker: &Waker) -> Poll<()> {
        self.0.poll_decided(Side::Receiver, waker)
    }

    /// Refuses a value that was not sent yet.
    pub(super) fn close(&mut self) {
        // An `Err` says that it is closed already, or that the sender has gone.
        let _ = self.0.decide(Side::Receiver, State::close);
    }

    /// Ends the hold and takes the value, if one was sent.
    pub(super) fn receive(self) -> Option<T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: this is the end of the hold.
        let remains = unsafe { this.0.leave(Side::Receiver) }?;
        // SAFETY: in `Sent` the slot is the receiver's and holds the value.
        (remains.phase == Phase::Sent).then(|| unsafe { remains.hold.take_value() })
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        // SAFETY: this is the end of the hold.
        let Some(remains) = (unsafe { self.0.leave(Side::Receiver) }) else {
            return;
        };
        if remains.phase == Phase::Sent {
            // SAFETY: in `Sent` the slot holds the value. It is dropped in place, for it may be
            // too large for the stack; if that panics, `remains` still frees the memory.
            unsafe { remains.hold.value().drop_in_place() };
        }
    }
}

impl<T> Closed<'_, T> {
    /// The sender, which does not move with the future and so is not pinned by it.
    pub(super) fn sender(self: Pin<&mut Self>) -> &mut Sender<T> {
        // SAFETY: the future itself is not moved; what is handed out is behind a reference.
        unsafe { self.get_unchecked_mut() }.sender
    }
}

impl<T> fmt::Debug for Hold<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("state", &self.state()).finish()
    }
}

impl<T> fmt::Debug for Tx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for Rx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
