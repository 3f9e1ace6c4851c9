//! `levada man`: its options.

use std::path::PathBuf;

use clap::Args;

/// Options of `levada man`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples: levada man | man -l -
          levada man submit | man -l -
          levada man --output-dir ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The page of this subcommand, instead of the one of levada
    #[arg(value_name = "SUBCOMMAND")]
    pub(crate) subcommand: Option<String>,

    /// Write all pages to this directory: levada.1, levada-submit.1, ...
    #[arg(long, value_name = "DIR", conflicts_with = "subcommand")]
    pub(crate) output_dir: Option<PathBuf>,
}
