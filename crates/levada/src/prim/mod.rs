//! The only place that names the synchronisation types of `std`, loom or shuttle.
//!
//! Everything above this module is written once and runs on each of three backends:
//! - natively;
//! - in the model checker loom, with `--cfg loom` and feature `loom`: every interleaving of a small
//!   model, weakly ordered memory included;
//! - in shuttle, with `--cfg levada_shuttle`: random schedules of larger models.
//!
//! loom takes both. The flag alone may be meant for another crate of the program, and a feature
//! alone must not change what a program does. levada's own models and those of its users come in
//! this way.
//!
//! Architecture invariant: no other module uses `core::sync::atomic`, `UnsafeCell` or a mutex, and
//! none asks for the backend by `cfg`: [`IS_LOOM`] and [`IS_MODEL`] say it.

#[cfg(all(loom, feature = "loom", levada_shuttle))]
compile_error!("levada runs on loom or on shuttle, not on both");

#[cfg(not(all(loom, feature = "loom")))]
mod cell;
#[cfg(any(all(loom, feature = "loom"), levada_shuttle))]
mod checked_lock;

#[cfg(not(levada_shuttle))]
pub(crate) mod hazard;
pub(crate) mod held;
#[cfg(levada_shuttle)]
pub(crate) use self::shuttle::hazard;

#[cfg(all(loom, feature = "loom"))]
mod loom;
#[cfg(all(loom, feature = "loom"))]
use self::loom as backend;

#[cfg(levada_shuttle)]
mod shuttle;
#[cfg(levada_shuttle)]
use self::shuttle as backend;

#[cfg(not(any(all(loom, feature = "loom"), levada_shuttle)))]
mod native;
#[cfg(not(any(all(loom, feature = "loom"), levada_shuttle)))]
mod park;
#[cfg(not(any(all(loom, feature = "loom"), levada_shuttle)))]
use self::native as backend;

pub(crate) use self::backend::{
    Arc, Lock, LockGuard, Patience, UnsafeCell, asymmetric, atomic, is_parked_by, park_on,
    park_on_for, uninit_slots,
};

#[cfg(feature = "observe")]
pub(crate) use self::backend::shared_array;

/// Whether loom runs us: it wants cells of its own, and thresholds that a few steps reach.
pub(crate) const IS_LOOM: bool = cfg!(all(loom, feature = "loom"));

/// Whether a model checker runs us: sizes are small then, so that models come to every edge.
pub(crate) const IS_MODEL: bool = IS_LOOM || cfg!(levada_shuttle);

/// Whether thresholds are small, so that tests come to what is behind them: in models, under Miri,
/// and with `--cfg levada_small`, which is for this project's own use of sanitizers.
pub(crate) const IS_SMALL: bool = IS_MODEL || cfg!(any(miri, levada_small));

#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) use self::model::{block_on, model, thread};
