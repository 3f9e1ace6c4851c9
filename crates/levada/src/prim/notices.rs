//! What a thread tells all others at the price of a store.
//!
//! # Layout
//! ```text
//! FIRST -> board -> board -> ..      one per thread that has posted anything; never freed
//!          places   a word each: 0, or what is posted there
//!          taken    whether a thread has it
//! ```
//! # Protocol
//! A thread posts a word and then looks at a condition; later it withdraws the word and looks at
//! the condition once more. Who changes the condition calls [`asymmetric::heavy_fence`] and then
//! reads the boards. The other half of the fence is in [`post`] and in [`Place::withdraw`], so:
//! - either the poster's look finds the condition changed, or the word is found on its board;
//! - either the look after the withdrawal finds the condition changed, or the word is not found any
//!   more.
//!
//! # Invariants
//! - **I1** The thread that has a board is the only one that posts there, and on its free places
//!   only.
//! - **I2** A word that nobody will withdraw, because its [`Place`] was forgotten, stays: it has to
//!   be [discarded](discard) before anybody uses the word for something else.
//! - **I3** A board changes hands only while nothing is posted on it. What a thread that ends will
//!   withdraw yet, or has forgotten, keeps the board from the next one.
//!
//! # Checked by
//! `tests` and `model` below, and the models of storage::latest.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr;

use super::asymmetric;
use super::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// So many words at once, from one thread. What else a board has fills its cache line up.
const PLACES: usize = if super::IS_MODEL { 2 } else { 6 };

/// A line of its own, because the thread writes it all the time.
#[repr(align(64))]
struct Board {
    places: [AtomicUsize; PLACES],
    taken: AtomicBool,
    /// The one that was made before; does not change after the board was put up.
    next: *mut Board,
}

impl Board {
    /// Whether nothing is posted here. It stays so if the board is taken, but by the calling
    /// thread.
    fn is_blank(&self) -> bool {
        self.places.iter().all(|place| {
            // ORDERING: Acquire pairs with the Release stores in `withdraw` and `discard`: a thread
            // that withdrew its last words while it ended did so before the next one posts.
            place.load(Ordering::Acquire) == 0
        })
    }
}

#[cfg(not(all(loom, feature = "loom")))]
static FIRST: AtomicPtr<Board> = AtomicPtr::new(ptr::null_mut());
#[cfg(not(all(loom, feature = "loom")))]
thread_local! {
    /// This thread's board.
    static MINE: Cell<*const Board> = const { Cell::new(ptr::null()) };
    /// The one it had when it began to end: what is still posted there will be withdrawn.
    static FORMER: Cell<*const Board> = const { Cell::new(ptr::null()) };
    static LEASE: Lease = const { Lease };
}

#[cfg(all(loom, feature = "loom"))]
loom::lazy_static! {
    static ref FIRST: AtomicPtr<Board> = AtomicPtr::new(ptr::null_mut());
}
#[cfg(all(loom, feature = "loom"))]
loom::thread_local! {
    static MINE: Cell<*const Board> = Cell::new(ptr::null());
    static FORMER: Cell<*const Board> = Cell::new(ptr::null());
    static LEASE: Lease = Lease;
}

/// Where a word is posted. Belongs to the thread.
#[derive(Debug)]
#[must_use = "it has to be withdrawn"]
pub(crate) struct Place(usize, PhantomData<*const ()>);

impl Place {
    /// Its number on the board, from 0.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }

    /// The place of this number. It has to be on the same thread.
    #[inline(always)]
    pub(crate) fn of(number: usize) -> Self {
        Self(number, PhantomData)
    }
}

/// Posts `what`, which is not zero, if there is a place; to be followed by a look at the condition.
#[inline]
pub(crate) fn post(what: usize) -> Option<Place> {
    let mut board = MINE.with(Cell::get);
    if board.is_null() {
        board = lease();
    }
    // SAFETY: boards are never freed.
    let board = unsafe { board.as_ref() }?;
    for (place, index) in board.places.iter().zip(0_usize..) {
        // ORDERING: Relaxed, no pair: no other thread posts here (I1). A zero is this thread's own,
        // or was there in `lease` (I3), or `discard` put it there in place of a word of this
        // thread: a thread that acquires the store below sees what this thread did, and all threads
        // that had the board before.
        if place.load(Ordering::Relaxed) == 0 {
            // ORDERING: Release pairs with the Acquire load in `is_posted`, as the one in
            // `withdraw`: who finds this word instead of an earlier one has to see as much.
            place.store(what, Ordering::Release);
            asymmetric::light_fence();
            return Some(Place::of(index));
        }
    }
    None
}

impl Place {
    /// Takes the word off the board; to be followed by a look at the condition.
    #[inline]
    pub(crate) fn withdraw(self) {
        let mut board = MINE.with(Cell::get);
        if board.is_null() {
            board = FORMER.with(Cell::get);
        }
        // SAFETY: boards are never freed; and the thread has, or had, one: it made this `Place`.
        let board = unsafe { &*board };
        // ORDERING: Release pairs with the Acquire load in `is_posted`: what was done while the
        // word was there happened before.
        board.places[self.0].store(0, Ordering::Release);
        asymmetric::light_fence();
    }
}

/// Whether any thread has posted `what`.
#[cold]
pub(crate) fn is_posted(what: usize) -> bool {
    boards().any(|board| {
        board.places.iter().any(|place| {
            // ORDERING: Acquire pairs with the Release stores in `post` and `withdraw`.
            place.load(Ordering::Acquire) == what
        })
    })
}

/// Whether this thread has posted `what`.
#[cold]
pub(crate) fn is_posted_here(what: usize) -> bool {
    let mut board = MINE.with(Cell::get);
    if board.is_null() {
        board = FORMER.with(Cell::get);
    }
    // SAFETY: boards are never freed.
    let board = unsafe { board.as_ref() };
    board.is_some_and(|board| {
        // ORDERING: Relaxed, no pair: this thread itself posted it (I1).
        board.places.iter().any(|place| place.load(Ordering::Relaxed) == what)
    })
}

/// Takes `what` off all boards. Nobody posts it any more, or withdraws it.
#[cold]
pub(crate) fn discard(what: usize) {
    for place in boards().flat_map(|board| &board.places) {
        // ORDERING: Acquire pairs with the Release store in `post`. That it is found if it is there
        // needs no pair: the thread that posted it, or gave away what it was posted on, came
        // before.
        if place.load(Ordering::Acquire) == what {
            // ORDERING: Release pairs with the Acquire loads in `is_posted` and `is_blank`: a
            // thread that finds this zero instead of an earlier withdrawal has to see as much, by
            // way of the load above.
            place.store(0, Ordering::Release);
        }
    }
}

/// All boards there are.
fn boards() -> impl Iterator<Item = &'static Board> {
    // ORDERING: Acquire pairs with the Release exchange in `lease`: the boards are whole.
    let mut next = FIRST.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: boards are never freed.
        let board = unsafe { next.as_ref() }?;
        next = board.next;
        Some(board)
    })
}

/// A board for this thread, or null if it is ending.
#[cold]
fn lease() -> *const Board {
    if LEASE.try_with(|_| ()).is_err() {
        return ptr::null();
    }
    let is_free = |board: &&Board| {
        // ORDERING: Acquire pairs with the Release store in `Lease::drop`: the places are as its
        // thread left them, or emptier.
        if board.taken.swap(true, Ordering::Acquire) {
            return false;
        }
        let is_blank = board.is_blank();
        if !is_blank {
            // ORDERING: Release pairs with the Acquire swap in `lease`, as the one in
            // `Lease::drop`.
            board.taken.store(false, Ordering::Release);
        }
        is_blank
    };
    let board = boards().find(is_free).unwrap_or_else(put_up);
    MINE.with(|mine| mine.set(board));
    board
}

/// A new board, taken.
fn put_up() -> &'static Board {
    let places = [const { 0 }; PLACES].map(AtomicUsize::new);
    let board = Board { places, taken: AtomicBool::new(true), next: ptr::null_mut() };
    let board = Box::leak(Box::new(board));
    // ORDERING: Relaxed, no pair: only where to begin; the exchange decides.
    let mut first = FIRST.load(Ordering::Relaxed);
    loop {
        board.next = first;
        let this = ptr::from_mut(board);
        // ORDERING: Release pairs with the Acquire load in `boards`. The boards before are part of
        // the same release sequence.
        match FIRST.compare_exchange(first, this, Ordering::Release, Ordering::Relaxed) {
            // SAFETY: never freed, and from now on nobody changes `next`.
            Ok(_) => return unsafe { &*this },
            Err(newer) => first = newer,
        }
    }
}

/// Gives the thread's board back when the thread ends. Not in a model: its threads' other variables
/// have ended by then.
struct Lease;

#[cfg(not(all(loom, feature = "loom")))]
impl Drop for Lease {
    fn drop(&mut self) {
        let mine = MINE.with(|mine| mine.replace(ptr::null()));
        FORMER.with(|former| former.set(mine));
        // SAFETY: boards are never freed.
        if let Some(board) = unsafe { mine.as_ref() } {
            // ORDERING: Release pairs with the Acquire swap in `lease`.
            board.taken.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::thread;

    /// Of two tests that may run at once, an address for each.
    static BOARD: u8 = 0;
    static THREAD: u16 = 0;
    static FORGOTTEN: u32 = 0;

    fn word() -> usize {
        (&raw const THREAD).addr()
    }

    #[test]
    fn a_board_has_so_many_places() {
        let word = (&raw const BOARD).addr();
        let places: Vec<_> = (0..PLACES).map(|_| post(word).unwrap()).collect();
        assert!(post(word).is_none() && is_posted(word));
        for place in places {
            assert!(is_posted(word) && is_posted_here(word));
            thread::spawn(move || assert!(!is_posted_here(word))).join().unwrap();
            place.withdraw();
        }
        assert!(!is_posted(word) && !is_posted_here(word));
        let forgotten = post(word).unwrap().number();
        discard(word);
        assert!(!is_posted(word));
        assert_eq!(post(word).map(Place::number), Some(forgotten));
        discard(word);
    }

    /// I3: the next thread does not get it before.
    #[test]
    fn a_board_with_a_forgotten_word_is_not_leased() {
        let word = (&raw const FORGOTTEN).addr();
        let post_all = move |count| (0..count).for_each(|_| assert!(post(word).is_some()));
        thread::spawn(move || post_all(1)).join().unwrap();
        // Each of these has all of its places.
        for _ in 0..3 {
            thread::spawn(move || post_all(PLACES)).join().unwrap();
        }
        discard(word);
        assert!(!is_posted(word));
    }

    /// What is still posted when a thread ends is withdrawn from the board that it had.
    #[test]
    fn a_thread_that_ends_withdraws_from_its_board() {
        struct Late(Cell<Option<Place>>, usize);
        impl Drop for Late {
            fn drop(&mut self) {
                if let Some(place) = self.0.take() {
                    place.withdraw();
                }
                assert!(!is_posted(self.1));
            }
        }
        thread_local! {
            static LATE: Late = Late(Cell::new(None), word());
        }
        for _ in 0..3 {
            thread::spawn(|| {
                LATE.with(|late| late.0.set(post(late.1)));
                assert!(is_posted(word()));
            })
            .join()
            .unwrap();
        }
    }
}

#[cfg(test)]
mod model {
    use super::*;
    use crate::prim::{Arc, UnsafeCell, model, thread};

    struct Shared {
        is_open: AtomicBool,
        value: UnsafeCell<usize>,
    }

    // SAFETY: the cell keeps it from being automatic. It is the protocol that has to keep the
    // accesses apart.
    unsafe impl Sync for Shared {}

    /// Who shuts the value and finds no word has it to himself.
    #[test]
    fn a_word_is_found_or_the_change_is() {
        model(|| {
            const WORD: usize = 8;
            let (is_open, value) = (AtomicBool::new(true), UnsafeCell::new(0));
            let shared = Arc::new(Shared { is_open, value });
            let other = Arc::clone(&shared);
            let reader = thread::spawn(move || {
                for _ in 0..2 {
                    let place = post(WORD).unwrap();
                    // ORDERING: Relaxed, no pair: the protocol's fences order it.
                    if other.is_open.load(Ordering::Relaxed) {
                        // SAFETY: by the protocol, which is what is tested.
                        other.value.with(|value| unsafe { assert_eq!(*value, 0) });
                    }
                    place.withdraw();
                }
            });
            // ORDERING: Relaxed, no pair: the protocol's fences order it.
            shared.is_open.store(false, Ordering::Relaxed);
            // Where there is no system call it is for the compiler only, and so is what the reader
            // does.
            asymmetric::heavy_fence();
            if cfg!(loom) && !is_posted(WORD) {
                // SAFETY: by the protocol, which is what is tested.
                shared.value.with_mut(|value| unsafe { *value = 1 });
            }
            reader.join().unwrap();
            assert!(!is_posted(WORD));
        });
    }
}
