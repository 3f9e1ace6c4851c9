//! Every channel, hammered by several threads in all the ways there are: sending, receiving,
//! permits, cancelling at any poll, forgetting, closing, coming and going. Each test accounts for
//! every message. `LEVADA_STRESS=20` runs twenty times as long; the sanitizers, valgrind and Miri
//! run this, each at a length of its own. With the feature `observe` and `LEVADA_SNAPSHOTS`, one
//! more thread makes snapshots all the time.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]
#![expect(clippy::duplicate_mod, reason = "the senders of mpsc and mpmc are the same text")]

mod broadcast;
mod lanes;
mod mpmc;
mod mpsc;
mod oneshot;
mod policies;
mod rendezvous;
mod shared;
#[cfg(feature = "observe")]
mod snapshots;
mod watch;
mod weighted;
