//! `with-nats COMMAND [ARGUMENTS]`: runs a command beside a server, whose address is in the
//! variable `LEVADA_NATS_URL`. The server ends with the command.

#![forbid(unsafe_code)]

use levada_nats_test::Server;
use std::process::{Command, ExitCode};

/// Where the command finds the server.
const URL_VARIABLE: &str = "LEVADA_NATS_URL";

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("with-nats: which command? `with-nats COMMAND [ARGUMENTS]`");
        return ExitCode::from(2);
    };
    let server = Server::start().await;
    let status = Command::new(&program).args(words).env(URL_VARIABLE, server.url()).status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("with-nats: {} ended with {status}", program.display());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("with-nats: cannot start {}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
