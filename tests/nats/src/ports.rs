//! Ports for servers that are stopped and started again.
//!
//! Port 0 gives one of the ephemeral range, from which outgoing connections take theirs, so that a
//! restart may find it taken. These are below that range (32768 on Linux, 49152 elsewhere).

use std::net::{Ipv4Addr, TcpListener};

const RANGE: std::ops::Range<u16> = 10_000..32_768;

/// A port that is free now. Another process may take it before it is used: a bind that fails is
/// repeated with another one.
pub(crate) fn free() -> u16 {
    loop {
        let port = fastrand::u16(RANGE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
