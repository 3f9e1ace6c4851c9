//! First-in, first-out storage that is as large as what is in it: a chain of rings.
//!
//! # Layout
//! ```text
//!   Consumer                                        Producer
//!   segment, head, limit                            segment, base, tail, room
//!      |                                               |
//!      v                                               v
//!   [inline, 64 bytes] --next, end--> [ring of n] --next, end--> [ring of 2n]
//! ```
//! Positions count messages from the beginning of the channel and wrap. A segment is a ring whose
//! length is a power of two; the message at position `p` is in slot `p % len`. While a segment has
//! room it is used round and round, by producer and consumer at once. When it is full the producer
//! links a longer one and goes on there, and the consumer follows when it has emptied the old one.
//! So a channel that is used lightly stays in its first few cache lines, and in steady state no
//! memory is allocated: the largest ring is used in circles or, when even that is too short, the
//! one the consumer has emptied is handed back to the producer.
//!
//! One producer at a time (callers hold a lock), one consumer at a time, both at once. The three
//! parts are separate so that the channel can lay them out on cache lines of their own.
//!
//! # Invariants
//! - **I1** Slots of positions in `head..tail` are initialised and belong to the consumer; all
//!   others are uninitialised and belong to the producer.
//! - **I2** The producer advances `tail` after it wrote the slot, with Release. The consumer loads
//!   it with Acquire before it reads the slot.
//! - **I3** The consumer's caller publishes `head` with Release after the slot was read. The
//!   producer's caller loads it with Acquire and passes it in before the slot is written again.
//! - **I4** `end` of a segment is written before `next` is published and never changes after.
//! - **I5** A segment is freed, or handed back, by the consumer after it followed `next`: at that
//!   point the producer has left the segment for good.
//!
//! # Progress
//! Both sides are wait-free, but for the allocation of a segment, which its caller does outside
//! the lock.
//!
//! # Checked by
//! `tests` and `model` below.

use core::mem::{MaybeUninit, offset_of};
use core::ptr;

use crate::prim::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use crate::prim::{IS_LOOM, UnsafeCell, uninit_slots};
use crate::util::{LINE, Pad};

/// Bytes of message storage inside the channel's own allocation: a small queue costs no second one.
const INLINE_BYTES: usize = 64;
/// Alignment of the inline storage; messages that need more go to the heap.
const INLINE_ALIGN: usize = 16;
/// Bytes of the first segment on the heap.
const FIRST_BYTES: usize = 256;
/// Bytes after which segments grow no more: what an emptied channel may keep, twice.
const LAST_BYTES: usize = 32 * 1024;
/// The same without a bound. There are many such channels, each with a backlog once: what is
/// allocated and freed meanwhile costs less than what they would keep.
const LAST_BYTES_UNBOUNDED: usize = 4 * 1024;
/// Unless messages are so large that this many do not fit.
const LAST_LEN_MIN: usize = 4;

type Slot<T> = UnsafeCell<MaybeUninit<T>>;

/// Where positions begin. With debug assertions so near their end that every test with a dozen
/// messages goes over it: with 32 bits, a service does after four thousand million messages.
pub(crate) const START: usize = if cfg!(debug_assertions) { usize::MAX - 9 } else { 0 };

/// How a segment leads to the next.
struct Link<T> {
    next: AtomicPtr<Segment<T>>,
    /// Position at which `next` takes over (I4).
    end: UnsafeCell<usize>,
}

impl<T> Link<T> {
    fn new() -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()), end: UnsafeCell::new(0) }
    }
}

/// A segment on the heap. The first one is not: its slots are in [`Inline`].
struct Segment<T> {
    link: Link<T>,
    slots: Box<[Slot<T>]>,
}

/// Raw storage for the slots of the first segment.
#[repr(C, align(16))]
struct Inline {
    bytes: UnsafeCell<MaybeUninit<[u8; INLINE_BYTES]>>,
}

impl Inline {
    fn new() -> Self {
        const { assert!(align_of::<Self>() >= INLINE_ALIGN) }
        Self { bytes: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// How many slots fit, rounded down to a power of two; loom wants cells of its own instead.
    const fn len<T>() -> usize {
        let fits = if size_of::<T>() == 0 { INLINE_BYTES } else { INLINE_BYTES / size_of::<T>() };
        let is_too_large = fits == 0 || align_of::<T>() > INLINE_ALIGN;
        if IS_LOOM || is_too_large { 0 } else { 1 << fits.ilog2() }
    }

    fn slots<T>(&self) -> *const Slot<T> {
        // loom would take it for an access.
        if IS_LOOM {
            return ptr::null();
        }
        self.bytes.with_mut(|bytes| bytes.cast_const().cast())
    }
}

/// The part both sides share.
///
/// From the first call with one of its sides to [`Consumer::free`] it stays where it is and is only
/// shared, never borrowed mutably: both sides keep pointers into [`Inline`].
#[repr(C)]
pub(crate) struct Chain<T> {
    /// No segment longer than this: the channel's capacity, or what [`LAST_BYTES`] allows.
    last_len: usize,
    /// Messages at a time.
    capacity: usize,
    /// A segment of the last length that the consumer has emptied, for the producer to use again.
    spare: AtomicPtr<Segment<T>>,
    first: Link<T>,
    /// To a line of its own from whatever stands before the chain.
    _pad: Pad<{ LINE - 5 * size_of::<usize>() }>,
    tail: AtomicUsize,
    /// Segments there have been, modulo 2^32; so that the consumer need not look at its own segment
    /// to know that it is the last.
    segments: AtomicU32,
    inline: Inline,
}

// SAFETY: atomic pointers would be sent whatever they lead to; here it is messages, so `T: Send`.
unsafe impl<T: Send> Send for Chain<T> {}
// SAFETY: the cells keep it from being automatic. Threads that share the chain access them only
// through one of its two sides, as I1 and I4 say: messages are moved from thread to thread
// (`T: Send`), never shared.
unsafe impl<T: Send> Sync for Chain<T> {}

/// The producer's part, kept under the channel's lock. A null segment means the first one.
pub(crate) struct Producer<T> {
    slots: *const Slot<T>,
    mask: usize,
    tail: usize,
    /// Slots known to be free: pushes that need not look at `head`.
    room: usize,
    /// Position at which the segment was begun.
    base: usize,
    segment: *mut Segment<T>,
}

// SAFETY: the pointers keep it from being automatic. They lead into the chain and its segments,
// which outlive them (I5), and to slots that are the producer's alone (I1), for messages that are
// Send.
unsafe impl<T: Send> Send for Producer<T> {}

/// The consumer's part, used by one thread at a time. A null segment means the first one.
pub(crate) struct Consumer<T> {
    slots: *const Slot<T>,
    mask: u32,
    /// The number of its segment, from 1, modulo 2^32; 0 before it has looked at the first.
    number: u32,
    head: usize,
    /// Messages before this position are known to be there, in this segment.
    limit: usize,
    segment: *mut Segment<T>,
}

// SAFETY: the pointers keep it from being automatic. They lead into the chain and its segments,
// which outlive them (I5), and to slots that are the consumer's alone (I1), with messages that are
// Send.
unsafe impl<T: Send> Send for Consumer<T> {}

/// A segment that was allocated outside the lock and waits to be linked.
pub(crate) struct Fresh<T>(Box<Segment<T>>);

/// Segments that the consumer has left behind, linked by `next`; dropping this frees them.
pub(crate) struct Emptied<T>(*mut Segment<T>);

impl<T> Default for Emptied<T> {
    #[inline(always)]
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl<T> Emptied<T> {
    /// Adds a segment that nothing else points to.
    fn push(&mut self, segment: Box<Segment<T>>) {
        // ORDERING: Relaxed, no pair: the segment is this list's alone.
        segment.link.next.store(self.0, Ordering::Relaxed);
        self.0 = Box::into_raw(segment);
    }

    #[cold]
    fn free(&mut self) {
        while !self.0.is_null() {
            // SAFETY: `push` made it by `Box::into_raw`, and it is this list's alone.
            let segment = unsafe { Box::from_raw(self.0) };
            // ORDERING: Relaxed, no pair: as in `push`.
            self.0 = segment.link.next.load(Ordering::Relaxed);
        }
    }
}

impl<T> Drop for Emptied<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.0.is_null() {
            self.free();
        }
    }
}

impl<T> Chain<T> {
    /// Where that begins which both sides use all the time, in bytes from the chain's beginning.
    pub(crate) const TAIL: usize = offset_of!(Self, tail);

    /// Storage for up to `capacity` messages at a time, or any number for `usize::MAX`; the caller
    /// keeps count.
    pub(crate) fn new(capacity: usize) -> Self {
        let (needed, bytes) = match capacity.checked_next_power_of_two() {
            Some(needed) => (needed, LAST_BYTES),
            None => (usize::MAX, LAST_BYTES_UNBOUNDED),
        };
        let fits = (bytes / size_of::<T>().max(1)).max(LAST_LEN_MIN);
        Self {
            tail: AtomicUsize::new(START),
            segments: AtomicU32::new(1),
            spare: AtomicPtr::new(ptr::null_mut()),
            first: Link::new(),
            inline: Inline::new(),
            _pad: Pad::new(),
            last_len: needed.min(1 << fits.ilog2()),
            capacity,
        }
    }

    /// What [`new`](Self::new) was called with.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Messages ever pushed, modulo 2^64.
    #[inline]
    pub(crate) fn tail(&self) -> usize {
        // ORDERING: Acquire pairs with the Release store in `Producer::publish` (I2).
        self.tail.load(Ordering::Acquire)
    }

    /// A longer segment than the producer's, for when [`Producer::make_room`] found none.
    /// Allocates.
    pub(crate) fn grow(&self, len: usize) -> Fresh<T> {
        let first = (FIRST_BYTES / size_of::<T>().max(1)).max(1);
        let len = (len * 2).max(1 << first.ilog2()).min(self.last_len);
        Fresh(Box::new(Segment { link: Link::new(), slots: uninit_slots(len) }))
    }

    /// # Safety
    /// `segment` is null or a segment of this chain that is not freed.
    unsafe fn locate(&self, segment: *mut Segment<T>) -> (&Link<T>, *const Slot<T>, usize) {
        if segment.is_null() {
            return (&self.first, self.inline.slots(), Inline::len::<T>());
        }
        // SAFETY: by contract it is alive, and segments are only ever shared.
        let segment = unsafe { &*segment };
        (&segment.link, segment.slots.as_ptr(), segment.slots.len())
    }
}

impl<T> Producer<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: ptr::null(),
            mask: 0,
            tail: START,
            room: 0,
            base: START,
            segment: ptr::null_mut(),
        }
    }

    /// Messages ever pushed.
    #[inline]
    pub(crate) fn tail(&self) -> usize {
        self.tail
    }

    /// How often [`push`](Self::push) may be called.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Looks for room: slots the consumer has emptied, or a spare segment. Otherwise answers with
    /// the length of the segment that is too short, for [`Chain::grow`].
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel; `head` was loaded from its consumer's published
    /// position with Acquire (I3).
    pub(crate) unsafe fn make_room(&mut self, chain: &Chain<T>, head: usize) -> Result<(), usize> {
        // SAFETY: the producer's own segment is freed only after it was left (I5).
        let (_, slots, len) = unsafe { chain.locate(self.segment) };
        let used = self.tail.wrapping_sub(self.base).min(self.tail.wrapping_sub(head));
        if used < len {
            self.slots = slots;
            self.mask = len - 1;
            self.room = len - used;
            return Ok(());
        }
        // ORDERING: Acquire pairs with the Release in `Consumer::retire`: the consumer is done
        // with the segment.
        let spare = chain.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if spare.is_null() {
            return Err(len);
        }
        // SAFETY: the swap made the spare segment ours alone, and it is empty.
        unsafe { self.link(chain, spare) };
        Ok(())
    }

    /// Gives the producer a segment to go on with. Gives it back if there is room without it.
    ///
    /// # Safety
    /// As for [`make_room`](Self::make_room).
    pub(crate) unsafe fn extend(
        &mut self,
        chain: &Chain<T>,
        head: usize,
        fresh: Fresh<T>,
    ) -> Option<Fresh<T>> {
        // SAFETY: what `make_room` asks is what our caller promised.
        if unsafe { self.make_room(chain, head) }.is_ok() {
            return Some(fresh);
        }
        // SAFETY: the segment is fresh, so it is ours alone and empty.
        unsafe { self.link(chain, Box::into_raw(fresh.0)) };
        None
    }

    /// # Safety
    /// `self` and `chain` belong to one channel; `next` is a live, empty segment that nothing else
    /// points to.
    unsafe fn link(&mut self, chain: &Chain<T>, next: *mut Segment<T>) {
        // SAFETY: the producer's own segment is freed only after it was left (I5).
        let (full, _, _) = unsafe { chain.locate(self.segment) };
        // SAFETY: the consumer reads `end` only after it saw `next`, which is published below (I4).
        // If the segment was in use before, the consumer left it then, and handed it back after
        // that (I5).
        full.end.with_mut(|end| unsafe { *end = self.tail });
        // ORDERING: Release pairs with the Acquire load in `Consumer::advance`: it sees `end` and
        // the new segment's fields.
        full.next.store(next, Ordering::Release);
        // ORDERING: Relaxed, no pair: the producer's own, and read under the channel's lock by no
        // other.
        let segments = chain.segments.load(Ordering::Relaxed).wrapping_add(1);
        // ORDERING: Relaxed pairs with the load in `Consumer::is_in_last`; messages in the new
        // segment come with a `tail` that is stored after it, with Release.
        chain.segments.store(segments, Ordering::Relaxed);
        // SAFETY: the segment is alive by contract.
        let (_, slots, len) = unsafe { chain.locate(next) };
        self.segment = next;
        self.base = self.tail;
        self.slots = slots;
        self.mask = len - 1;
        self.room = len;
    }

    /// Appends a message and publishes it.
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel, and there is [`room`](Self::room).
    #[inline]
    pub(crate) unsafe fn push(&mut self, chain: &Chain<T>, value: T) {
        // SAFETY: there is room, as our caller promised.
        unsafe { self.write(value) };
        self.publish(chain);
    }

    /// Appends a message, which the consumer sees after the next [`publish`](Self::publish).
    ///
    /// # Safety
    /// There is [`room`](Self::room).
    #[inline]
    pub(crate) unsafe fn write(&mut self, value: T) {
        debug_assert!(self.room > 0);
        // SAFETY: with room, `slots` leads to `mask + 1` slots of the producer's segment, which is
        // freed only after it was left (I5).
        let slot = unsafe { self.slots.add(self.tail & self.mask) };
        // SAFETY: the slot is alive, and a cell may be shared.
        let slot = unsafe { &*slot };
        // SAFETY: the slot is not in `head..tail`, so it is the producer's alone (I1): `room`
        // counts slots that were never used or that the consumer has published as empty (I3).
        slot.with_mut(|slot| unsafe { slot.cast::<T>().write(value) });
        self.room -= 1;
        self.tail = self.tail.wrapping_add(1);
    }

    /// Takes the message that was pushed last, and puts `value` into its place; gives `value` back
    /// if that message is in an older segment, where the producer does not go.
    ///
    /// # Safety
    /// A message is queued, and no consumer takes messages during this call.
    pub(crate) unsafe fn replace_newest(&mut self, value: T) -> Result<T, T> {
        if self.tail == self.base {
            return Err(value);
        }
        // SAFETY: the producer has pushed into its segment, so `slots` leads to `mask + 1` slots of
        // it, which is freed only after it was left (I5).
        let slot = unsafe { self.slots.add(self.tail.wrapping_sub(1) & self.mask) };
        // SAFETY: the slot is alive, and a cell may be shared.
        let slot = unsafe { &*slot };
        // SAFETY: the slot is in `head..tail`, so it is initialised (I1); by contract the consumer,
        // which owns it, does not access it now.
        Ok(slot.with_mut(|slot| unsafe { slot.cast::<T>().replace(value) }))
    }

    /// Shows the consumer all messages that were written. `self` and `chain` belong to one channel.
    #[inline]
    pub(crate) fn publish(&self, chain: &Chain<T>) {
        // ORDERING: Release pairs with the Acquire load in `Chain::tail` (I2).
        chain.tail.store(self.tail, Ordering::Release);
    }
}

impl<T> Consumer<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: ptr::null(),
            mask: 0,
            number: 0,
            head: START,
            limit: START,
            segment: ptr::null_mut(),
        }
    }

    /// Position of the next message; to be published with Release after each message or batch.
    #[inline]
    pub(crate) fn head(&self) -> usize {
        self.head
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel.
    #[inline]
    pub(crate) unsafe fn pop(&mut self, chain: &Chain<T>) -> Option<T> {
        let mut emptied = Emptied::default();
        // SAFETY: what `pop_under_lock` asks is what our caller promised.
        unsafe { self.pop_under_lock(chain, &mut emptied) }
    }

    /// The same for a consumer under a lock: segments that are left behind are put into `emptied`,
    /// to be dropped after the lock is released.
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel.
    #[inline]
    pub(crate) unsafe fn pop_under_lock(
        &mut self,
        chain: &Chain<T>,
        emptied: &mut Emptied<T>,
    ) -> Option<T> {
        // SAFETY: what `front` asks is what our caller promised.
        let slot = unsafe { self.front(chain, emptied) }?;
        // SAFETY: the slot is alive, and a cell may be shared.
        let slot = unsafe { &*slot };
        // SAFETY: the slot is initialised and the consumer's (`front`), and left behind by `step`.
        let value = slot.with(|slot| unsafe { slot.cast::<T>().read() });
        self.step();
        Some(value)
    }

    /// The slot of the oldest message: initialised, and the consumer's until [`step`](Self::step).
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel.
    #[inline(always)]
    pub(crate) unsafe fn front(
        &mut self,
        chain: &Chain<T>,
        emptied: &mut Emptied<T>,
    ) -> Option<*const Slot<T>> {
        if self.head == self.limit {
            let tail = chain.tail();
            if tail == self.head {
                return None;
            }
            if self.is_in_last(chain) {
                self.limit = tail;
            } else {
                // SAFETY: what `advance` asks is what our caller promised, and there is a message.
                unsafe { self.advance(chain, tail, emptied) };
            }
        }
        // `head` is before `limit`, hence before a tail that was loaded with Acquire (I1, I2).
        // SAFETY: `advance` set `slots` and `mask` to the consumer's segment, which only the
        // consumer frees (I5).
        Some(unsafe { self.slots.add(self.head & self.mask as usize) })
    }

    /// Leaves the message at the front behind: it was taken out of its slot, or dropped in it.
    #[inline(always)]
    pub(crate) fn step(&mut self) {
        self.head = self.head.wrapping_add(1);
    }

    /// Whether all messages up to a `tail` that was loaded before are in the consumer's segment.
    #[inline(always)]
    fn is_in_last(&self, chain: &Chain<T>) -> bool {
        // ORDERING: Relaxed pairs with the store in `Producer::link`, which comes before the
        // Release store of each `tail` past a message in the new segment: a consumer that has
        // loaded such a `tail` sees the new count.
        self.number == chain.segments.load(Ordering::Relaxed)
    }

    /// Follows the chain to the next message, and finds out how far the consumer may read there.
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel, and `tail` was loaded by [`Chain::tail`] and is
    /// not `head`.
    #[cold]
    unsafe fn advance(&mut self, chain: &Chain<T>, tail: usize, emptied: &mut Emptied<T>) {
        if self.slots.is_null() {
            self.number = 1;
        }
        loop {
            // SAFETY: only the consumer frees the segment it stands in (I5).
            let (link, slots, len) = unsafe { chain.locate(self.segment) };
            // ORDERING: Acquire pairs with the Release store in `Producer::link`. If messages up to
            // `tail` are in a later segment it is seen here: it was linked before they were pushed,
            // and `tail` was loaded with Acquire.
            let next = link.next.load(Ordering::Acquire);
            let mut left = tail.wrapping_sub(self.head);
            if !next.is_null() {
                // SAFETY: `next` is published, so `end` is written and final (I4).
                let end = link.end.with(|end| unsafe { *end });
                left = left.min(end.wrapping_sub(self.head));
            }
            if left > 0 {
                self.slots = slots;
                self.mask = u32::try_from(len - 1).expect("segments are shorter");
                self.limit = self.head.wrapping_add(left);
                return;
            }
            let empty = core::mem::replace(&mut self.segment, next);
            self.number = self.number.wrapping_add(1);
            // SAFETY: the consumer has just left it, and the producer had before it linked `next`.
            unsafe { Self::retire(chain, empty, emptied) };
        }
    }

    /// Hands an empty segment back to the producer. What is to be freed goes to `emptied`: a
    /// segment that is too short to be of use again, or the one that was spare before.
    ///
    /// # Safety
    /// `segment` is null or a segment of this chain that both sides have left.
    unsafe fn retire(chain: &Chain<T>, segment: *mut Segment<T>, emptied: &mut Emptied<T>) {
        if segment.is_null() {
            return;
        }
        // SAFETY: both sides have left it, and it was made by `Box::into_raw` in `extend`.
        let segment = unsafe { Box::from_raw(segment) };
        if segment.slots.len() < chain.last_len {
            return emptied.push(segment);
        }
        // ORDERING: Relaxed, no pair: the swap below publishes it.
        segment.link.next.store(ptr::null_mut(), Ordering::Relaxed);
        // ORDERING: AcqRel. Release pairs with the Acquire swap in `Producer::make_room`. Acquire
        // pairs with the Release of an earlier swap here, in `retire`, by another consumer's hand
        // perhaps.
        let old = chain.spare.swap(Box::into_raw(segment), Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: a spare segment came from `Box::into_raw`, and the swap made it ours alone.
            emptied.push(unsafe { Box::from_raw(old) });
        }
    }

    /// Frees the chain's segments. Messages that are left are forgotten: pop them before.
    ///
    /// # Safety
    /// `self` and `chain` belong to one channel, of which nothing is used after this call.
    pub(crate) unsafe fn free(&mut self, chain: &Chain<T>) {
        // ORDERING: Acquire pairs with the Release swap in `retire`: the whole segment is seen, to
        // be freed.
        let spare = chain.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if !spare.is_null() {
            // SAFETY: a spare segment came from `Box::into_raw`, and the swap made it ours alone.
            drop(unsafe { Box::from_raw(spare) });
        }
        loop {
            // SAFETY: it is the consumer's own segment, or the one linked behind it, which only the
            // consumer frees (I5).
            let (link, _, _) = unsafe { chain.locate(self.segment) };
            // ORDERING: Acquire pairs with the Release store in `Producer::link`: the whole segment
            // is seen, to be freed.
            let next = link.next.load(Ordering::Acquire);
            let left = core::mem::replace(&mut self.segment, next);
            if !left.is_null() {
                // SAFETY: it came from `Box::into_raw`, and by contract nothing uses it any more.
                drop(unsafe { Box::from_raw(left) });
            }
            if next.is_null() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
