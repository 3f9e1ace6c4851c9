//! The faults, in the order of the layers of the core.
//!
//! A fault is one that a person could make: small, and with a reason why it is wrong. If the core
//! changes so that a text is not there any more, its fault is adapted to the new code.

mod broadcast;
mod lanes;
mod lossless;
mod oneshot;
mod overflow;
mod prim_util;
mod queue;
mod queue_receive;
mod rendezvous;
mod storage;
mod storage_latest;
mod wait;
mod wait_permits;
mod watch;
mod weighted;

use super::fault::Fault;

pub(super) fn all() -> impl Iterator<Item = &'static Fault> {
    let tables = [
        prim_util::FAULTS,
        storage::FAULTS,
        storage_latest::FAULTS,
        wait::FAULTS,
        wait_permits::FAULTS,
        queue::FAULTS,
        queue_receive::FAULTS,
        overflow::FAULTS,
        lanes::FAULTS,
        weighted::FAULTS,
        rendezvous::FAULTS,
        oneshot::FAULTS,
        broadcast::FAULTS,
        lossless::FAULTS,
        watch::FAULTS,
    ];
    tables.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::root;

    /// A fault whose text the code has left behind would be noticed only when it is planted.
    #[test]
    fn each_text_is_in_its_file_once() {
        let lost: Vec<_> = all().filter_map(|fault| fault.planted(&root()).err()).collect();
        assert!(lost.is_empty(), "{lost:#?}");
    }
}
