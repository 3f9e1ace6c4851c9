//! How long a message is this receiver's.

use super::meta::Meta;
use super::seats::Seat;
use async_nats::{Message, Subject};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A message of this receiver, until the clock says that it is not.
///
/// The server takes an acknowledgement of a message that it has given to another receiver
/// (nats-server #4786, #6937), so this end must not send one: it compares the time with the moment
/// before which the lease surely began.
pub(super) struct Lease {
    pub(super) message: Message,
    pub(super) meta: Meta,
    state: Mutex<State>,
    /// The lease ended before its time.
    ended: Notify,
    slot: usize,
    leases: Arc<Leases>,
    _seat: Seat,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// It began at this moment or later.
    since: Instant,
    /// Until then no other receiver gets the message.
    until: Instant,
    /// A renewal waits for its answer.
    renewing: bool,
    /// The server knows what became of the message: no renewal follows.
    settled: bool,
}

impl Lease {
    /// Whether the message may be another receiver's by now. Once it is, it stays so.
    pub(super) fn is_lost(&self) -> bool {
        Instant::now() >= self.until()
    }

    /// The end of the lease, if it is not renewed.
    pub(super) fn until(&self) -> Instant {
        self.state().until
    }

    /// Waits until the lease is lost.
    ///
    /// # Cancel safety
    /// Yes: nothing is taken.
    pub(super) async fn lost(&self) {
        loop {
            let ended = self.ended.notified();
            let until = self.until();
            if Instant::now() >= until {
                return;
            }
            // The clock is read again when the timer fires: a renewal may have moved the end.
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = ended => {}
            }
        }
    }

    /// The server was asked at `sent` to begin the lease anew, and did.
    pub(super) fn renew(&self, sent: Instant, duration: Duration) {
        let mut state = self.state();
        state.renewing = false;
        if Instant::now() < state.until {
            state.since = sent;
            state.until = state.until.max(sent + duration);
        }
    }

    /// The server has given up the lease, with the consumer that it was of.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.until = state.until.min(Instant::now());
        drop(state);
        self.ended.notify_waiters();
    }

    /// No renewal follows.
    pub(super) fn settle(&self) {
        self.state().settled = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut slots = self.leases.slots();
        slots.all[self.slot] = Weak::new();
        slots.free.push(self.slot);
    }
}

/// The leases of a receiver, for the task that renews them.
pub(super) struct Leases {
    duration: Duration,
    slots: Mutex<Slots>,
}

/// As many as there were leases at a time.
#[derive(Default)]
struct Slots {
    all: Vec<Weak<Lease>>,
    free: Vec<usize>,
}

/// A lease that is to be renewed. It does not keep the lease.
pub(super) struct Due {
    pub(super) lease: Weak<Lease>,
    pub(super) reply: Subject,
}

impl Leases {
    pub(super) fn new(duration: Duration) -> Arc<Self> {
        Arc::new(Self { duration, slots: Mutex::default() })
    }

    /// How long one lasts.
    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    pub(super) fn is_empty(&self) -> bool {
        let slots = self.slots();
        slots.all.len() == slots.free.len()
    }

    /// A lease that began at `since` or later.
    pub(super) fn begin(
        self: &Arc<Self>,
        message: Message,
        meta: Meta,
        since: Instant,
        seat: Seat,
    ) -> Arc<Lease> {
        let until = since + self.duration;
        let state = State { since, until, renewing: false, settled: false };
        let mut slots = self.slots();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Weak::new());
            slots.all.len() - 1
        });
        let lease = Arc::new(Lease {
            message,
            meta,
            state: Mutex::new(state),
            ended: Notify::new(),
            slot,
            leases: self.clone(),
            _seat: seat,
        });
        slots.all[slot] = Arc::downgrade(&lease);
        lease
    }

    /// Those of which a third has passed, each once until [`Lease::renew`] or
    /// [`retry`](Self::retry).
    pub(super) fn due(&self) -> Vec<Due> {
        let now = Instant::now();
        let leases = self.living();
        let due = leases.into_iter().filter_map(|lease| {
            let mut state = lease.state();
            let is_due = now >= state.since + self.duration / 3 && now < state.until;
            if !is_due || state.renewing || state.settled {
                return None;
            }
            state.renewing = true;
            drop(state);
            let reply = lease.message.reply.clone()?;
            Some(Due { lease: Arc::downgrade(&lease), reply })
        });
        due.collect()
    }

    /// The renewal failed: the lease is due again.
    pub(super) fn retry(lease: &Weak<Lease>) {
        if let Some(lease) = lease.upgrade() {
            lease.state().renewing = false;
        }
    }

    /// The consumer of all these leases is gone.
    pub(super) fn end(&self) {
        for lease in self.living() {
            lease.end();
        }
    }

    fn living(&self) -> Vec<Arc<Lease>> {
        // A lease that ends takes the same lock: it must not end under it.
        self.slots().all.iter().filter_map(Weak::upgrade).collect()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::seats::Seats;

    fn begin(leases: &Arc<Leases>, since: Instant) -> Arc<Lease> {
        let message = Message {
            subject: "q".into(),
            reply: Some("$JS.ACK.s.c.1.9.7.1000.0".into()),
            payload: bytes::Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        };
        let meta = Meta::read(&message).unwrap();
        leases.begin(message, meta, since, Seats::new(1).take().unwrap())
    }

    #[test]
    fn a_lost_lease_stays_lost() {
        let leases = Leases::new(Duration::from_secs(30));
        let lease = begin(&leases, Instant::now());
        assert!(!lease.is_lost());
        lease.end();
        lease.renew(Instant::now(), Duration::from_secs(30));
        assert!(lease.is_lost());
    }

    #[test]
    fn a_lease_is_due_after_a_third_and_once() {
        let leases = Leases::new(Duration::from_secs(30));
        let fresh = begin(&leases, Instant::now());
        let Some(past) = Instant::now().checked_sub(Duration::from_secs(11)) else { return };
        let older = begin(&leases, past);
        let due = leases.due();
        assert_eq!(due.len(), 1);
        assert!(Weak::ptr_eq(&due[0].lease, &Arc::downgrade(&older)));
        assert!(leases.due().is_empty());
        Leases::retry(&due[0].lease);
        assert_eq!(leases.due().len(), 1);
        older.renew(Instant::now(), leases.duration());
        assert!(leases.due().is_empty());
        drop((fresh, older));
        assert!(leases.is_empty());
    }
}
