//! What every subcommand that asks a server has in common.

use std::path::PathBuf;

use clap::Args;

use crate::outbound::BaseUrl;

/// Where the server is, how to be let in, and how to write what it says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The server, and what is written")]
pub struct ServerOptions {
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        env = "LEVADA_SERVER",
        default_value = "http://127.0.0.1:8080",
        hide_env_values = true
    )]
    pub(crate) server: BaseUrl,

    /// Show the token in this file to the server; without it, the one in the environment variable
    /// LEVADA_TOKEN, if there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Trust the servers that these certificates (PEM) vouch for, instead of those that the system
    /// trusts
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Write the server's JSON to standard output as it came, one object a line
    #[arg(long)]
    pub(crate) json: bool,

    /// Write nothing but errors to standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
