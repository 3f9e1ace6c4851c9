//! The pages of `levada serve` and of `levada-observe` in a real browser: the tests are in
//! `tests/page`, and `cargo xtask page` runs them.

#![forbid(unsafe_code)]
