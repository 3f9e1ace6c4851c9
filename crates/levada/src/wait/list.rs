//! The intrusive list of waiters.
//!
//! A [`Node`] lives inside a pinned future, so waiting allocates nothing. The list and every node
//! linked into it are guarded by one lock, the one the [`List`] itself is kept under.
//!
//! # Invariants
//! - **I1** The fields of a bound node are accessed only through `&mut List` of its list, or by its
//!   drop. While a node is not linked, they are accessed only by its owner, or under the borrow of
//!   the list that unlinked it. The first call with a node binds it to the list; every later call
//!   checks that the list is the same, until [`List::unbind`] ends the binding.
//! - **I2** A linked node is alive and stays where it is: it is pinned, and its owner calls
//!   [`List::remove`] before it drops. A node that is forgotten instead stays alive for ever,
//!   because its memory was pinned, and stays linked: it costs its own memory and nothing else.
//!   The owner need not call it after it has seen that [`List::release_front`] took the node out:
//!   that was the list's last access to the node.
//! - **I3** A list is neither moved nor dropped while nodes are bound to it: the future that owns
//!   the node borrows or keeps alive the channel that owns the list.
//! - **I4** A node's fields are initialised while it is bound, and not before: a future that never
//!   waits does not pay for them.
//!
//! # Checked by
//! The tests below, and the models of every channel.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomPinned;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::{self, NonNull};
use core::task::Waker;

use crate::prim::UnsafeCell;
use crate::prim::atomic::{AtomicBool, Ordering};

/// The state of a waiter. The protocol decides what each state means to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Not in the queue. The node is **not** linked.
    #[default]
    Idle,
    /// In the queue. The node **is** linked.
    Waiting,
    /// It was granted what it waits for, and woken. The protocol decides whether the node is
    /// linked.
    Granted,
    /// Its grant has expired. The node is **not** linked.
    Expired,
    /// The channel closed. Linked only until it is woken.
    Closed,
    /// As `Closed`, and the channel ends only after this waiter was polled or dropped.
    ClosedWithGrant,
    /// As `ClosedWithGrant`, but it was granted only a part of what it needs.
    ClosedWithPartialGrant,
}

/// What the list's protocol knows of a waiter.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Wakes its task. Taken when woken; always cloned and dropped outside the lock.
    pub(crate) waker: Option<Waker>,
    pub(crate) state: State,
    /// How many permits it waits for.
    pub(crate) need: usize,
    /// Its number in the order of arrival, where a woken waiter may be enqueued again.
    pub(crate) arrival: u32,
    /// How often it was polled and found only unclaimed grants of others in its way.
    pub(crate) refusals: u16,
    /// The number of a promise (`queue::many::line`), and how often it was refused to others.
    pub(crate) promise: u32,
    pub(crate) refused: u16,
    /// How often its own grants expired since it began to wait.
    pub(crate) expiries: u8,
    /// Whether a thread blocks for it, so that it is sure to be polled.
    pub(crate) blocking: bool,
}

#[derive(Default)]
struct Inner {
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    linked: bool,
    entry: Entry,
}

/// A waiter's place in a [`List`], kept inside its future.
pub(crate) struct Node {
    inner: UnsafeCell<MaybeUninit<Inner>>,
    /// The list this node is bound to (I1); null before the first call. Touched only by the owner.
    list: Cell<*const List>,
    /// For protocols that use [`List::release_front`]. Written under the lock, read without.
    held: AtomicBool,
    _pinned: PhantomPinned,
}

// SAFETY: the pointers inside keep it from being automatic. They are followed under the list's lock
// only (I1), and the waker may be sent.
unsafe impl Send for Node {}
// SAFETY: the cells keep it from being automatic. A shared node gives no access to the fields but
// through its list, under its lock (I1). `list` is written only where its future is polled or
// dropped, which is exclusive, so that no other thread can be reading it.
unsafe impl Sync for Node {}

impl Node {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        // Field by field: a literal would be a constant to the compiler, which clears all of it,
        // and the stores are in the way of the lock that comes next.
        let mut new = MaybeUninit::<Self>::uninit();
        let node = new.as_mut_ptr();
        // SAFETY: the place is there, and only pointed to.
        let inner = unsafe { &raw mut (*node).inner };
        // SAFETY: the place is there, and only pointed to.
        let list = unsafe { &raw mut (*node).list };
        // SAFETY: the place is there, and only pointed to.
        let held = unsafe { &raw mut (*node).held };
        // SAFETY: the field is inside `new`, which nothing else points to.
        unsafe { inner.write(UnsafeCell::new(MaybeUninit::uninit())) };
        // SAFETY: the field is inside `new`, which nothing else points to.
        unsafe { list.write(Cell::new(ptr::null())) };
        // SAFETY: the field is inside `new`, which nothing else points to.
        unsafe { held.write(AtomicBool::new(false)) };
        // SAFETY: every field is initialised that has a value.
        unsafe { new.assume_init() }
    }

    /// Whether the node is bound to a list. If not, there is nothing to cancel.
    #[inline]
    pub(crate) fn is_bound(&self) -> bool {
        !self.list.get().is_null()
    }

    /// Whether the node was put in line by [`List::hold_back`] and has not been taken out since. If
    /// not, it is its owner's alone.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `release_front`: all that was done to
        // the node happened before.
        self.held.load(Ordering::Acquire)
    }
}

/// There is nothing left to drop: the owner has taken its waker back, or the list has taken it. But
/// here loom checks that the owner drops the node after the list's last access.
impl Drop for Node {
    #[inline]
    fn drop(&mut self) {
        if self.is_bound() {
            // SAFETY: the fields are initialised (I4). The node is not linked (I2) and is borrowed
            // mutably, so no other code accesses them (I1).
            self.inner.with_mut(|inner| unsafe { inner.cast::<Inner>().drop_in_place() });
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("bound", &self.is_bound()).finish_non_exhaustive()
    }
}

/// A first-in, first-out list of waiters. To be kept under a lock.
#[derive(Debug)]
pub(crate) struct List {
    front: Option<NonNull<Node>>,
    back: Option<NonNull<Node>>,
    len: usize,
}

// SAFETY: the nodes behind the pointers are reached only through `&mut List`, that is by the
// holder of the list's lock, and what they hold is Send.
unsafe impl Send for List {}

/// A position in a list: a node that is linked. Valid until the list is next unlocked or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(NonNull<Node>);

// SAFETY: the pointer keeps it from being automatic. It is followed only by the list, with
// `&mut List`, as the list's own are.
unsafe impl Send for Place {}

impl List {
    pub(crate) const fn new() -> Self {
        Self { front: None, back: None, len: 0 }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// How many are in line.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What a node of this list says.
    pub(crate) fn entry<'a>(&'a mut self, node: Pin<&'a Node>) -> &'a mut Entry {
        &mut self.inner(self.bind(node)).entry
    }

    /// What the waiter at `place` says.
    pub(crate) fn entry_at(&mut self, place: Place) -> &mut Entry {
        &mut self.inner(place).entry
    }

    /// The first in line.
    pub(crate) fn front(&self) -> Option<Place> {
        self.front.map(Place)
    }

    /// The one behind `place`.
    pub(crate) fn next(&mut self, place: Place) -> Option<Place> {
        self.inner(place).next.map(Place)
    }

    /// The place of a node that is linked into this list.
    pub(crate) fn place_of(&mut self, node: Pin<&Node>) -> Place {
        self.bind(node)
    }

    /// Whether the node is in line.
    pub(crate) fn is_linked(&mut self, node: Pin<&Node>) -> bool {
        let place = self.bind(node);
        self.inner(place).linked
    }

    /// Puts a node that is not in line at the end.
    pub(crate) fn push_back(&mut self, node: Pin<&Node>) {
        self.insert_before(None, node);
    }

    /// Puts a node that is not in line just before `next`, or at the end without one.
    pub(crate) fn insert_before(&mut self, next: Option<Place>, node: Pin<&Node>) {
        let place = self.bind(node);
        let prev = match next {
            Some(next) => self.inner(next).prev.replace(place.0),
            None => self.back.replace(place.0),
        };
        match prev {
            Some(prev) => self.inner(Place(prev)).next = Some(place.0),
            None => self.front = Some(place.0),
        }
        let inner = self.inner(place);
        debug_assert!(!inner.linked, "a node is in line once");
        inner.prev = prev;
        inner.next = next.map(|next| next.0);
        inner.linked = true;
        self.len += 1;
    }

    /// Takes a node out of the line, wherever it stands. Nothing happens if it is not in line.
    pub(crate) fn remove(&mut self, node: Pin<&Node>) {
        let place = self.bind(node);
        if self.inner(place).linked {
            self.unlink(place);
        }
    }

    /// Unbinds a node that is not in line: there is nothing left to cancel.
    pub(crate) fn unbind(&mut self, node: Pin<&Node>) {
        debug_assert!(!self.is_linked(node), "a node in line is bound");
        debug_assert!(self.entry(node).waker.is_none(), "nothing is left to drop");
        node.list.set(ptr::null());
    }

    /// Takes the first node out of the line and gives what it says, to be marked and woken.
    pub(crate) fn pop_front(&mut self) -> Option<&mut Entry> {
        let place = self.front()?;
        self.unlink(place);
        Some(self.entry_at(place))
    }

    /// As [`push_back`](Self::push_back), and the owner can ask [`Node::is_held`] from now on.
    pub(crate) fn hold_back(&mut self, node: Pin<&Node>) {
        self.push_back(node);
        // ORDERING: Relaxed, no pair: the owner asks in the order of its own program.
        node.held.store(true, Ordering::Relaxed);
    }

    /// As [`remove`](Self::remove), for a node put in by [`hold_back`](Self::hold_back).
    pub(crate) fn unhold(&mut self, node: Pin<&Node>) {
        self.remove(node);
        // ORDERING: Relaxed, no pair: the owner asks in the order of its own program.
        node.held.store(false, Ordering::Relaxed);
    }

    /// Takes the first node out of the line and gives its waker. The owner may learn of it without
    /// the lock and drop the node at once.
    pub(crate) fn release_front(&mut self) -> Option<Option<Waker>> {
        let place = self.front()?;
        self.unlink(place);
        let waker = self.entry_at(place).waker.take();
        // SAFETY: it was linked, so it is alive (I2), until its owner sees the store.
        let node = unsafe { place.0.as_ref() };
        // ORDERING: Release pairs with the Acquire load in `is_held`: this is the last access.
        node.held.store(false, Ordering::Release);
        Some(waker)
    }

    /// Takes out the waiter at `place`.
    pub(crate) fn unlink(&mut self, place: Place) {
        let inner = self.inner(place);
        debug_assert!(inner.linked, "only a linked node can be taken out");
        inner.linked = false;
        let (prev, next) = (inner.prev.take(), inner.next.take());
        match prev {
            Some(prev) => self.inner(Place(prev)).next = next,
            None => self.front = next,
        }
        match next {
            Some(next) => self.inner(Place(next)).prev = prev,
            None => self.back = prev,
        }
        self.len -= 1;
    }

    /// Binds a node to this list at its first call, and checks that it is this one at every later.
    fn bind(&self, node: Pin<&Node>) -> Place {
        let this: *const Self = self;
        let list = node.list.get();
        if list.is_null() {
            // SAFETY: the owner of an unbound node is the only one who touches its fields (I1).
            node.inner.with_mut(|inner| unsafe { inner.cast::<Inner>().write(Inner::default()) });
            node.list.set(this);
        } else {
            assert!(ptr::eq(list, this), "a waiter belongs to one list");
        }
        Place(NonNull::from(node.get_ref()))
    }

    /// The fields of a node of this list.
    fn inner(&mut self, place: Place) -> &mut Inner {
        // SAFETY: a `Place` is made only from a node bound to this list, or from links between
        // such; linked ones are alive by I2, and one just bound is borrowed by the caller.
        let node = unsafe { place.0.as_ref() };
        // SAFETY: by I1 all access is through `&mut List` of this list, which we hold, and the
        // reference is bounded by that borrow; the fields are initialised (I4).
        node.inner.with_mut(|inner| unsafe { &mut *inner.cast::<Inner>() })
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::pin::pin;

    fn needs(list: &mut List) -> Vec<usize> {
        let mut needs = Vec::new();
        let mut place = list.front();
        while let Some(at) = place {
            needs.push(list.entry_at(at).need);
            place = list.next(at);
        }
        let mut backwards = Vec::new();
        let mut place = list.back.map(Place);
        while let Some(at) = place {
            backwards.push(list.entry_at(at).need);
            place = list.inner(at).prev.map(Place);
        }
        backwards.reverse();
        assert_eq!((&backwards, list.len()), (&needs, needs.len()));
        needs
    }

    #[test]
    fn keeps_order_and_unlinks_anywhere() {
        let nodes: Vec<_> = (0..5).map(|_| Box::pin(Node::new())).collect();
        let mut list = pin!(List::new());
        for (need, node) in nodes.iter().enumerate() {
            list.entry(node.as_ref()).need = need;
            list.push_back(node.as_ref());
        }
        assert_eq!(needs(&mut list), [0, 1, 2, 3, 4]);
        for (out, left) in [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3])] {
            list.remove(nodes[out].as_ref());
            list.remove(nodes[out].as_ref());
            assert_eq!(needs(&mut list), left);
        }
        let place = list.place_of(nodes[3].as_ref());
        list.insert_before(Some(place), nodes[0].as_ref());
        assert_eq!(needs(&mut list), [1, 0, 3]);
        assert_eq!(list.pop_front().map(|entry| entry.need), Some(1));
        assert_eq!(list.pop_front().map(|entry| entry.need), Some(0));
        assert!(!list.is_linked(nodes[0].as_ref()));
        assert_eq!(list.pop_front().map(|entry| entry.need), Some(3));
        assert!(list.pop_front().is_none() && list.is_empty());
    }

    #[test]
    fn a_released_node_is_its_owners() {
        let (one, two) = (Box::pin(Node::new()), Box::pin(Node::new()));
        let mut list = pin!(List::new());
        assert!(!one.is_held());
        list.entry(one.as_ref()).waker = Some(Waker::noop().clone());
        list.hold_back(one.as_ref());
        list.hold_back(two.as_ref());
        assert!(one.is_held() && two.is_held());
        assert!(list.release_front().unwrap().is_some());
        assert!(!one.is_held() && two.is_held());
        drop(one);
        list.unhold(two.as_ref());
        assert!(!two.is_held() && list.release_front().is_none());
    }

    #[test]
    #[should_panic(expected = "a waiter belongs to one list")]
    fn refuses_a_node_of_another_list() {
        let node = pin!(Node::new());
        let (mut one, mut two) = (List::new(), List::new());
        one.push_back(node.as_ref());
        two.remove(node.as_ref());
    }
}
