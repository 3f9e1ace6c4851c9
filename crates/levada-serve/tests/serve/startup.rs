//! Command lines that cannot work are refused before anything listens, with the reason.

use std::process::Output;

use crate::support::{Notes, Server, levada};

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = levada().arg("serve").args(args).output().unwrap();
    assert!(stdout.is_empty(), "it says that it listens: {stdout:?}");
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn command_must_exist_and_be_executable() {
    let notes = Notes::new();
    notes.write("plain");
    for command in ["no-such-command-here", "/no/such/file", "/", &notes.at("plain")] {
        let (code, message) = refused(&["--listen", "127.0.0.1:0", "--", command]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(command), "{message}");
    }
}

#[test]
fn remote_addresses_need_tokens() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let (code, message) = refused(&["--listen", address, "--", "cat"]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains("--token-file"), "{message}");
    }
}

#[test]
fn mistakes_name_the_option_and_the_bounds() {
    for (option, value, hint) in [
        ("--queue", "0", "1 to 1000000"),
        ("--workers", "many", "0 to 4096"),
        ("--timeout", "-1", "1ms"),
        ("--max-body", "lots", "8MiB"),
        ("--listen", "8080", "127.0.0.1:8080"),
    ] {
        let (code, message) = refused(&[&format!("{option}={value}"), "--", "cat"]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(option) && message.contains(hint), "{message}");
    }
    let (code, message) = refused(&[]);
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("COMMAND"), "{message}");
}

#[tokio::test]
async fn address_in_use_is_said() {
    let server = Server::start(&[], &["cat"]);
    let address = server.address.to_string();
    let (code, message) = refused(&["--listen", &address, "--", "cat"]);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains(&address), "{message}");
}

#[test]
fn bad_log_filter_is_said() {
    let output = levada()
        .args(["serve", "--listen", "127.0.0.1:0", "--", "cat"])
        .env("RUST_LOG", "levada_serve=loud")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("levada_serve=loud"));
}

#[test]
fn check_prints_what_holds_or_all_mistakes() {
    let notes = Notes::new();
    let file = notes.at("levada.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        levada().args(["serve", "--check", "--config", &file]).output().unwrap()
    };
    let output = check("[queue.count]\ncommand = [\"wc\", \"-c\"]\ntimeout = \"1h30m\"\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("[queue.count]") && printed.contains("\"1h 30m\""), "{printed}");
    assert_eq!(check(&printed).stdout, printed.as_bytes(), "it can be read again");

    let output = check("[queue.count]\ncomand = [\"wc\"]\ntimeout = \"soon\"\n");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let message = String::from_utf8(output.stderr).unwrap();
    for expected in ["levada.toml:2:1: queue.count.comand: ", ":3:11: ", "give a duration"] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn file_has_the_options_of_the_service() {
    let notes = Notes::new();
    let file = notes.at("levada.toml");
    let check = |service: &str, options: &[&str]| {
        let queue = "[queue.count]\ncommand = [\"wc\", \"-c\"]\n";
        std::fs::write(&file, format!("[service]\n{service}\n{queue}")).unwrap();
        let output =
            levada().args(["serve", "--check", "--config", &file]).args(options).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, printed) = check("store = \"jobs\"\nfull_status = 429", &["--max-connections=9"]);
    let store = format!("store = \"{}\"", notes.at("jobs"));
    assert_eq!(code, Some(0), "{printed}");
    for expected in [&store, "full_status = 429", "max_connections = 9"] {
        assert!(printed.contains(expected), "{printed}");
    }
    for (service, expected) in [
        ("listen = \"0.0.0.0:0\"", "--token-file"),
        ("tls_cert = \"c\"", "--tls-key"),
        ("token_file = \"/no/such\"", "/no/such: cannot read it"),
        ("max_connections = 0", "give a whole number from 1 to 1000000"),
    ] {
        let (code, message) = check(service, &[]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    // A token file of the command line takes the place of that in the file.
    std::fs::write(notes.at("tokens"), "alice 0123456789abcdef").unwrap();
    std::process::Command::new("chmod").args(["o=", &notes.at("tokens")]).status().unwrap();
    let tokens = notes.at("tokens");
    let (code, message) = check("token_file = \"/no/such\"", &["--token-file", &tokens]);
    assert_eq!(code, Some(0), "{message}");
}
