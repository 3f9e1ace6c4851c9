//! After a job was accepted: whatever happens to this program, its message says how to get the
//! output.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Ran, answer, fake, levada, of_job, output, run};

const QUEUED: &str = r#"{"id":"7","state":"queued"}"#;
const COMES_BACK: &str = "levada result 7 --wait 10m";

/// A server that accepts job 7, says that it has `ended` like this, and answers everything else
/// with `otherwise`.
fn accepting(ended: &'static str, otherwise: impl Fn(&str) -> String + Send + 'static) -> String {
    fake(move |head| accepts(head, ended).unwrap_or_else(|| otherwise(head)))
}

fn accepts(head: &str, ended: &str) -> Option<String> {
    if head.starts_with("post ") {
        return Some(answer("202 Accepted", "application/json", QUEUED));
    }
    let events = format!("event: finished\ndata: {{\"state\":\"{ended}\"}}\n\n");
    (head.starts_with("get /jobs/7/events") && !ended.is_empty())
        .then(|| answer("200 OK", "text/event-stream", &events))
}

fn submit(url: &str, args: &[&str]) -> Ran {
    run(levada().args(["submit", "--data", "x", "--server", url]).args(args), b"")
}

#[test]
fn a_job_that_was_run_again_has_no_output_yet() {
    let url =
        accepting("failed", |_| of_job("7", answer("202 Accepted", "application/json", QUEUED)));
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("output");
    for args in [&[][..], &["-o", file.to_str().unwrap()]] {
        let ran = submit(&url, args);
        ran.says(75, &["has not ended; it is queued", COMES_BACK]);
        assert_eq!(ran.text(), "");
        assert!(!file.exists());
    }
}

#[test]
fn it_is_named_when_a_token_no_longer_holds() {
    let body = r#"{"type":"urn:levada:problem:unauthorized","title":"No token"}"#;
    let url = accepting("", move |_| answer("401 Unauthorized", "application/problem+json", body));
    for args in [&[][..], &["--quiet"]] {
        submit(&url, args).says(77, &["No token", "--token-file", COMES_BACK]);
    }
    let ran = submit(&url, &["--json"]);
    ran.says(77, &[COMES_BACK]);
    assert_eq!(ran.line(), body);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let args = ["submit", "--json", "--parallel", "1", "--server", &url, file, file];
    let ran = run(levada().args(args), b"");
    assert_eq!((ran.code, ran.err.matches(COMES_BACK).count()), (77, 2), "{ran:?}");
}

#[test]
fn it_is_named_when_its_output_is_lost() {
    let url = accepting("succeeded", |_| output("7", "out").replacen("Length: 3", "Length: 9", 1));
    submit(&url, &[]).says(69, &["broke off", COMES_BACK]);
    let ran = submit(&url, &["-o", "/dev/full"]);
    ran.says(74, &["/dev/full: No space left", COMES_BACK]);
    assert_eq!(ran.err.matches("levada result").count(), 1, "{ran:?}");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = levada();
    command.args(["submit", "--data", "x", "--no-wait", "--server", &url]).stdout(full);
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{err}");
    assert!(err.contains("standard output") && err.contains(COMES_BACK), "{err}");
}

#[test]
fn the_wait_for_the_end_begins_when_it_was_accepted() {
    let offered = AtomicUsize::new(0);
    let url = fake(move |head| {
        // ORDERING: Relaxed, no pair: one thread counts.
        if head.starts_with("post ") && offered.fetch_add(1, Ordering::Relaxed) == 0 {
            let body = r#"{"type":"urn:levada:problem:queue-full"}"#;
            let full = answer("503 Full", "application/problem+json", body);
            return full.replacen("\r\n", "\r\nRetry-After: 3\r\n", 1);
        }
        accepts(head, "succeeded").unwrap_or_else(|| output("7", "out"))
    });
    // The queue is full for as long as the end may take.
    let ran = submit(&url, &["--wait", "3s", "--max-wait", "1min"]);
    assert_eq!((ran.code, ran.text()), (0, "out"), "{ran:?}");
}
