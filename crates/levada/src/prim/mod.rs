//! The only place that names `std`'s or loom's synchronisation types.
//!
//! Everything above this module is written once and runs on either backend: natively, or under the
//! loom model checker when compiled with `--cfg levada_loom`.
//!
//! Architecture invariant: no other module uses `core::sync::atomic`, `UnsafeCell` or a mutex.

#[cfg(levada_loom)]
mod loom;
#[cfg(not(levada_loom))]
mod native;

#[cfg(levada_loom)]
pub(crate) use self::loom::{Arc, Lock, LockGuard, UnsafeCell, atomic, uninit_slots};
#[cfg(not(levada_loom))]
pub(crate) use self::native::{Arc, Lock, LockGuard, UnsafeCell, atomic, uninit_slots};

/// Runs `f` as a model: every interleaving under loom, once natively.
#[cfg(all(test, levada_loom))]
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.check(f);
}

/// Runs `f` as a model: every interleaving under loom, many times natively. Under Miri the seeds are
/// what makes many times of it (`cargo xtask miri --deep`).
#[cfg(all(test, not(levada_loom)))]
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    for _ in 0..if cfg!(miri) { 4 } else { 200 } {
        f();
    }
}

/// Waits for a future on a thread of the model.
#[cfg(levada_loom)]
pub(crate) use ::loom::future::block_on;
#[cfg(all(test, levada_loom))]
pub(crate) use ::loom::thread;
#[cfg(all(test, not(levada_loom)))]
pub(crate) use {crate::util::block_on::block_on, std::thread};
