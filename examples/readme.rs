//! Runs the snippets of the repository's pages as doctests. This package is not published, so paths
//! outside of it do no harm. The examples themselves are the files beside this one.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
mod contributing {}
