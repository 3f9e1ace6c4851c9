//! Channels in a process that forbids itself system calls, or is forbidden them. Each scene is a
//! process of its own, in which `main` is the only thread; so there is no harness.
#![cfg_attr(
    target_os = "linux",
    expect(clippy::unwrap_used, reason = "in a test it is an assertion")
)]

#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod scenes;
#[cfg(target_os = "linux")]
mod traffic;

#[cfg(target_os = "linux")]
fn main() {
    scenes::main();
}

/// Only Linux has the system call, and these filters.
#[cfg(not(target_os = "linux"))]
fn main() {}
