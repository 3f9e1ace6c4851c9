//! What the channels take from the allocator and give back.

mod broadcast;
mod cancel;
#[cfg(target_pointer_width = "64")]
mod mpmc;
mod mpsc;
#[cfg(target_pointer_width = "64")]
mod oneshot;
#[cfg(feature = "stream")]
mod stream;
mod watch;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
