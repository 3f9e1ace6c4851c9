//! The crates with channels for replies that are used again, and those that a request makes anew.
//! In `fibre` a pool has a fixed number of them, made in advance; its `host` pools, which keep the
//! request in the slot as well, need a queue of their own and are left out.

mod fibre;
mod fresh;
mod levada;

pub(crate) use fibre::Fibre;
pub(crate) use fresh::Fresh;
pub(crate) use levada::{LevadaPool, LevadaReusable};
