//! All cells.

use crate::cell::Cell;
use crate::shapes::{
    adapters, batches, blocking, broadcast, creation, fairness, lanes, latency, loaded, memory,
    mpmc, mpsc, oneshot, overflow, rendezvous, replies, request_reply, unbounded, watch, weighted,
};

/// Every cell, in the order of the tables.
pub(crate) fn cells() -> Vec<Cell> {
    [
        mpsc::cells(),
        unbounded::cells(),
        blocking::cells(),
        mpmc::cells(),
        overflow::cells(),
        batches::cells(),
        weighted::cells(),
        lanes::cells(),
        rendezvous::cells(),
        oneshot::cells(),
        request_reply::cells(),
        replies::cells(),
        broadcast::cells(),
        watch::cells(),
        adapters::cells(),
        creation::cells(),
        memory::cells(),
        latency::cells(),
        loaded::cells(),
        fairness::cells(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
