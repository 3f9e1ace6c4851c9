//! Allocations for many requests at a time.
#![forbid(unsafe_code)]

use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};

use super::protocol::Idle;
use super::reusable::Reusable;
use crate::prim::{IS_MODEL, Lock, LockGuard};

/// How many channels have a slot of their own.
const SLOTS: usize = if IS_MODEL { 1 } else { 16 };

/// [`Reusable`] channels for many requests at a time, which allocate nothing once the pool has as
/// many as are used at once.
///
/// [`get`](Self::get) gives one for a request; when it is dropped, its allocation goes back to the
/// pool. The pool is shared by reference: it is a field of the client whose methods make requests.
///
/// # Guarantees
/// 1. The guarantees of [`Reusable`] hold for each request, also if it is given up: a late reply
///    never comes to another request.
/// 2. The pool keeps at most as many idle allocations as [`new`](Self::new) says. It allocates for
///    a request when it has none, and never makes a request wait.
///
/// # Cost
/// Beside what a round of a `Reusable` costs, a request takes one read-modify-write; more than
/// sixteen at a time take a lock twice each, for a few instructions. An idle channel is an
/// allocation of `32 + size_of::<T>()` bytes, and from the seventeenth on 8 in the pool's table.
/// The pool itself takes some 400 bytes.
///
/// # Examples
/// ```
/// use levada::{mpsc, oneshot};
///
/// struct Client {
///     requests: mpsc::Sender<(u64, oneshot::Sender<u64>)>,
///     replies: oneshot::Pool<u64>,
/// }
///
/// impl Client {
///     async fn square(&self, number: u64) -> Option<u64> {
///         let mut reply = self.replies.get();
///         self.requests.send((number, reply.sender())).await.ok()?;
///         reply.recv().await.ok()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (requests, mut inbox) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(16);
/// tokio::spawn(async move {
///     while let Some((number, reply)) = inbox.recv().await {
///         let _ = reply.send(number * number);
///     }
/// });
///
/// let client = Client { requests, replies: oneshot::Pool::new(64) };
/// let (three, four) = tokio::join!(client.square(3), client.square(4));
/// assert_eq!((three, four), (Some(9), Some(16)));
/// assert_eq!(client.replies.idle(), 2);
/// # }
/// ```
pub struct Pool<T> {
    /// A slot is locked while its channel is in use, so that giving the channel back is a store.
    /// Such a lock is only tried: no thread waits for it.
    slots: [Lock<Reusable<T>>; SLOTS],
    /// What is idle beside them.
    rest: Lock<Vec<Idle<T>>>,
    max_idle: usize,
}

impl<T> Pool<T> {
    /// An empty pool, which will keep `max_idle` idle allocations at most. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let pool = levada::oneshot::Pool::<u64>::new(64);
    /// assert_eq!(pool.idle(), 0);
    /// ```
    pub fn new(max_idle: usize) -> Self {
        let slots = core::array::from_fn(|_| Lock::new(Reusable::new()));
        Self { slots, rest: Lock::new(Vec::new()), max_idle }
    }

    /// A [`Reusable`] for one request, or for several in a row.
    ///
    /// # Examples
    /// ```
    /// let pool = levada::oneshot::Pool::new(64);
    /// let mut reply = pool.get();
    /// reply.sender().send(7).unwrap();
    /// assert_eq!(reply.try_recv(), Ok(Some(7)));
    ///
    /// drop(reply);
    /// assert_eq!(pool.idle(), 1);
    /// ```
    #[inline]
    pub fn get(&self) -> Pooled<'_, T> {
        match self.usable_slots().find_map(Lock::try_lock) {
            Some(slot) => Pooled(Place::Slot(slot)),
            None => self.get_from_rest(),
        }
    }

    /// How many idle allocations there are. A request that begins meanwhile may find a slot taken
    /// by this call.
    ///
    /// # Examples
    /// ```
    /// let pool = levada::oneshot::Pool::<u64>::new(1);
    /// let (mut one, mut two) = (pool.get(), pool.get());
    /// drop((one.sender(), two.sender()));
    /// drop((one, two));
    /// assert_eq!(pool.idle(), 1, "no more than the pool was made for");
    /// ```
    pub fn idle(&self) -> usize {
        let slots = self.usable_slots().filter_map(Lock::try_lock);
        slots.filter(|slot| slot.is_idle()).count() + self.rest.lock().len()
    }

    /// The slots that may keep an allocation.
    fn usable_slots(&self) -> impl Iterator<Item = &Lock<Reusable<T>>> {
        self.slots.iter().take(self.max_idle)
    }

    /// How many allocations are kept beside the slots.
    fn max_rest(&self) -> usize {
        self.max_idle.saturating_sub(SLOTS)
    }

    /// For a request that finds all slots taken.
    #[inline(never)]
    fn get_from_rest(&self) -> Pooled<'_, T> {
        let idle = self.rest.lock().pop();
        Pooled(Place::Rest(self, Reusable::with(idle)))
    }

    /// Keeps an allocation that has no slot, if there is room for it.
    #[inline]
    fn put(&self, idle: Idle<T>) {
        let mut table = self.rest.lock();
        if table.len() < table.capacity() && table.len() < self.max_rest() {
            table.push(idle);
            return;
        }
        drop(table);
        self.put_into_larger(idle);
    }

    /// The same where the table is full. Under the lock nothing is allocated or freed.
    #[cold]
    fn put_into_larger(&self, idle: Idle<T>) {
        let mut larger = Vec::new();
        loop {
            let mut table = self.rest.lock();
            let len = table.len();
            if len >= self.max_rest() {
                return;
            }
            if larger.capacity() > len {
                larger.append(&mut table);
                larger.push(idle);
                // The smaller one is freed after the lock is released.
                mem::swap(&mut *table, &mut larger);
                return;
            }
            drop(table);
            larger = Vec::with_capacity((2 * len).clamp(4, self.max_rest().max(4)));
        }
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle())
            .field("max_idle", &self.max_idle)
            .finish()
    }
}

/// A [`Reusable`] of a [`Pool`], to which it goes back when it is dropped. Made by [`Pool::get`].
///
/// # Examples
/// ```
/// use levada::oneshot::{Pool, Pooled, error::ReplyError};
///
/// let pool = Pool::<u64>::new(64);
/// let mut reply: Pooled<'_, u64> = pool.get();
/// drop(reply.sender());
/// assert_eq!(reply.try_recv(), Err(ReplyError::Dropped));
/// ```
#[derive(Debug)]
pub struct Pooled<'a, T>(Place<'a, T>);

/// Where a channel goes back to.
enum Place<'a, T> {
    /// Where it is: the lock ends with this.
    Slot(LockGuard<'a, Reusable<T>>),
    Rest(&'a Pool<T>, Reusable<T>),
}

impl<T> fmt::Debug for Place<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(reusable) => (**reusable).fmt(f),
            Self::Rest(_, reusable) => reusable.fmt(f),
        }
    }
}

impl<T> Deref for Pooled<'_, T> {
    type Target = Reusable<T>;

    #[inline]
    fn deref(&self) -> &Reusable<T> {
        match &self.0 {
            Place::Slot(reusable) => reusable,
            Place::Rest(_, reusable) => reusable,
        }
    }
}

impl<T> DerefMut for Pooled<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Reusable<T> {
        match &mut self.0 {
            Place::Slot(reusable) => reusable,
            Place::Rest(_, reusable) => reusable,
        }
    }
}

impl<T> Drop for Pooled<'_, T> {
    #[inline]
    fn drop(&mut self) {
        match &mut self.0 {
            Place::Slot(reusable) => reusable.cancel(),
            Place::Rest(pool, reusable) => {
                if let Some(idle) = reusable.end_round() {
                    pool.put(idle);
                }
            }
        }
    }
}
