//! The protocol of mpsc and mpmc, bounded and unbounded: channels that deliver each message once.
//!
//! - [`policy`]: what a full channel does with one more message
//! - [`chan`]: the channel's fields and invariants; creating, closing, dropping
//! - [`error`]: the errors of the handles, as in tokio
//! - [`send`]: acquiring permits and storing messages
//! - [`batch`]: the same for many messages at once
//! - [`backlog`]: messages that the single receiver has not been given, and that can be evicted
//! - [`overflow`]: sending to a full channel: it refuses, or has a policy
//! - [`refusals`]: what refused the last sender, as a hint for the next one
//! - [`future`]: the futures of senders
//! - [`single`]: receiving with one receiver, without a lock
//! - [`many`]: receiving with many receivers, under the lock
//! - [`lanes`]: which of several channels a receiver asks first
//! - `reading`: what a snapshot reads
//! - `sink`: a sender as a `Sink` (feature `stream`)

#![cfg_attr(doc, allow(rustdoc::private_intra_doc_links, reason = "an internal page"))]

mod backlog;
pub(crate) mod batch;
pub(crate) mod chan;
pub(crate) mod error;
pub(crate) mod future;
pub(crate) mod lanes;
pub(crate) mod many;
mod overflow;
pub(crate) mod policy;
mod reading;
mod refusals;
pub(crate) mod send;
pub(crate) mod single;
#[cfg(feature = "stream")]
pub(crate) mod sink;
