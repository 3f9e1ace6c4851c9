//! What the channels take from the allocator and give back.

mod cancel;
#[cfg(feature = "stream")]
mod stream;
