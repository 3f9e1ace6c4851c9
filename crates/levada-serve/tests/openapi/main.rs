//! `openapi.json` says what the server does, and `docs/http.md` says the same.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod answers;
mod document;
#[path = "../serve/support.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod support;
