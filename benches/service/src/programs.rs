//! What the contenders are: programs, and what is asked of them.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    Run,
    Accept,
    Backlog,
    Scale,
}

/// Where the programs are.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// The program; built by `cargo build --release -p levada-serve --features nats`
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/levada"))]
    pub(crate) levada: PathBuf,
    /// Where `cargo` and `pip` installed their peers; what is not there is looked for on PATH
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers"))]
    peers: PathBuf,
}

impl Programs {
    /// The program of a peer.
    pub(crate) fn peer(&self, name: &str) -> PathBuf {
        let program = self.peers.join("bin").join(name);
        if program.exists() { program } else { PathBuf::from(name) }
    }
}
