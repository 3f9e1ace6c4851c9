//! Every channel with every group of its methods and messages of several sizes, for `cargo xtask
//! targets`. A generic function is compiled, and its constants are checked, where a program calls
//! it: that the library compiles for a target does not mean that a program does.
//!
//! It wants no executor and no clock, and threads only where there are some. `cargo xtask test`
//! runs the same at home.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod broadcast;
mod mpmc;
mod mpsc;
mod oneshot;
mod streams;
mod support;
#[cfg(not(target_family = "wasm"))]
mod threads;
mod watch;

use self::support::{Aligned, Message};

/// Checks all channels with messages of one type, and gives how many they are.
fn run_with<T: Message>() -> u32 {
    let channels: [fn(); 5] = [
        mpsc::check::<T>,
        mpmc::check::<T>,
        oneshot::check::<T>,
        broadcast::check::<T>,
        watch::check::<T>,
    ];
    channels.iter().for_each(|check| check());
    streams::check::<T>();
    #[cfg(not(target_family = "wasm"))]
    threads::check::<T>();
    channels.len() as u32
}

/// Checks every channel with every type of message, and gives how many pairs of them there are.
// No other function of this name is linked in: this library is the whole program.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> u32 {
    let types: [fn() -> u32; 7] = [
        run_with::<()>,
        run_with::<u8>,
        run_with::<u32>,
        run_with::<u64>,
        run_with::<[u8; 100]>,
        run_with::<String>,
        run_with::<Aligned>,
    ];
    types.iter().map(|run| run()).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_channel_takes_every_message() {
        assert_eq!(super::run(), 5 * 7);
    }
}
