//! What cannot work is said: what happened, with which value, and what to do.

use crate::support::{Server, answer, fake, levada, run};

#[test]
fn nothing_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for args in [&["submit", "--data", "x"][..], &["status"], &["queues"], &["queues", "--watch"]] {
        let ran = run(levada().args(args).args(["--server", &url]), b"");
        ran.says(69, &[&url, "levada serve -- COMMAND", "--server", "LEVADA_SERVER"]);
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let args = ["submit", "--no-wait", "--parallel", "1", "--server", &url, file, file, file];
    let ran = run(levada().args(args), b"");
    ran.says(69, &[&url]);
    assert_eq!(ran.err.matches("nothing listens").count(), 1, "the others are not tried: {ran:?}");
    let args = ["submit", "--data", "x", "--retry", "2", "--server", &url];
    let ran = run(levada().args(args), b"");
    assert_eq!(ran.err.matches("again in").count(), 2, "{ran:?}");
    ran.says(69, &[&url]);
    let ran = run(levada().args(args).arg("--quiet"), b"");
    assert_eq!(ran.err.matches("again in").count(), 0, "{ran:?}");
}

#[test]
fn not_tls() {
    let server = Server::script(&[], "cat");
    let url = server.url().replace("http:", "https:");
    let ran = run(levada().args(["queues", "--server", &url]), b"");
    ran.says(69, &[&url, "does not speak TLS", "http://"]);
}

#[test]
fn addresses_that_are_none() {
    for (url, hint) in [
        ("localhost:8080", "http://127.0.0.1:8080"),
        ("ftp://a", "http://127.0.0.1:8080"),
        ("http://name:secret@a", "--token-file"),
    ] {
        run(levada().args(["queues", "--server", url]), b"").says(2, &["--server", hint]);
        run(levada().arg("queues").env("LEVADA_SERVER", url), b"").says(2, &["--server", hint]);
    }
}

#[test]
fn unknown_queues() {
    let server = Server::script(&[], "cat");
    let ran = server.run(&["submit", "--queue", "a/../b?c", "--data", "x"]);
    ran.says(66, &["a/../b?c", "default", "levada queues"]);
}

#[test]
fn tokens() {
    let refuse = |head: &str| {
        let title =
            if head.contains("\r\nauthorization: bearer s3cret\r\n") { "right" } else { "wrong" };
        let body = format!(r#"{{"type":"urn:levada:problem:unauthorized","title":"{title}"}}"#);
        answer("401 Unauthorized", "application/problem+json", &body)
    };
    let url = fake(refuse);
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("token");
    let levada = || {
        let mut command = levada();
        command.args(["queues", "--server", &url]);
        command
    };
    let with_file = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(levada().arg("--token-file").arg(&file).env("LEVADA_TOKEN", "another"), b"")
    };
    run(&mut levada(), b"").says(77, &["wrong", "--token-file", "LEVADA_TOKEN"]);
    run(levada().env("LEVADA_TOKEN", "s3cret"), b"").says(77, &["right"]);
    for text in ["s3cret", "s3cret\n", "# mine\n\n  me s3cret\n"] {
        with_file(text).says(77, &["right"]);
    }
    for text in ["", "\n", "#\n", "s3crét"] {
        let ran = with_file(text);
        ran.says(2, &["token", "has no token"]);
        assert!(!ran.err.contains("crét"), "{ran:?}");
    }
    let ran = run(levada().args(["--token-file", "no-such-file"]), b"");
    ran.says(66, &["no-such-file"]);
    // Nothing ever shows it.
    let ran = run(levada().env("LEVADA_TOKEN", "s3cret"), b"");
    assert!(!ran.err.contains("s3cret") && !ran.text().contains("s3cret"), "{ran:?}");
    run(crate::support::levada().args(["queues", "--token", "x"]), b"").says(2, &["--token"]);
}

#[test]
fn a_path_before_the_interface() {
    let url = fake(|head| match head.split(' ').nth(1) {
        Some("/behind/this/q/a%20b") => {
            answer("202 Accepted", "application/json", r#"{"id":"7","state":"queued"}"#)
        }
        path => panic!("{path:?} is asked for"),
    });
    let args = ["submit", "--no-wait", "--data", "x", "--queue", "a b"];
    let ran = run(levada().args(args).args(["--server", &format!("{url}/behind/this/")]), b"");
    assert_eq!((ran.code, ran.line().as_str()), (0, "7"), "{ran:?}");
}

#[test]
fn nobody_reads_what_is_wrong() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = levada().args(["serve", "--", "no-such-command"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
