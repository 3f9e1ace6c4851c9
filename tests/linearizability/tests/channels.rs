//! The channels are linearizable, as far as their specifications say.

use linearizability::{Native, broadcast, explore, lossless, oneshot, queue, watch};

const SEEDS: u64 = 5000;

#[test]
fn mpsc() {
    explore("mpsc", SEEDS, |seed| queue::mpsc(seed, &Native));
}

#[test]
fn mpmc() {
    explore("mpmc", SEEDS, |seed| queue::mpmc(seed, &Native));
}

#[test]
fn broadcast() {
    explore("broadcast", SEEDS, |seed| broadcast::run(seed, &Native));
}

#[test]
fn lossless() {
    explore("lossless", SEEDS, |seed| lossless::run(seed, &Native));
}

#[test]
fn watch() {
    explore("watch", SEEDS, |seed| watch::run(seed, &Native));
}

#[test]
fn oneshot() {
    explore("oneshot", SEEDS, |seed| oneshot::run(seed, &Native));
}
