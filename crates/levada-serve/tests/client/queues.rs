//! `levada queues`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::Server;

#[test]
fn table_and_json() {
    let server = Server::script(&["--queue", "7", "--workers", "3"], "cat");
    server.run(&["submit", "--data", "x"]);
    let ran = server.run(&["queues"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines.len(), 2, "{ran:?}");
    assert!(lines[0].starts_with("QUEUE ") && lines[1].starts_with("default  ░"), "{ran:?}");
    let ran = server.run(&["queues", "--json"]);
    let queue = &ran.json()[0]["queues"][0];
    assert_eq!((queue["capacity"].as_u64(), queue["succeeded"].as_u64()), (Some(7), Some(1)));
}

#[test]
fn watching() {
    let server = Server::script(&[], "cat");
    let mut child =
        server.levada(&["queues", "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut succeeded = || {
        let overview: serde_json::Value =
            serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        overview["queues"][0]["succeeded"].as_u64().unwrap()
    };
    assert_eq!(succeeded(), 0);
    server.run(&["submit", "--data", "x"]);
    while succeeded() != 1 {}
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn nobody_reads() {
    let server = Server::script(&[], "cat");
    let mut child = server.levada(&["queues", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    // The next change is one line too many for the closed pipe.
    crate::support::until("it to end", || {
        server.run(&["submit", "--data", "x"]);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
