//! Hazard pointers over an asymmetric fence: one domain of records for the whole process.
//!
//! A reader *protects* an address: it stores the address in a slot of its thread's record, and then
//! validates that the object is still reachable. A writer that has retracted an object issues a
//! heavy fence and scans all records: if no slot holds the address, no reader uses the object. The
//! fence is [asymmetric]: a reader pays one plain store and a compiler fence to protect, and the
//! same to clear; the writer pays for both sides with `membarrier(2)`.
//!
//! # Sources
//! M. M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS
//! 15(6), 2004. The same scheme over asymmetric fences is folly's `hazptr_domain` and, in Rust,
//! haphazard's `Domain`. The names are the paper's: a *record* (`HPRecType`) has `SLOTS` hazard
//! pointers, an `active` flag, and a link to the next record.
//!
//! # Differences from the paper
//! 1. An address stands for the owner of the protected object (a watch channel), not for one node.
//!    Readers of the owner's earlier and current node look the same here: storage::latest says how
//!    it deals with that.
//! 2. There is no list of retired objects, and this module frees nothing. A writer that finds the
//!    address protected leaves the reclamation to the readers: a reader that has cleared its slot
//!    looks whether the object was retracted meanwhile, and scans in turn. So clearing is followed
//!    by a light fence, too.
//! 3. A thread protects at most [`SLOTS`] addresses at a time, which with the rest of the record
//!    fill one cache line. A reader that finds no free slot takes the lock instead.
//!
//! # Layout
//! ```text
//! HEAD -> record -> record -> ..     one per thread that has protected anything; never freed
//!         slots    an address each, or 0
//!         active   whether a thread owns the record
//! ```
//!
//! # Protocol
//! | reader | writer |
//! |---|---|
//! | [`protect`]: store the address, light fence | retract the object |
//! | validate: is the object reachable? | [`asymmetric::heavy_fence`] |
//! | [`clear`](HazardPointer::clear): store 0, light fence | [`is_protected`]: scan all records |
//! | look again: is the object reachable? | |
//!
//! By the two pairs of fences
//! - either the validation finds the object retracted, or the scan finds the address;
//! - either the look after clearing finds the object retracted, or the scan does not find the
//!   address any more.
//!
//! # Invariants
//! - **I1** Only the thread that owns a record stores addresses in it, and only in free slots.
//! - **I2** An address whose [`HazardPointer`] was forgotten stays in its slot. It has to be
//!   [removed](clear_forgotten) before the address is used for another object.
//! - **I3** A record changes its owner only while all its slots are free. A record in which a
//!   thread that ends still protects an address, or has forgotten one, is not given to another
//!   thread.
//!
//! # Checked by
//! `tests`, `model`, and the models of storage::latest.

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr;

use super::asymmetric;
use super::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Addresses that one thread can protect at a time. With the other fields they fill a cache line.
const SLOTS: usize = if super::IS_MODEL { 2 } else { 6 };

/// The hazard pointers of one thread. On a cache line of its own, because the thread writes it for
/// every protected read.
#[repr(align(64))]
struct Record {
    slots: [AtomicUsize; SLOTS],
    active: AtomicBool,
    /// The record that was added before this one. Constant once this record is in the list.
    next: *mut Record,
}

impl Record {
    /// Whether no slot is in use. If the caller owns the record, no other thread changes that.
    fn is_clear(&self) -> bool {
        self.slots.iter().all(|slot| {
            // ORDERING: Acquire pairs with the Release stores in `clear` and `clear_forgotten`: a
            // thread that cleared its last slots while it ended did so before the next owner
            // protects anything.
            slot.load(Ordering::Acquire) == 0
        })
    }
}

#[cfg(not(all(loom, feature = "loom")))]
static HEAD: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());
#[cfg(not(all(loom, feature = "loom")))]
thread_local! {
    /// The record that this thread owns.
    static RECORD: Cell<*const Record> = const { Cell::new(ptr::null()) };
    /// The record that this thread owned until it began to end: slots still in use are cleared
    /// there.
    static RELEASED: Cell<*const Record> = const { Cell::new(ptr::null()) };
    static RELEASE_AT_EXIT: ReleaseAtExit = const { ReleaseAtExit };
}

#[cfg(all(loom, feature = "loom"))]
loom::lazy_static! {
    static ref HEAD: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());
}
#[cfg(all(loom, feature = "loom"))]
loom::thread_local! {
    static RECORD: Cell<*const Record> = Cell::new(ptr::null());
    static RELEASED: Cell<*const Record> = Cell::new(ptr::null());
    static RELEASE_AT_EXIT: ReleaseAtExit = ReleaseAtExit;
}

/// A slot of the thread's record that protects an address. Stays on its thread.
#[derive(Debug)]
#[must_use = "the slot has to be cleared"]
pub(crate) struct HazardPointer(usize, PhantomData<*const ()>);

impl HazardPointer {
    /// The index of the slot.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// The slot with this index, on the thread that protected the address.
    #[inline(always)]
    pub(crate) fn from_index(index: usize) -> Self {
        Self(index, PhantomData)
    }
}

/// Protects `address`, which is not 0, unless all slots are in use. The caller then validates that
/// the object is still reachable.
#[inline]
pub(crate) fn protect(address: usize) -> Option<HazardPointer> {
    let mut record = RECORD.with(Cell::get);
    if record.is_null() {
        record = acquire_record();
    }
    // SAFETY: records are never freed.
    let record = unsafe { record.as_ref() }?;
    for (slot, index) in record.slots.iter().zip(0_usize..) {
        // ORDERING: Relaxed, no pair: no other thread stores an address here (I1). A 0 was stored
        // by this thread, or was seen in `acquire_record` (I3), or `clear_forgotten` stored it in
        // place of an address of this thread: a thread that acquires the store below sees what this
        // thread did, and all previous owners of the record.
        if slot.load(Ordering::Relaxed) == 0 {
            // ORDERING: Release pairs with the Acquire load in `is_protected`, like the store in
            // `clear`: a scan that finds this address in place of an earlier 0 has to see as much.
            slot.store(address, Ordering::Release);
            asymmetric::light_fence();
            return Some(HazardPointer::from_index(index));
        }
    }
    None
}

impl HazardPointer {
    /// Clears the slot. The caller then looks whether the object was retracted meanwhile.
    #[inline]
    pub(crate) fn clear(self) {
        let mut record = RECORD.with(Cell::get);
        if record.is_null() {
            record = RELEASED.with(Cell::get);
        }
        // SAFETY: records are never freed; and the thread owns, or owned, one: it made this
        // `HazardPointer`.
        let record = unsafe { &*record };
        // ORDERING: Release pairs with the Acquire load in `is_protected`: what the reader did with
        // the object happened before.
        record.slots[self.0].store(0, Ordering::Release);
        asymmetric::light_fence();
    }
}

/// Whether any thread protects `address`.
#[cold]
pub(crate) fn is_protected(address: usize) -> bool {
    records().any(|record| {
        record.slots.iter().any(|slot| {
            // ORDERING: Acquire pairs with the Release stores in `protect` and `clear`.
            slot.load(Ordering::Acquire) == address
        })
    })
}

/// Whether this thread protects `address`.
#[cold]
pub(crate) fn is_protected_by_this_thread(address: usize) -> bool {
    let mut record = RECORD.with(Cell::get);
    if record.is_null() {
        record = RELEASED.with(Cell::get);
    }
    // SAFETY: records are never freed.
    let record = unsafe { record.as_ref() };
    record.is_some_and(|record| {
        // ORDERING: Relaxed, no pair: this thread itself stored it (I1).
        record.slots.iter().any(|slot| slot.load(Ordering::Relaxed) == address)
    })
}

/// Removes `address`, whose owner is dropped, from all slots. From now on no thread protects or
/// clears it (I2).
#[cold]
pub(crate) fn clear_forgotten(address: usize) {
    for slot in records().flat_map(|record| &record.slots) {
        // ORDERING: Acquire pairs with the Release store in `protect`. Finding the address if it is
        // there needs no pair: the thread that stored it, or gave away the object that it protects,
        // happened before.
        if slot.load(Ordering::Acquire) == address {
            // ORDERING: Release pairs with the Acquire loads in `is_protected` and `is_clear`: a
            // thread that finds this 0 in place of an earlier one has to see as much, by way of the
            // load above.
            slot.store(0, Ordering::Release);
        }
    }
}

/// All records.
fn records() -> impl Iterator<Item = &'static Record> {
    // ORDERING: Acquire pairs with the Release exchange in `add_record`: the records are
    // initialised.
    let mut next = HEAD.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: records are never freed.
        let record = unsafe { next.as_ref() }?;
        next = record.next;
        Some(record)
    })
}

/// Makes this thread the owner of a record; null if the thread is ending.
#[cold]
fn acquire_record() -> *const Record {
    if RELEASE_AT_EXIT.try_with(|_| ()).is_err() {
        return ptr::null();
    }
    let acquire = |record: &&Record| {
        // ORDERING: Acquire pairs with the Release store in `ReleaseAtExit::drop`: the slots are as
        // the previous owner left them, or were cleared since.
        if record.active.swap(true, Ordering::Acquire) {
            return false;
        }
        let is_clear = record.is_clear();
        if !is_clear {
            // ORDERING: Release pairs with the Acquire swap in `acquire_record`, like the store in
            // `ReleaseAtExit::drop`.
            record.active.store(false, Ordering::Release);
        }
        is_clear
    };
    let record = records().find(acquire).unwrap_or_else(add_record);
    RECORD.with(|own| own.set(record));
    record
}

/// Adds a record to the list. The caller owns it.
fn add_record() -> &'static Record {
    let slots = [const { 0 }; SLOTS].map(AtomicUsize::new);
    let record = Record { slots, active: AtomicBool::new(true), next: ptr::null_mut() };
    let record = Box::leak(Box::new(record));
    // ORDERING: Relaxed, no pair: a first guess; the exchange decides.
    let mut head = HEAD.load(Ordering::Relaxed);
    loop {
        record.next = head;
        let this = ptr::from_mut(record);
        // ORDERING: Release pairs with the Acquire load in `records`. The records before this one
        // are part of the same release sequence.
        match HEAD.compare_exchange(head, this, Ordering::Release, Ordering::Relaxed) {
            // SAFETY: never freed, and `next` is constant from now on.
            Ok(_) => return unsafe { &*this },
            Err(newer) => head = newer,
        }
    }
}

/// Gives up the thread's record when the thread ends. Not under loom, where the thread's other
/// variables are gone by then.
struct ReleaseAtExit;

#[cfg(not(all(loom, feature = "loom")))]
impl Drop for ReleaseAtExit {
    fn drop(&mut self) {
        let record = RECORD.with(|own| own.replace(ptr::null()));
        RELEASED.with(|released| released.set(record));
        // SAFETY: records are never freed.
        if let Some(record) = unsafe { record.as_ref() } {
            // ORDERING: Release pairs with the Acquire swap in `acquire_record`.
            record.active.store(false, Ordering::Release);
        }
    }
}
