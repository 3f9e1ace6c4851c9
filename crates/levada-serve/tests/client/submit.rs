//! `levada submit`: bytes in, bytes out, and the exit code.

use crate::support::{Ran, Running, Server, answer, fake, levada, output, run};

const ECHO: &str = "cat";

#[test]
fn bytes_go_in_and_come_out() {
    let server = Server::script(&[], ECHO);
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let ran = run(&mut server.levada(&["submit"]), &bytes);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out == bytes, "{} bytes", ran.out.len());
    let ran = run(&mut server.levada(&["submit", "-"]), b"\xff\x00\n");
    assert_eq!((ran.code, &ran.out[..]), (0, &b"\xff\x00\n"[..]));
    let ran = run(&mut server.levada(&["submit"]), b"");
    assert_eq!((ran.code, &ran.out[..]), (0, &b""[..]));
}

#[test]
fn input_from_files_and_text() {
    let server = Server::script(&[], "cat; printf '%s' \"$LEVADA_CONTENT_TYPE\"");
    std::fs::write(server.file("in"), "of a file;").unwrap();
    for args in [&["submit", "in"][..], &["submit", "--file", "in"]] {
        assert_eq!(server.run(args).text(), "of a file;");
    }
    let ran = server.run(&["submit", "--data", "text;", "--type", "text/csv"]);
    assert_eq!((ran.code, ran.text()), (0, "text;text/csv"));
    let ran = server.run(&["submit", "--data", "x", "-o", "out"]);
    assert_eq!((ran.code, ran.text()), (0, ""));
    assert_eq!(std::fs::read(server.file("out")).unwrap(), b"x");
    server.run(&["submit", "no-such-file"]).says(66, &["no-such-file"]);
}

#[test]
fn exit_codes_are_those_of_the_command() {
    let script =
        "read -r end; echo \"said $end\" >&2; case $end in kill) kill -9 $$;; esac; exit $end";
    let server = Server::script(&[], script);
    for code in [1, 3, 64, 65, 77, 125, 255] {
        let ran = server.run(&["submit", "--data", &format!("{code}\n")]);
        ran.says(code, &[&format!("said {code}\n"), &format!("exit code {code}")]);
        assert_eq!(ran.text(), "");
    }
    server.run(&["submit", "--data", "kill\n"]).says(137, &["signal 9"]);
    let ran = server.run(&["submit", "--data", "3\n", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    assert_eq!(ran.json()[0]["exit_code"], 3);
}

#[test]
fn exit_codes_of_what_did_not_end_by_itself() {
    let server = Server::script(&["--timeout", "100ms", "--max-output", "10"], "read -r it; $it");
    server.run(&["submit", "--data", "sleep 600\n"]).says(124, &["exceeded its time limit"]);
    server
        .run(&["submit", "--data", "seq 100\n"])
        .says(1, &["more than is allowed to standard output"]);
}

#[test]
fn not_waiting_and_waiting_a_while() {
    let server = Server::script(&[], &format!("{} gate open; cat", Server::GATE));
    let id = server.give("x");
    let ran = server.run(&["submit", "--data", "x", "--no-wait", "--json"]);
    let other = ran.json()[0]["id"].as_str().unwrap().to_owned();
    assert_ne!(id, other);
    for args in [&["--data", "x", "--wait", "0"][..], &["--data", "x", "--wait", "200ms"]] {
        let ran = server.run(&[&["submit"], args].concat());
        ran.says(75, &["has not ended", "levada result "]);
        assert_eq!(ran.text(), "");
    }
    let ran = server.run(&["submit", "--data", "x", "--wait", "100ms", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (75, ""));
    assert!(["queued", "running"].contains(&ran.json()[0]["state"].as_str().unwrap()), "{ran:?}");
    server.open("open");
    assert_eq!(server.run(&["submit", "--data", "y", "--wait", "1min"]).text(), "y");
}

#[test]
fn one_key_is_one_job() {
    let server = Server::script(&[], "echo run >>runs; read -r end; echo out; exit \"$end\"");
    for _ in 0..2 {
        let ran = server.run(&["submit", "--data", "0\n", "--key", "k1"]);
        assert_eq!((ran.code, ran.text()), (0, "out\n"));
        server.run(&["submit", "--data", "4\n", "--key", "k2"]).says(4, &["exit code 4"]);
    }
    assert_eq!(std::fs::read_to_string(server.file("runs")).unwrap(), "run\nrun\n");
    server.run(&["submit", "--data", "5\n", "--key", "k1"]).says(1, &["another --key"]);
}

#[test]
fn refused_for_now() {
    let options = ["--workers", "1", "--queue", "1"];
    let server = Server::script(&options, &format!("{} gate open; cat", Server::GATE));
    let first = server.give("1");
    server.until_state(&first, "running");
    let second = server.give("2");
    let ran = server.run(&["submit", "--data", "3"]);
    ran.says(75, &["The queue is full", "Try again in"]);
    let ran = server.run(&["submit", "--data", "3", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (75, ""));
    assert_eq!(ran.json()[0]["type"], "urn:levada:problem:queue-full");
    // A large input is not sent in vain, and what is said about it arrives.
    std::fs::write(server.file("large"), vec![0; 4 << 20]).unwrap();
    server.run(&["submit", "large"]).says(75, &["The queue is full"]);
    // One that waits for its turn.
    let args = ["submit", "--data", "4", "--max-wait", "1min"];
    let mut patient = Running::start(&mut server.levada(&args), b"");
    patient.until_said("The queue is full; again in");
    server.open("open");
    let Ran { code, out, .. } = patient.end();
    assert_eq!((code, &out[..]), (0, &b"4"[..]));
    server.until_state(&second, "succeeded");
}

#[test]
fn too_large() {
    let server = Server::script(&["--max-body", "1KiB"], ECHO);
    for size in [1025, 60_000, 4 << 20] {
        let ran = run(&mut server.levada(&["submit"]), &vec![0; size]);
        ran.says(1, &["at most 1024 bytes"]);
    }
}

#[test]
fn as_many_attempts_as_asked_for() {
    let options = ["--workers", "1", "--queue", "1"];
    let server = Server::script(&options, "sleep 600");
    let first = server.give("1");
    server.until_state(&first, "running");
    server.give("2");
    let ran = server.run(&["submit", "--data", "3", "--retry", "1"]);
    ran.says(75, &["again in"]);
    assert_eq!(ran.err.matches("; again in").count(), 1, "{ran:?}");
}

#[test]
fn output_as_it_comes() {
    // The client misses what the command writes before it listens; so the command repeats it.
    let script = "until [ -e open ]; do echo tick >&2; sleep 0.02; done; echo last >&2; echo out; read -r end; exit $end";
    let server = Server::script(&[], script);
    for (end, out) in [(0, "out\n"), (3, "")] {
        let args = ["submit", "--follow", "--data", &format!("{end}\n")];
        let mut running = Running::start(&mut server.levada(&args), b"");
        running.until_said("levada: job ");
        running.until_said("tick\n");
        server.open("open");
        let ran = running.end();
        assert_eq!((ran.code, ran.text()), (end, out), "{ran:?}");
        assert_eq!(ran.err.matches("last\n").count(), 1, "once: {ran:?}");
        std::fs::remove_file(server.file("open")).unwrap();
    }
}

#[test]
fn quietly_nothing_is_followed_but_the_output() {
    let url = fake(|head| match head {
        _ if head.starts_with("post ") => {
            answer("202 Accepted", "application/json", r#"{"id":"7","state":"queued"}"#)
        }
        _ if head.starts_with("get /jobs/7/events") => {
            let events = concat!(
                "event: output\ndata: {\"stream\":\"stderr\",\"text\":\"noise\\nmore\"}\n\n",
                "event: finished\ndata: {\"state\":\"succeeded\"}\n\n"
            );
            answer("200 OK", "text/event-stream", events)
        }
        _ => output("7", "out"),
    });
    let mut command = levada();
    command.args(["submit", "--data", "x", "--follow", "--server", &url]);
    let ran = run(&mut command, b"");
    assert_eq!((ran.code, ran.text(), &*ran.err), (0, "out", "levada: job 7\nnoise\nmore\n"));
    let ran = run(command.arg("--quiet"), b"");
    assert_eq!((ran.code, ran.text(), &*ran.err), (0, "out", ""));
}

#[test]
fn several_files() {
    let script = "read -r line; [ \"$line\" != bad ] || exit 3; echo \"done $line\"";
    let server = Server::script(&["--workers", "2"], script);
    for (name, text) in [("a", "1\n"), ("b", "bad\n"), ("c", "3\n")] {
        std::fs::write(server.file(name), text).unwrap();
    }
    server.run(&["submit", "a", "c"]).says(2, &["--output-dir"]);
    let ran = server.run(&["submit", "a", "b", "c", "--output-dir", "out", "--parallel", "2"]);
    ran.says(3, &["b:\n", "exit code 3"]);
    let out = |name: &str| std::fs::read_to_string(server.file("out").join(name)).ok();
    assert_eq!(out("a").as_deref(), Some("done 1\n"));
    assert_eq!(out("b"), None);
    assert_eq!(out("c").as_deref(), Some("done 3\n"));
    let ran = server.run(&["submit", "a", "c", "--output-dir", "out"]);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "", ""));
    let ran = server.run(&["submit", "a", "c", "--json"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.json().len(), 2);
    assert!(ran.json().iter().all(|job| job["state"] == "succeeded"), "{ran:?}");
    let ran = server.run(&["submit", "a", "b", "--json", "--output-dir", "both"]);
    assert_eq!((ran.code, ran.json().len(), ran.err.as_str()), (3, 2, ""), "{ran:?}");
    assert_eq!(std::fs::read(server.file("both/a")).unwrap(), b"done 1\n");
    assert!(!server.file("both/b").exists());
    let ran = server.run(&["submit", "a", "c", "--no-wait"]);
    assert_eq!((ran.code, ran.text().lines().count()), (0, 2));
}

#[test]
fn no_output_replaces_an_input() {
    let server = Server::script(&[], ECHO);
    std::fs::create_dir(server.file("d")).unwrap();
    for name in ["a", "d/a"] {
        std::fs::write(server.file(name), "input").unwrap();
    }
    server.run(&["submit", "a", "--output-dir", "."]).says(2, &["replace the input"]);
    server.run(&["submit", "a", "d/a", "--output-dir", "out"]).says(2, &["two files are called a"]);
    server.run(&["submit", "a", "d/a", "--no-wait", "--key", "k"]).says(2, &["--key"]);
    assert_eq!(std::fs::read(server.file("a")).unwrap(), b"input");
}
