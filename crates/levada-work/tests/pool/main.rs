//! The pool: each job once, whatever happens to the workers.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod counts;
mod ends;
mod jobs;
mod lanes;
mod runtime;
mod submitted;
mod threads;
