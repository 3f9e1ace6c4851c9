//! The channels are linearizable, as far as their specifications say.

use linearizability::{
    Native, broadcast, explore, lanes, lossless, oneshot, policies, queue, rendezvous, watch,
    weighted,
};

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
fn mpsc_policies() {
    explore("policies of mpsc", SEEDS, |seed| policies::mpsc(seed, &Native));
}

#[test]
fn mpmc_policies() {
    explore("policies of mpmc", SEEDS, |seed| policies::mpmc(seed, &Native));
}

#[test]
fn weighted() {
    explore("weighted", SEEDS, |seed| weighted::run(seed, &Native));
}

#[test]
fn mpsc_lanes() {
    explore("lanes of mpsc", SEEDS, |seed| lanes::mpsc(seed, &Native));
}

#[test]
fn mpmc_lanes() {
    explore("lanes of mpmc", SEEDS, |seed| lanes::mpmc(seed, &Native));
}

#[test]
fn rendezvous() {
    explore("rendezvous", SEEDS, |seed| rendezvous::run(seed, &Native));
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
