//! Runs the snippets of the README as doctests. The package is not published, so the path outside
//! of it does no harm; the examples themselves are the files beside this one.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
