#![forbid(unsafe_code)]

use core::fmt;
use core::mem::MaybeUninit;

/// Bytes of a cache line, of x86-64 and of most AArch64 cores. Pairs of lines would also keep
/// adjacent-line prefetchers apart, at the price of 200 bytes more in an idle channel.
pub(crate) const LINE: usize = 64;

/// Unused bytes. With [`LINE`]` - 1` of them in between, wherever they are, two fields that
/// different threads write do not share a line.
///
/// A distance and not an alignment: with glibc an aligned allocation takes more than twice the time
/// of a plain one, and would be most of what a channel costs to make.
pub(crate) struct Pad<const BYTES: usize>([MaybeUninit<u8>; BYTES]);

impl<const BYTES: usize> Pad<BYTES> {
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); BYTES])
    }
}

impl<const BYTES: usize> fmt::Debug for Pad<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pad").field(&self.0.len()).finish()
    }
}
