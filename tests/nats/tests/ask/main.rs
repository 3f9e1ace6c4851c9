//! Questions and answers on real servers: each guarantee of `levada_nats::ask` by its name.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod bounds;
mod cancel;
mod chaos;
mod ends;
mod faults;
mod objects;
mod presence;
mod support;
mod types;
