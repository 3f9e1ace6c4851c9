//! Drives the `levada` binary as a process, over real sockets.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod access;
mod answers;
mod bodies;
mod cancel;
mod channels;
mod client_gone;
mod collector;
mod commands;
mod connections;
mod crashes;
mod descendants;
mod environment;
mod events;
mod frames;
mod framing;
mod in_step;
mod keys;
mod limits;
mod lines;
mod lists;
mod log;
mod metrics;
mod overload;
mod prefer;
mod queues;
mod quota;
mod readers;
mod reload;
mod results;
mod retries;
mod shortage;
mod shutdown;
mod signals;
mod sse;
mod startup;
mod states;
mod stop;
mod streams;
mod support;
mod traces;
mod unread;
mod users;
