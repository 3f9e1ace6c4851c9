//! Reference-counted handles to a channel.
//!
//! A channel is one allocation, freed when its last handle of any kind is dropped. In addition, the
//! channel counts strong senders and receivers, and is notified when the last of a kind is dropped;
//! and weak senders, which keep neither the channel open nor its messages.
//!
//! # Invariants
//! - **I1** Once the count of senders is zero it stays zero: `clone` needs a live sender, and
//!   `upgrade` refuses to raise a zero.
//! - **I2** So does the count of receivers, unless a sender makes a new one
//!   ([`Tx::add_receiver`]): then the channel is notified again when that one is dropped.
//!
//! Architecture invariant: handles are counted here and nowhere else.
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::Deref;

use crate::observe::{HandleRecord, Observed, PositionRecord, Side};
use crate::prim::Arc;
use crate::prim::atomic::{AtomicUsize, Ordering};

/// A channel whose handles are counted.
pub(crate) trait Hub: Observed + Sized {
    /// The counts of this channel.
    fn counts(&self) -> &Counts;
    /// Called once, after the last strong sender is gone.
    fn senders_gone(&self);
    /// Called after the last receiver is gone; again if a sender made new ones and they are gone
    /// too. When it is called there may be new ones already.
    fn receivers_gone(&self);
}

/// How many handles of each kind there are.
#[derive(Debug)]
pub(crate) struct Counts {
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl Counts {
    /// One sender and `receivers` receivers, for handles made by [`Tx::new`] and [`Rx::new`].
    pub(crate) fn new(receivers: usize) -> Self {
        Self {
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            receivers: AtomicUsize::new(receivers),
        }
    }

    /// Strong senders.
    #[inline]
    pub(crate) fn senders(&self) -> usize {
        // ORDERING: Acquire pairs with the AcqRel decrement in `Tx::drop`: a thread that sees zero
        // also sees what the senders did before.
        self.senders.load(Ordering::Acquire)
    }

    /// Weak senders.
    pub(crate) fn weak_senders(&self) -> usize {
        // ORDERING: Relaxed, no pair: a statistic.
        self.weak_senders.load(Ordering::Relaxed)
    }

    /// Receivers.
    #[inline]
    pub(crate) fn receivers(&self) -> usize {
        // ORDERING: Acquire pairs with the AcqRel decrement in `Rx::drop`: a thread that sees zero
        // also sees what the receivers did before.
        self.receivers.load(Ordering::Acquire)
    }
}

/// Adds a handle by way of another one.
fn add(count: &AtomicUsize) {
    // ORDERING: Relaxed, no pair: the handle this is called on keeps the channel alive, and
    // whatever the count decides is decided by the decrement that reaches zero.
    let before = count.fetch_add(1, Ordering::Relaxed);
    if before > usize::MAX / 2 {
        // Handles were leaked until the count is about to wrap, which would free a live channel.
        std::process::abort();
    }
}

/// A strong sender's hold on a channel.
pub(crate) struct Tx<H: Hub>(Arc<H>, HandleRecord);

/// A weak sender's hold on a channel.
pub(crate) struct WeakTx<H: Hub>(Arc<H>);

/// A receiver's hold on a channel.
pub(crate) struct Rx<H: Hub>(Arc<H>, HandleRecord);

impl<H: Hub> Tx<H> {
    /// The first sender, which [`Counts::new`] has counted already.
    pub(crate) fn new(hub: &Arc<H>) -> Self {
        Self(Arc::clone(hub), HandleRecord::new())
    }

    /// The calling task uses this sender.
    #[inline(always)]
    pub(crate) fn touch(&self) {
        self.1.touch(&self.0, Side::Sender);
    }

    /// The calling task uses this sender of what is shown as `channel`.
    #[cfg(feature = "observe")]
    #[inline(always)]
    pub(crate) fn touch_as<C: Observed>(&self, channel: &Arc<C>) {
        self.1.touch(channel, Side::Sender);
    }

    /// The channel itself.
    #[cfg(feature = "observe")]
    pub(crate) fn hub(&self) -> &Arc<H> {
        &self.0
    }

    /// A further receiver, perhaps the only one.
    pub(crate) fn add_receiver(&self) -> Rx<H> {
        add(&self.0.counts().receivers);
        Rx(Arc::clone(&self.0), HandleRecord::new())
    }

    /// A weak sender of the same channel.
    pub(crate) fn downgrade(&self) -> WeakTx<H> {
        add(&self.0.counts().weak_senders);
        WeakTx(Arc::clone(&self.0))
    }

    /// Whether both belong to one channel.
    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<H: Hub> Clone for Tx<H> {
    fn clone(&self) -> Self {
        add(&self.0.counts().senders);
        Self(Arc::clone(&self.0), HandleRecord::new())
    }
}

impl<H: Hub> Drop for Tx<H> {
    fn drop(&mut self) {
        // ORDERING: AcqRel. Release pairs with the Acquire load in `Counts::senders` and, here,
        // with the decrement that reaches zero: it sees what the other senders did before they
        // went.
        if self.0.counts().senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.senders_gone();
        }
    }
}

impl<H: Hub> WeakTx<H> {
    /// A strong sender, unless all of them are gone.
    pub(crate) fn upgrade(&self) -> Option<Tx<H>> {
        let senders = &self.0.counts().senders;
        // ORDERING: Relaxed, no pair: only where to begin; the exchange below decides.
        let mut count = senders.load(Ordering::Relaxed);
        while count > 0 {
            // ORDERING: Relaxed, no pair, as in `add`: a count above zero that is raised reaches
            // zero only after the new handle is dropped, too; and a read-modify-write continues
            // the release sequences of the decrements before it, for the last one to acquire.
            match senders.compare_exchange_weak(
                count,
                count + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Tx(Arc::clone(&self.0), HandleRecord::new())),
                Err(newer) => count = newer,
            }
        }
        None
    }
}

impl<H: Hub> Clone for WeakTx<H> {
    fn clone(&self) -> Self {
        add(&self.0.counts().weak_senders);
        Self(Arc::clone(&self.0))
    }
}

impl<H: Hub> Drop for WeakTx<H> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: a statistic; memory is kept by the `Arc`.
        self.0.counts().weak_senders.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<H: Hub> Rx<H> {
    /// The calling task uses this receiver.
    #[inline(always)]
    pub(crate) fn touch(&self) {
        self.1.touch(&self.0, Side::Receiver);
    }

    /// The calling task uses this receiver of what is shown as `channel`.
    #[cfg(feature = "observe")]
    #[inline(always)]
    pub(crate) fn touch_as<C: Observed>(&self, channel: &Arc<C>) {
        self.1.touch(channel, Side::Receiver);
    }

    /// The calling task uses this receiver, which has a position of its own.
    #[inline(always)]
    pub(crate) fn touch_at(&self, position: &PositionRecord, next: u64) {
        self.1.touch_at(&self.0, position, next);
    }

    /// The first receiver, which [`Counts::new`] has counted already.
    pub(crate) fn new(hub: Arc<H>) -> Self {
        Self(hub, HandleRecord::new())
    }

    /// Whether both belong to one channel.
    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<H: Hub> Clone for Rx<H> {
    fn clone(&self) -> Self {
        add(&self.0.counts().receivers);
        Self(Arc::clone(&self.0), HandleRecord::new())
    }
}

impl<H: Hub> Drop for Rx<H> {
    fn drop(&mut self) {
        // ORDERING: AcqRel. Release pairs with the Acquire load in `Counts::receivers` and, here,
        // with the decrement that reaches zero: it sees what the other receivers did before they
        // went.
        if self.0.counts().receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.receivers_gone();
        }
    }
}

impl<H: Hub> Deref for Tx<H> {
    type Target = H;

    #[inline(always)]
    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: Hub> Deref for WeakTx<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: Hub> Deref for Rx<H> {
    type Target = H;

    #[inline(always)]
    fn deref(&self) -> &H {
        &self.0
    }
}

impl<H: Hub> fmt::Debug for Tx<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tx").field(self.0.counts()).finish()
    }
}

impl<H: Hub> fmt::Debug for WeakTx<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakTx").field(self.0.counts()).finish()
    }
}

impl<H: Hub> fmt::Debug for Rx<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rx").field(self.0.counts()).finish()
    }
}

#[cfg(test)]
mod model {
    use super::*;
    use crate::observe::{ChannelRecord, Kind, Name};
    use crate::prim::{model, thread};

    /// A channel that records which handles have acted, and how often each end was reported to it.
    struct Room {
        record: ChannelRecord,
        counts: Counts,
        done: [AtomicUsize; 2],
        senders_gone: AtomicUsize,
        receivers_gone: AtomicUsize,
    }

    fn set(flag: &AtomicUsize) {
        // ORDERING: Relaxed, no pair: it is the counts that have to make it visible.
        flag.store(1, Ordering::Relaxed);
    }

    fn get(flag: &AtomicUsize) -> usize {
        // ORDERING: Relaxed, no pair: as above.
        flag.load(Ordering::Relaxed)
    }

    impl Room {
        fn open() -> (Tx<Self>, Rx<Self>) {
            let room = Arc::new(Self {
                record: ChannelRecord::new::<()>(Kind::Mpsc, Name::none()),
                counts: Counts::new(1),
                done: [AtomicUsize::new(0), AtomicUsize::new(0)],
                senders_gone: AtomicUsize::new(0),
                receivers_gone: AtomicUsize::new(0),
            });
            (Tx::new(&room), Rx::new(room))
        }

        fn told(&self, times: &AtomicUsize) {
            assert_eq!(self.done.each_ref().map(get), [1, 1], "the last sees what all did");
            // ORDERING: Relaxed, no pair: a count.
            assert_eq!(times.fetch_add(1, Ordering::Relaxed), 0, "told once");
        }
    }

    impl Observed for Room {
        fn record(&self) -> &ChannelRecord {
            &self.record
        }

        #[cfg(feature = "observe")]
        fn read(&self) -> crate::observe::Reading {
            crate::observe::Reading::default()
        }
    }

    impl Hub for Room {
        fn counts(&self) -> &Counts {
            &self.counts
        }

        fn senders_gone(&self) {
            self.told(&self.senders_gone);
        }

        fn receivers_gone(&self) {
            self.told(&self.receivers_gone);
        }
    }

    /// The last of two senders to be dropped notifies the channel, and has seen what the other one
    /// did; so has a receiver that counts no senders.
    #[test]
    fn the_last_sender_has_seen_it_all() {
        model(|| {
            let (tx, rx) = Room::open();
            let senders = [(tx.clone(), 0), (tx, 1)].map(|(tx, who)| {
                thread::spawn(move || {
                    set(&tx.done[who]);
                    drop(tx);
                })
            });
            if rx.counts.senders() == 0 {
                assert_eq!(rx.done.each_ref().map(get), [1, 1]);
            }
            for sender in senders {
                sender.join().unwrap();
            }
            assert_eq!((rx.counts.senders(), get(&rx.senders_gone)), (0, 1));
        });
    }

    /// The same for receivers.
    #[test]
    fn the_last_receiver_has_seen_it_all() {
        model(|| {
            let (tx, rx) = Room::open();
            let receivers = [(rx.clone(), 0), (rx, 1)].map(|(rx, who)| {
                thread::spawn(move || {
                    set(&rx.done[who]);
                    drop(rx);
                })
            });
            if tx.counts.receivers() == 0 {
                assert_eq!(tx.done.each_ref().map(get), [1, 1]);
            }
            for receiver in receivers {
                receiver.join().unwrap();
            }
            assert_eq!((tx.counts.receivers(), get(&tx.receivers_gone)), (0, 1));
        });
    }

    /// C60: an upgrade beside other ends either counts, or comes too late; what was done by a
    /// sender that went before it is passed on.
    #[test]
    fn an_upgrade_counts_or_comes_too_late() {
        model(|| {
            let (tx, rx) = Room::open();
            let weak = tx.downgrade();
            set(&tx.done[0]);
            let upgrading = thread::spawn(move || {
                let upgraded = weak.upgrade();
                if let Some(tx) = &upgraded {
                    assert_eq!(get(&tx.senders_gone), 0, "not while there is one");
                }
                drop(upgraded);
            });
            set(&tx.done[1]);
            drop(tx);
            upgrading.join().unwrap();
            assert_eq!((rx.counts.senders(), get(&rx.senders_gone)), (0, 1));
            assert_eq!(rx.counts.weak_senders(), 0);
        });
    }

    /// The same while the count only changes.
    #[test]
    fn an_upgrade_beside_another_sender() {
        model(|| {
            let (tx, rx) = Room::open();
            set(&tx.done[0]);
            let (weak, other) = (tx.downgrade(), tx.clone());
            let upgrading = thread::spawn(move || drop(weak.upgrade().expect("one stays")));
            set(&tx.done[1]);
            drop(other);
            upgrading.join().unwrap();
            assert_eq!((rx.counts.senders(), get(&rx.senders_gone)), (1, 0));
            drop(tx);
            assert_eq!((rx.counts.senders(), get(&rx.senders_gone)), (0, 1));
        });
    }
}
