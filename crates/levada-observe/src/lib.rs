//! See who waits where.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod report;

/// At most so many tasks of a group of waiters are listed.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_TASKS, 8);
/// ```
pub const MAX_TASKS: usize = 8;

/// At most so many receivers of a broadcast or watch are listed.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_SUBSCRIBERS, 16);
/// ```
pub const MAX_SUBSCRIBERS: usize = 16;

/// At most so many waits are listed in the graph.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_EDGES, 1_000);
/// ```
pub const MAX_EDGES: usize = 1_000;
