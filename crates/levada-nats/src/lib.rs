//! The shapes of levada's channels across machines, on NATS JetStream.
//!
//! | here        | the channel in one process | on NATS                                         |
//! |-------------|----------------------------|-------------------------------------------------|
//! | [`queue`]   | `mpsc`, `mpmc`             | a work-queue stream, explicit acks              |
//! | [`ask`]     | `oneshot`                  | request and reply                               |
//! | [`topic`]   | `broadcast`                | a stream with limits, a consumer each           |
//! | [`cell`]    | `watch`                    | a key of a bucket                               |
//! | [`members`] | the counts of handles      | keys with a time to live                        |
//!
//! The words inside are the same as for local channels: `send`, `try_send`, `recv`, `borrow`,
//! `changed`. The types are others, because a network cannot keep what a process keeps: a message
//! may arrive twice, a sender may not learn whether its message was stored, and the last receiver
//! may leave without a word. What cannot be kept is in the types.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
//! let connection = levada_nats::connect(&url).await?;
//! assert!(connection.state().borrow().is_connected());
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Requirements
//! A NATS server 2.12.9 or newer, except 2.14.0, with JetStream. [`connect`] refuses others and
//! says why.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

// A module uses only what stands to the left of it:
// { codec, name, stream } <- connection <- { bucket, payload } <- members
// <- { ask, cell, queue, topic } <- lib
pub mod ask;
mod bucket;
pub mod cell;
pub mod codec;
pub mod connection;
pub mod members;
pub mod name;
mod payload;
pub mod queue;
pub mod stream;
pub mod topic;

pub use self::codec::Codec;
pub use self::connection::{ConnectError, ConnectOptions, Connection, State, connect};
pub use self::name::{Name, NameError};
pub use self::stream::{Durability, OpenError};

/// The program in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
