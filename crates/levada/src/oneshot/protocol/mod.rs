//! The protocol: two owners of one allocation, and the atomic word that decides between them.
//!
//! # Layout
//! One allocation of exactly `32 + size_of::<T>()` bytes on a 64-bit machine, without a reference
//! count. Whichever of header and value has the stricter alignment comes first.
//! ```text
//! state  8   the packed word of `state.rs`: phase, two waker bits, generation
//! rx    16   the receiver's waker
//! tx     8   the sender's waker: a pointer, since few senders wait for `closed`
//! value      the value
//! ```
//!
//! # States
//! The side that may access each part. A set waker bit is cleared by an exchange of either side,
//! which takes the waker.
//!
//! | phase  | value slot            | waker slots                              | allocation      |
//! |--------|-----------------------|------------------------------------------|-----------------|
//! | Open   | the sender            | bit clear: the side that waits there;    | both            |
//! |        |                       | bit set: the side that clears it         |                 |
//! | Closed | the sender            | empty                                    | both            |
//! | Sent   | the receiver          | empty                                    | the receiver's  |
//! | TxGone | neither: it is empty  | empty                                    | the receiver's  |
//! | RxGone | the sender            | empty                                    | the sender's    |
//! | TxPanicked: as TxGone          | empty                                    | the receiver's  |
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
//! | Open         | TxPanicked | sender | drop while its thread panics, in a round | wakes the receiver |
//! | Open, Closed | RxGone  | receiver | drop, the end of receiving| wakes the sender             |
//! | Open         | Open    | either   | poll                      | stores or takes its own waker|
//! | Sent, TxGone, TxPanicked | Open | receiver | a round of a `Reusable` begins | none: it is alone |
//!
//! # Rounds
//! A [`Reusable`](super::Reusable) keeps the allocation of a round for the next one, if the sender
//! has gone by then: the receiver is alone (I1), and makes a channel of it again. If the sender is
//! still there, the receiver leaves instead, as any other does: the sender of an earlier round
//! finds `RxGone`, and frees the allocation. So one allocation never has the senders of two rounds,
//! and no number of the round is needed to tell them apart. The waker words of a sender that has
//! waited are kept with the allocation.
//!
//! # Invariants
//! - **I1** A side that has moved the phase to `Sent`, `TxGone`, `TxPanicked` or `RxGone` never
//!   touches the allocation again. So these phases mean that the other side is alone, and no count
//!   is needed.
//! - **I2** The word never takes the same value twice in a round (`state.rs`, "generation"); and
//!   when the next one begins no side has a value that it loaded before.
//! - **I3** By I2, an exchange that leaves `Open` and clears waker bits gets exactly the wakers
//!   that were copied between the load and the exchange: neither side stored another in between. So
//!   they can be copied *before* the hold is given up, and woken and dropped after it.
//! - **I4** A side stores a waker only while its bit is clear, and only its own.
//! - **I5** Outside `Open` no waker is stored: none outlives its end.
//!
//! # Progress
//! No lock and no waiting. An exchange is tried again only when the other side made a step in
//! between: twice for each waker it stores, and once for its end.
//!
//! # Unwinding
//! Wakers are cloned before a transition, and woken and dropped after it: one that panics finds the
//! channel in order and nothing held. If both wakers are handled, the other side's comes first,
//! both are handled before the first panic resumes, and no panic resumes while the thread is
//! unwinding. A value that panics in its drop does not leak the allocation.
//!
//! # Checked by
//! `state.rs` walks the table of transitions; `model.rs` runs the races under loom, where `life`
//! shows that nothing touches the allocation after it was freed; `tests/oneshot/` crosses the
//! actions of both ends and brings hostile wakers; `tests/oneshot/memory.rs` counts bytes.

mod header;

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Poll, Waker};
use std::alloc::{alloc, dealloc, handle_alloc_error};

use self::header::{Header, Link};
use super::future::Closed;
use super::sender::Sender;
use super::state::{Phase, Side, State};
use crate::observe::WaitRecord;
use crate::prim::UnsafeCell;

/// The sender's hold on the channel.
pub(super) struct Tx<T>(Hold<T>);

/// The receiver's hold on the channel.
pub(super) struct Rx<T>(Hold<T>);

/// A hold on the channel, ended by [`Hold::leave`], [`Hold::free`] or a successful [`Tx::send`].
///
/// The pointer makes it invariant in `T` and not unwind-safe, as a cell of `T` has to be.
struct Hold<T> {
    link: Link,
    value: PhantomData<*const UnsafeCell<T>>,
}

// SAFETY: the pointer keeps it from being automatic. The two holds move one value from one side to
// the other, which `T: Send` allows; the header is made of atomics, and wakers are Send and Sync.
unsafe impl<T: Send> Send for Hold<T> {}
// SAFETY: the pointer keeps it from being automatic. A shared hold reads the state only: the
// methods that do more are called with the hold borrowed mutably, or at its end.
unsafe impl<T: Send> Sync for Hold<T> {}

/// The allocation of a channel that has no ends: of a `Reusable` between two rounds.
pub(super) struct Idle<T>(Hold<T>);

/// Creates a channel.
#[inline]
pub(super) fn channel<T>() -> (Tx<T>, Rx<T>) {
    let hold = Hold::new();
    // SAFETY: the header is there until both holds have ended, and the one that ends last frees it.
    (Tx(unsafe { hold.again() }), Rx(hold))
}

impl<T> Hold<T> {
    /// The only hold on a new channel.
    #[inline]
    fn new() -> Self {
        let (layout, header_at, _) = Self::PLACES;
        // SAFETY: the header has a size, so the layout has.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        // SAFETY: the header lies within the allocation.
        let header = unsafe { memory.byte_add(header_at) }.cast::<Header>();
        // SAFETY: `header` is aligned by the layout, within the allocation, and not shared yet.
        unsafe { header.write(Header::new()) };
        // SAFETY: the header is there until the last hold has ended, which frees it.
        Self { link: unsafe { Link::new(header) }, value: PhantomData }
    }

    /// Another hold on the channel, or this one in another type.
    ///
    /// # Safety
    /// There are no more holds that are used than sides; the one that ends last frees the memory.
    #[inline]
    unsafe fn again(&self) -> Self {
        // SAFETY: the header is there as long as there is a hold (the caller).
        Self { link: unsafe { Link::new(self.link.place()) }, value: PhantomData }
    }

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

    /// Where the allocation begins.
    #[inline]
    fn memory(&self) -> NonNull<u8> {
        let (_, header_at, _) = Self::PLACES;
        // SAFETY: the header is that far into the allocation.
        unsafe { self.link.place().byte_sub(header_at) }.cast()
    }

    /// The value slot. It is memory only; the phase decides which side may access it, and its
    /// content.
    #[inline]
    fn value(&self) -> NonNull<UnsafeCell<T>> {
        let (_, _, value_at) = Self::PLACES;
        // SAFETY: the value is that far into the allocation.
        unsafe { self.memory().byte_add(value_at) }.cast()
    }

    /// Moves the value out of its slot.
    ///
    /// # Safety
    /// The slot is this side's and holds a value, which is neither read nor dropped after this.
    #[inline]
    unsafe fn take_value(&self) -> T {
        // SAFETY: the slot holds an initialised cell.
        let cell = unsafe { self.value().as_ref() };
        // SAFETY: the slot is ours, and what is in it is taken once.
        cell.with_mut(|value| unsafe { value.read() })
    }

    /// Waits, as `side`, until the channel is not open any more, and gives the state then. The
    /// waker of the latest call is the one that is woken.
    #[inline]
    fn poll_decided(&mut self, side: Side, waker: &Waker) -> Poll<State> {
        let state = self.link.state();
        if state.is_open() { self.link.wait(side, state, waker) } else { Poll::Ready(state) }
    }

    /// Ends the hold of `side`. The last side has to [`free`](Self::free) the memory, and gets the
    /// phase that the other side left.
    ///
    /// # Safety
    /// The hold is not used after this, unless it is the last.
    #[inline]
    unsafe fn leave(&self, side: Side) -> Option<Phase> {
        let left = match side {
            Side::Sender => self.link.leave_sender(),
            Side::Receiver => self.link.decide(side, |state| state.leave(Side::Receiver)),
        };
        left.err().map(State::phase)
    }

    /// Frees the memory, but not the value.
    ///
    /// # Safety
    /// The other side has gone, and the hold is not used after this.
    #[inline]
    unsafe fn free(&self) {
        let (layout, _, _) = Self::PLACES;
        let memory = self.memory();
        // SAFETY: the other side has gone, so we are alone (I1).
        unsafe { self.link.end() };
        // SAFETY: `channel` allocated it with this layout; we are alone (I1).
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

impl<T> Tx<T> {
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        !self.0.link.state().is_open()
    }

    #[inline]
    pub(super) fn poll_closed(&mut self, waker: &Waker) -> Poll<()> {
        self.0.poll_decided(Side::Sender, waker).map(drop)
    }

    #[inline]
    pub(super) fn send(self, value: T) -> Result<(), T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the slot is the sender's, and empty, before `Sent`.
        unsafe { this.0.value().write(UnsafeCell::new(value)) };
        if this.0.link.decide(Side::Sender, State::send).is_ok() {
            return Ok(());
        }
        // SAFETY: `Closed` or `RxGone`, so the slot is still the sender's; it was filled above.
        let value = unsafe { this.0.take_value() };
        drop(ManuallyDrop::into_inner(this));
        Err(value)
    }
}

impl<T> Drop for Tx<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the end of the hold.
        if unsafe { self.0.leave(Side::Sender) }.is_some() {
            // SAFETY: the receiver has gone. There is no value: a `send` that succeeds does not
            // drop the hold, and one that fails has taken its value out again.
            unsafe { self.0.free() };
        }
    }
}

impl<T> Rx<T> {
    #[inline]
    pub(super) fn state(&self) -> State {
        self.0.link.state()
    }

    #[inline]
    pub(super) fn poll_decided(&mut self, waker: &Waker) -> Poll<State> {
        self.0.poll_decided(Side::Receiver, waker)
    }

    /// Refuses a value that was not sent yet.
    pub(super) fn close(&mut self) {
        // An `Err` says that it is closed already, or that the sender has gone.
        let _ = self.0.link.decide(Side::Receiver, State::close);
    }

    /// Ends the hold and takes the value, if one was sent, or else gives `error`. `state` was
    /// loaded before.
    #[inline]
    pub(super) fn receive<E>(self, state: State, error: E) -> Result<T, E> {
        if state.phase() != Phase::Sent {
            // Its drop finds a value that was sent since, if `state` was open.
            drop(self);
            return Err(error);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: in `Sent`, which is for good, the slot is the receiver's and holds the value.
        let value = Ok(unsafe { this.0.take_value() });
        // SAFETY: in `Sent` the sender has gone, and this is the end of the hold.
        unsafe { this.0.free() };
        value
    }
}

impl<T> Drop for Rx<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the end of the hold.
        drop(unsafe { self.end() });
    }
}

// Rounds

impl<T> Rx<T> {
    /// Ends the hold, and drops a value that was sent. Gives the allocation if the sender has gone;
    /// if not, the sender frees it.
    ///
    /// # Safety
    /// The hold is not used after this.
    #[inline]
    unsafe fn end(&self) -> Option<Idle<T>> {
        // SAFETY: this is the end of the hold.
        let phase = unsafe { self.0.leave(Side::Receiver) }?;
        // SAFETY: the sender has gone (I1), and this hold is not used any more.
        let idle = Idle(unsafe { self.0.again() });
        if phase == Phase::Sent {
            // SAFETY: in `Sent` the slot holds the value. It is dropped in place, for it may be
            // too large for the stack; if that panics, `idle` still frees the memory.
            unsafe { idle.0.value().drop_in_place() };
        }
        Some(idle)
    }

    /// Ends the hold, and drops a value that was sent. Gives the allocation if the sender has gone;
    /// if not, the sender learns that the receiver is gone.
    #[inline]
    pub(super) fn recycle(self) -> Option<Idle<T>> {
        // SAFETY: the hold is forgotten.
        unsafe { ManuallyDrop::new(self).end() }
    }

    /// The same, but gives the value, too, if one was sent. `state` was loaded before.
    #[inline]
    pub(super) fn finish(self, state: State) -> (Option<T>, Option<Idle<T>>) {
        if state.phase() != Phase::Sent {
            return (None, self.recycle());
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: in `Sent`, which is for good, the slot is the receiver's and holds the value.
        let value = unsafe { this.0.take_value() };
        // SAFETY: in `Sent` the sender has gone (I1), and this hold is forgotten.
        let idle = Idle(unsafe { this.0.again() });
        (Some(value), Some(idle))
    }
}

impl<T> Idle<T> {
    #[inline]
    pub(super) fn new() -> Self {
        Self(Hold::new())
    }

    /// Begins a round: a channel whose sender says whether it was dropped by a panic.
    #[inline]
    pub(super) fn open(self) -> (Tx<T>, Rx<T>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: no side holds the channel.
        unsafe { this.0.link.reopen() };
        // SAFETY: with the next one, the holds of its two sides; this one is forgotten.
        let tx = Tx(unsafe { this.0.again() });
        // SAFETY: as above.
        (tx, Rx(unsafe { this.0.again() }))
    }
}

impl<T> Drop for Idle<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the sender has gone or there was none; there is no value, and no other hold.
        unsafe { self.0.free() };
    }
}

impl<T> Closed<'_, T> {
    /// The sender, which does not move with the future and so is not pinned by it, and the record
    /// of the wait, which need not be pinned.
    pub(super) fn parts(self: Pin<&mut Self>) -> (&mut Sender<T>, &mut WaitRecord) {
        // SAFETY: the future itself is not moved, nor what has to stay where it is.
        let this = unsafe { self.get_unchecked_mut() };
        (this.sender, &mut this.wait)
    }
}

impl<T> fmt::Debug for Tx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.link.fmt(f)
    }
}

impl<T> fmt::Debug for Rx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.link.fmt(f)
    }
}
