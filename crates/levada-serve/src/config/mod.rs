//! What the service is to do: its queues, how long and how much it keeps, where it listens.
//!
//! A [`Config`] is plain data. It comes from a file, from the command line, or from both
//! ([`Source`]). Every option is a row of the table in [`options`]; the command line, the keys of
//! the file, `--check` and the tables of docs/config.md come from there.
//!
//! ```text
//! load -> options -> row -> kind -> document, units
//!                    data -> retry, media
//! ```

mod data;
mod document;
mod kind;
mod load;
mod media;
mod options;
mod retry;
mod row;
#[cfg(feature = "nats")]
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod units;

pub(crate) use self::data::{
    Config, DEFAULT_QUEUE, Durability, Mode, OnDisconnect, QueueConfig, Retention, Role, Service,
    Storage,
};
pub(crate) use self::document::Mistakes;
pub(crate) use self::load::{Loaded, Source};
pub(crate) use self::options::{Given, Options};
pub(crate) use self::retry::{RetryPolicy, Verdict};
#[cfg(feature = "nats")]
pub(crate) use self::shared::{adopt, differences, to_share};
