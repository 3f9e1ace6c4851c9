//! The program that runs a command beside a server.

use std::io;
use std::net::TcpStream;
use std::process::{Command, Output};

/// Runs a script, and returns the address of its server, which it prints, and how it ended.
fn run(script: &str) -> (String, Output) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-nats"));
    let output = command.args(["sh", "-c", script]).output().unwrap();
    let url = String::from_utf8(output.stdout.clone()).unwrap();
    (url.trim().to_owned(), output)
}

#[test]
fn the_server_ends_with_the_command() {
    let (url, output) = run("echo $LEVADA_NATS_URL");
    assert!(output.status.success(), "{output:?}");
    let address = url.strip_prefix("nats://").unwrap();
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_command_that_fails_is_a_failure_and_its_server_ends_as_well() {
    let (url, output) = run("echo $LEVADA_NATS_URL; exit 3");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("sh ended with exit status: 3"), "{said}");
    TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap_err();
}

#[test]
fn a_command_that_is_none_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_with-nats")).arg("no-such-program").output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("cannot start no-such-program"), "{said}");
}
