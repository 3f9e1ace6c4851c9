//! What may happen next in a channel that delivers each message once: the protocol of mpsc and
//! mpmc, bounded and unbounded.
//!
//! - [`chan`]: the channel's fields and invariants; creating, closing, dropping
//! - [`error`]: what the handles answer, as in tokio
//! - [`send`]: permits and pushing
//! - [`single`]: receiving with one receiver, without a lock
//! - `glance`: what a thread sees before it blocks
//! - [`many`]: receiving with many receivers, under the lock
//! - `sink`: a sender as a `Sink` (feature `stream`)

#![cfg_attr(doc, allow(rustdoc::private_intra_doc_links, reason = "an internal page"))]

pub(crate) mod chan;
pub(crate) mod error;
mod glance;
pub(crate) mod many;
pub(crate) mod send;
pub(crate) mod single;
#[cfg(feature = "stream")]
pub(crate) mod sink;
