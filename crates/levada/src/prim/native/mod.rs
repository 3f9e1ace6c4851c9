//! The native backend.

pub(crate) mod asymmetric;
mod awake;
mod lock;
mod parker;
#[cfg(any(test, not(target_has_atomic = "64")))]
mod wide;

use std::thread;

use self::awake::Backoff;
pub(crate) use self::awake::Patience;
pub(crate) use self::lock::{Lock, LockGuard};
pub(super) use self::parker::Parker;
pub(crate) use super::cell::{UnsafeCell, uninit_slots};
pub(crate) use super::park::{is_parked_by, park_on, park_on_for};
pub(crate) use std::sync::Arc;

pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence,
    };

    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) use super::wide::AtomicU64;
    #[cfg(target_has_atomic = "64")]
    pub(crate) use core::sync::atomic::AtomicU64;
}
