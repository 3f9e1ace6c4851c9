//! The pool: each job once, whatever happens to the workers.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod ends;
mod jobs;
mod threads;
