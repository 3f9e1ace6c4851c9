#![forbid(unsafe_code)]

use core::ops::{Deref, DerefMut};

/// Starts a value on a cache line of its own, so that two sides that write do not share one.
///
/// 64 bytes: the line size of x86-64 and of most AArch64 cores. Pairs of lines (128 bytes) would
/// also keep adjacent-line prefetchers apart, at the price of 200 bytes more in an idle channel.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
