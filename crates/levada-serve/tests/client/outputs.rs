//! Where an output goes: that is known before there is a job, and nothing is lost on the way.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::support::{Server, answer, fake, levada, of_job, output, run};

/// Appends to `runs`, and repeats its input.
const SCRIPT: &str = "echo run >>runs; cat";

#[test]
fn a_place_that_cannot_be_written_is_found_before_there_is_a_job() {
    let server = Server::script(&[], SCRIPT);
    fs::create_dir(server.file("d")).unwrap();
    fs::write(server.file("in"), "input").unwrap();
    fs::write(server.file("plain"), "old").unwrap();
    // No user can write these, not even root.
    for (to, code) in [("d", 74), ("no/such", 66), ("plain/x", 74), ("/proc/no-such", 66)] {
        let ran = server.run(&["submit", "--data", "x", "-o", to]);
        ran.says(code, &[&format!("cannot write {to}: "), "nothing was submitted"]);
        let ran = server.run(&["submit", "--data", "x", "--json", "-o", to]);
        ran.says(code, &["nothing was submitted"]);
    }
    fs::create_dir_all(server.file("out/in")).unwrap();
    server
        .run(&["submit", "in", "plain", "--output-dir", "out"])
        .says(74, &["cannot write out/in: Is a directory", "nothing was submitted"]);
    server
        .run(&["submit", "in", "--output-dir", "plain"])
        .says(74, &["cannot make plain: ", "nothing was submitted"]);
    assert!(!server.file("runs").exists() && !server.file("out/plain").exists());
    assert_eq!(server.run(&["status", "--json"]).text(), "");
    let id = server.give("x");
    server.run(&["result", &id, "--wait", "1min", "-o", "d"]).says(74, &["cannot write d: "]);
}

#[test]
fn a_file_keeps_what_it_has_until_there_is_an_output() {
    let server = Server::script(&[], "read -r end; echo out; exit \"$end\"");
    fs::write(server.file("kept"), "old").unwrap();
    symlink("target", server.file("link")).unwrap();
    for to in ["kept", "new", "link"] {
        server.run(&["submit", "--data", "3\n", "-o", to]).says(3, &[]);
        server.run(&["submit", "--data", "0\n", "--wait", "0", "-o", to]);
    }
    assert_eq!(fs::read(server.file("kept")).unwrap(), b"old");
    assert!(!server.file("new").exists() && !server.file("target").exists());
    for (to, at) in [("kept", "kept"), ("new", "new"), ("link", "target")] {
        assert_eq!(server.run(&["submit", "--data", "0\n", "-o", to]).code, 0);
        assert_eq!(fs::read(server.file(at)).unwrap(), b"out\n");
    }
    assert!(server.file("link").is_symlink());
    let ran = server.run(&["submit", "--data", "0\n", "-o", "/dev/stdout"]);
    assert_eq!((ran.code, ran.text()), (0, "out\n"));
}

/// Something between may answer in the server's place, even with the output of another job.
#[test]
fn an_output_is_that_of_the_job() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let url = fake(move |_| {
        // ORDERING: Relaxed, no pair: one thread counts.
        count.fetch_add(1, Ordering::Relaxed);
        output("8", "out")
    });
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("output");
    for more in [&[][..], &["--stderr"], &["-o", file.to_str().unwrap()]] {
        let ran = run(levada().args(["result", "7", "--server", &url]).args(more), b"");
        ran.says(1, &["not from levada", "\"out\""]);
        assert_eq!(ran.text(), "");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert!(!file.exists());
    let ran = run(levada().args(["result", "8", "--server", &url]), b"");
    assert_eq!((ran.code, ran.text()), (0, "out"));
}

/// A proxy that keeps events back until a stream ends, or for ever, keeps no job from its end.
#[test]
fn a_job_is_followed_without_events() {
    let asked = AtomicUsize::new(0);
    let url = fake(move |head| match head {
        _ if head.starts_with("post ") => {
            answer("202 Accepted", "application/json", r#"{"id":"7","state":"queued"}"#)
        }
        _ if head.starts_with("get /jobs/7/events") => answer("200 OK", "text/event-stream", ""),
        _ if head.starts_with("get /jobs/7 ") => {
            // ORDERING: Relaxed, no pair: one thread counts.
            let state =
                if asked.fetch_add(1, Ordering::Relaxed) == 0 { "running" } else { "succeeded" };
            let body = format!(r#"{{"id":"7","state":"{state}"}}"#);
            of_job("7", answer("200 OK", "application/json", &body))
        }
        _ => output("7", "out"),
    });
    let ran = run(levada().args(["submit", "--data", "x", "--server", &url]), b"");
    assert_eq!((ran.code, ran.text()), (0, "out"), "{ran:?}");
}
