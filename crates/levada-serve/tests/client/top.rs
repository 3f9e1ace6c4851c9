//! `levada top`, on a terminal and without one, as a person sees it.

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use levada::mpmc;
use levada_observe::{Observer, Observing};
use rustix::process::Signal;

use crate::pty::Pty;
use crate::support::{answer, fake, levada, run, until};

/// This process is the sick program: fourteen threads wait for capacity, since nothing receives.
/// They end with it.
fn sick(address: &str) -> Observing {
    static QUEUE: std::sync::Once = std::sync::Once::new();
    QUEUE.call_once(|| {
        let (tx, rx) = mpmc::builder::<u64>(100).named("jobs").build();
        thread::spawn(move || {
            while rx.blocking_recv().is_some() {
                thread::sleep(Duration::from_millis(200));
            }
        });
        for job in 0..14 {
            let tx = tx.clone();
            thread::spawn(move || while tx.blocking_send(job).is_ok() {});
        }
    });
    let soon = Duration::from_millis(200);
    let observer = Observer::new().interval(Duration::from_millis(50)).full_after(soon);
    let observing = observer.address(address.parse().unwrap()).start().unwrap();
    until("the queue to be full", || {
        levada_observe::report().findings.iter().any(|finding| finding.rule == "full")
    });
    observing
}

/// The line of `blocking_send` above.
fn line_to_fix() -> String {
    let text = include_str!("top.rs");
    let at = text.lines().position(|line| line.contains("while tx.blocking_send")).unwrap();
    format!("top.rs:{}", at + 1)
}

fn top(address: Option<SocketAddr>) -> Command {
    let mut command = levada();
    let address = address.unwrap();
    command.args(["top", "--interval", "100ms", &format!("http://{address}")]);
    command
}

#[test]
fn a_person_finds_the_line_to_fix() {
    let observing = sick("127.0.0.1:0");
    for columns in [80, 160] {
        let mut pty = Pty::start(&mut top(observing.address()), columns, 30);
        let line = line_to_fix();
        // The sentence is broken between words: look for it without its breaks.
        pty.until("the finding", |text| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let found = text.contains("jobs was full") && text.contains("14 tasks at");
            found && text.contains(&format!("{line} wait to send"))
        });
        pty.until_all(&["■ full", "100 of 100", "sorted by trouble", "every 100ms", &line]);
        pty.press("\r");
        pty.until_all(&["Tasks that wait", "14 × send", "oldest", "high-water mark", &line]);
        pty.press("\x1b");
        pty.until_all(&["STATE▼"]);
        pty.press("g");
        pty.until_all(&["14 tasks ──send─▶ jobs"]);
        pty.press("?");
        pty.until_all(&["ctrl-z", "suspend"]);
        // With the next key in the same breath it would be Alt and that key.
        pty.press("\x1b");
        pty.until_all(&["STATE▼"]);
        pty.press("ss");
        pty.until_all(&["DEPTH▼", "sorted by depth"]);
        pty.press("r");
        pty.until_all(&["DEPTH▲", "reversed"]);
        pty.press("/nothing like it\r");
        pty.until_all(&["No channel has \"nothing like it\""]);
        pty.press("\x1b");
        pty.until_all(&["■ full"]);
        pty.press("q");
        pty.ends_restored(0);
    }
}

#[test]
fn what_is_frozen_stays() {
    let observing = sick("127.0.0.1:0");
    let mut pty = Pty::start(&mut top(observing.address()), 100, 30);
    pty.until_all(&["■ full"]);
    pty.press(" ");
    pty.until_all(&["FROZEN", "go on"]);
    pty.press("p");
    pty.until_all(&["every 100ms"]);
    pty.press("\x03");
    pty.ends_restored(0);
}

#[test]
fn every_end_restores_the_terminal() {
    let observing = sick("127.0.0.1:0");
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let mut pty = Pty::start(&mut top(observing.address()), 100, 30);
        pty.until_all(&["■ full"]);
        assert!(!pty.is_restored());
        pty.signal(signal);
        pty.ends_restored(code);
    }
    // A terminal that is closed has nothing to restore; the program must not stay behind.
    let mut pty = Pty::start(&mut top(observing.address()), 100, 30);
    pty.until_all(&["■ full"]);
    pty.close();
    pty.signal(Signal::HUP);
    assert_eq!(pty.end(), 129);
    // Also if no signal says so.
    let mut pty = Pty::start(&mut top(observing.address()), 100, 30);
    pty.until_all(&["■ full"]);
    pty.close();
    assert_eq!(pty.end(), 74);
}

#[test]
fn it_can_be_suspended_and_continued() {
    let observing = sick("127.0.0.1:0");
    let mut pty = Pty::start(&mut top(observing.address()), 100, 30);
    pty.until_all(&["■ full"]);
    pty.press("\x1a");
    pty.until("it to stop", |_| pty.is_stopped() && pty.is_restored());
    pty.signal(Signal::CONT);
    pty.until("it to go on", |text| !pty.is_restored() && text.contains("■ full"));
    // Stopped without a chance to give the terminal back.
    pty.signal(Signal::STOP);
    pty.until("it to stop", |_| pty.is_stopped());
    pty.signal(Signal::CONT);
    pty.press("g");
    pty.until_all(&["14 tasks ──send─▶ jobs"]);
    pty.press("q");
    pty.ends_restored(0);
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let observing = sick("127.0.0.1:0");
    let mut pty = Pty::start(&mut top(observing.address()), 80, 24);
    pty.until("a narrow table", |text| text.contains("■ full") && !text.contains("EMPTY"));
    pty.resize(180, 40);
    pty.until_all(&["■ full", "EMPTY", "LAST MINUTE"]);
    pty.resize(40, 5);
    pty.until_all(&["The terminal has 40 columns and 5"]);
    pty.resize(1, 1);
    pty.resize(80, 24);
    pty.until("the table again", |text| text.contains("■ full"));
    pty.press("q");
    pty.ends_restored(0);
}

#[test]
fn a_program_that_dies_and_comes_back() {
    let observing = sick("127.0.0.1:0");
    let address = observing.address().unwrap();
    let mut pty = Pty::start(&mut top(Some(address)), 100, 30);
    pty.until_all(&["■ full"]);
    drop(observing);
    let gone = format!("nothing listens at http://{address}; shown is the last report before");
    pty.until_all(&["NO ANSWER", &gone, "trying again every", "■ full"]);
    let _observing = sick(&address.to_string());
    pty.until("it to be back", |text| !text.contains("NO ANSWER") && text.contains("every 100ms"));
    pty.press("q");
    pty.ends_restored(0);
}

#[test]
fn colours_are_left_out_if_they_are_not_wanted() {
    let observing = sick("127.0.0.1:0");
    let is_coloured = |pty: &Pty| {
        let bytes = pty.bytes();
        ["\x1b[38;", "\x1b[48;", "\x1b[31m", "\x1b[33m"].iter().any(|it| bytes.contains(it))
    };
    let mut pty = Pty::start(top(observing.address()).env("NO_COLOR", "1"), 100, 30);
    pty.until_all(&["■ full"]);
    assert!(!is_coloured(&pty), "{:?}", pty.bytes());
    pty.press("q");
    pty.ends_restored(0);
    let pty = Pty::start(&mut top(observing.address()), 100, 30);
    pty.until_all(&["■ full"]);
    assert!(is_coloured(&pty), "{:?}", pty.bytes());
}

#[test]
fn what_is_recorded_is_replayed() {
    let observing = sick("127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.ndjson");
    let count = || std::fs::read_to_string(&file).map_or(0, |text| text.lines().count());
    let mut pty = Pty::start(top(observing.address()).arg("--record").arg(&file), 120, 30);
    until("three reports", || count() >= 3);
    pty.until_all(&["recording to", "run.ndjson"]);
    pty.press("q");
    pty.ends_restored(0);
    let all = count();
    let replay = || {
        let mut command = levada();
        command.args(["top", "--replay"]).arg(&file);
        command
    };
    let mut pty = Pty::start(&mut replay(), 120, 30);
    pty.press(" [");
    pty.until_all(&[&format!("■ 1 of {all} ×1"), "■ full", &line_to_fix()]);
    pty.press("\x1b[C+");
    pty.until_all(&[&format!("■ 2 of {all} ×2")]);
    pty.press("]");
    pty.until_all(&[&format!("■ {all} of {all} ×2")]);
    pty.press("q");
    pty.ends_restored(0);
    let ran = run(replay().arg("--once"), b"");
    assert!(ran.code == 0 && ran.text().contains("■ full"), "{ran:?}");
    // It replaces no file.
    run(top(observing.address()).arg("--record").arg(&file), b"").says(74, &["exists"]);
}

#[test]
fn without_a_terminal_it_prints_one_table() {
    let observing = sick("127.0.0.1:0");
    let ran = run(&mut top(observing.address()), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = line_to_fix();
    for words in ["jobs was full", "STATE", "■ full", "100 of 100", "mpmc", &line] {
        assert!(ran.text().contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.text().contains('\x1b'), "{ran:?}");
}

#[test]
fn what_is_no_report_is_refused_with_the_reason() {
    let refuses = |kind: &'static str, body: &'static str, words: &[&str]| {
        let url = fake(move |_| answer("200 OK", kind, body));
        for once in [&["--once"][..], &[]] {
            run(levada().args(["top", &url]).args(once), b"").says(1, words);
        }
        let mut pty = Pty::start(levada().args(["top", &url]), 120, 30);
        assert_eq!(pty.end(), 1, "{}", pty.text());
    };
    refuses("application/json", r#"{"version":2}"#, &["/channels", "version 2", "version 1"]);
    refuses("text/html", "<html>hello", &["/channels has no report of levada's channels"]);
    let url = fake(|_| answer("404 Not Found", "text/plain", "nothing here"));
    run(levada().args(["top", &url]), b"").says(1, &["Status 404", "nothing here"]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let advice = ["nothing listens at", "levada_observe::start()", "levada top ADDRESS"];
    run(&mut top(Some(free)), b"").says(69, &advice);
}

#[test]
fn a_token_is_sent() {
    let url = fake(|head| match head.contains("authorization: bearer secret") {
        true => answer("200 OK", "application/json", r#"{"version":7}"#),
        false => {
            let body = r#"{"type":"urn:levada:problem:unauthorized","title":"No token"}"#;
            answer("401 Unauthorized", "application/problem+json", body)
        }
    });
    run(levada().args(["top", &url]), b"").says(77, &["No token", "--token-file", "LEVADA_TOKEN"]);
    run(levada().args(["top", &url]).env("LEVADA_TOKEN", "secret"), b"").says(1, &["version 7"]);
}

#[test]
fn names_cannot_control_the_terminal() {
    let json = include_str!("../../src/client/top/tests/report.json")
        .replace("to_stock", "a\\u001b]0;title\\u0007\\u001b[2Jb");
    let url = fake(move |_| answer("200 OK", "application/json", &json));
    let mut pty = Pty::start(levada().args(["top", &url]), 160, 40);
    pty.until_all(&["a␛]0;title␇␛[2Jb"]);
    let bytes = pty.bytes();
    assert!(!bytes.contains("\x1b]0;") && !bytes.contains('\x07'), "{bytes:?}");
    pty.press("q");
    pty.ends_restored(0);
    let ran = run(levada().args(["top", "--once", &url]), b"");
    assert!(ran.text().contains("a␛]0;title␇␛[2Jb") && !ran.text().contains('\x1b'), "{ran:?}");
}
