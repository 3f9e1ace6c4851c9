//! Ports for servers that are stopped and started again.

use rustix::process::getuid;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the ephemeral range (from 32768 on Linux, from 49152 elsewhere): there, an outgoing
/// connection could take the port while its server is down.
const RANGE: Range<u16> = 10_000..32_768;

/// A port of this harness alone, also while nothing listens on it. It is free again when this is
/// dropped, or when the process ends.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// Locked: tests of several processes run at once.
    _lock: File,
}

impl Port {
    /// A port that is free.
    ///
    /// # Panics
    ///
    /// If the folder of the locks cannot be written.
    pub(crate) fn free() -> Self {
        let folder = format!("levada-nats-ports-{}", getuid().as_raw());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        loop {
            let number = fastrand::u16(RANGE);
            let lock = File::create(folder.join(number.to_string()));
            let lock = lock.expect("the folder of the locks can be written");
            let is_ours = lock.try_lock().is_ok();
            if is_ours && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Self { number, _lock: lock };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_locked_while_it_is_held() {
        let port = Port::free();
        let folder = format!("levada-nats-ports-{}", getuid().as_raw());
        let path = std::env::temp_dir().join(folder).join(port.number.to_string());
        let lock = File::open(path).unwrap();
        lock.try_lock().unwrap_err();
        drop(port);
        lock.lock().unwrap();
    }
}
