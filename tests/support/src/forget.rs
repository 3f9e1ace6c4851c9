//! What is forgotten on purpose, where a leak detector finds it: it reports only the rest.

use std::sync::atomic::AtomicPtr;
use std::sync::{Mutex, PoisonError};

static FORGOTTEN: Mutex<Vec<AtomicPtr<()>>> = Mutex::new(Vec::new());

/// The value is never dropped.
pub fn forget<T>(value: T) {
    leak(value);
}

/// The value is never dropped, and may be used for ever.
pub fn leak<'a, T: 'a>(value: T) -> &'a mut T {
    let leaked = Box::leak(Box::new(value));
    let place = AtomicPtr::new(std::ptr::from_mut(leaked).cast());
    FORGOTTEN.lock().unwrap_or_else(PoisonError::into_inner).push(place);
    leaked
}
