//! What every subcommand that asks a server has in common.

use std::path::PathBuf;

use clap::Args;

use crate::outbound::BaseUrl;

/// Where the server is, how to be let in, and how to write what it says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server and output")]
pub struct ServerOptions {
    /// The address of the server
    #[arg(
        long,
        value_name = "URL",
        env = "LEVADA_SERVER",
        default_value = "http://127.0.0.1:8080",
        hide_env_values = true
    )]
    pub(crate) server: BaseUrl,

    /// Send the token in this file [default: that of the environment variable LEVADA_TOKEN, if it
    /// is set]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Trust the certificate authorities in this file (PEM) instead of those of the system
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Write the server's answers to standard output as JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,

    /// Write only errors to standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
