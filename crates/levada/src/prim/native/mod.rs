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

/// Variables of a thread, each with a value that is a constant.
macro_rules! thread_locals {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        std::thread_local! {
            $($(#[$attribute])* static $name: $type = const { $value };)*
        }
    };
}
pub(super) use thread_locals;

/// A variable of all threads, with a value that is a constant.
macro_rules! shared_static {
    (static $name:ident: $type:ty = $value:expr;) => {
        static $name: $type = $value;
    };
}
pub(super) use shared_static;

/// An array of all threads, of values that are constants.
#[cfg(feature = "observe")]
macro_rules! shared_array {
    (static $name:ident: [$type:ty; $len:expr] = $value:expr;) => {
        static $name: [$type; $len] = [const { $value }; $len];
    };
}
#[cfg(feature = "observe")]
pub(crate) use shared_array;
