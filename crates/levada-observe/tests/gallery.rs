//! The dumps of the sick programs in `examples/`, as a person sees them.
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::path::PathBuf;
use std::process::Command;

/// A sick program.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path: PathBuf = test.ancestors().nth(2).unwrap().join("examples").join(file);
    assert!(path.exists(), "{path:?}: `cargo build -p levada-observe --examples` builds it");
    Command::new(path)
}

/// What the program prints with `--once`.
fn dump(name: &str) -> String {
    let output = program(name).arg("--once").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    println!("{text}");
    text
}

/// Asserts that the lines are there in this order; `*` is anything.
#[track_caller]
fn assert_lines(dump: &str, lines: &[&str]) {
    let mut left = dump.lines();
    for expected in lines {
        let found = left.any(|line| matches(line.trim(), expected));
        assert!(found, "there is no `{expected}`, or not in this order, in:\n{dump}");
    }
}

/// Whether the parts of a pattern between its stars are there one after the other, from the
/// beginning to the end.
fn matches(line: &str, pattern: &str) -> bool {
    let (mut parts, mut rest) = (pattern.split('*'), line);
    let Some(after) = rest.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    rest = after;
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        (rest, last) = (&rest[at + part.len()..], part);
    }
    rest.is_empty() || (pattern.contains('*') && last.is_empty())
}

#[test]
fn patterns_match_whole_lines() {
    assert!(matches("14 x send on jobs", "14 x * on jobs"));
    assert!(matches("14 x send on jobs", "14 *"));
    assert!(!matches("14 x send on jobs", "14 x * on"));
    assert!(!matches("114 x send", "14 x send"));
}

#[test]
fn a_full_queue_and_its_blocked_senders() {
    assert_lines(
        &dump("full_queue"),
        &[
            "levada: full_queue (pid *): 1 channel, * waits, 0 suspected deadlocks",
            "jobs was full * % of the last *; 14 tasks at *full_queue.rs:26 wait to send, * (p95); \
             its 2 receivers are never idle: add workers or refuse earlier",
            "14 x send on jobs (mpmc, 100 of 100, full), oldest *, *full_queue.rs:26",
            "jobs (mpmc, 100 of 100, full) of u64: full, high water 100, 15 senders, \
             2 receivers, sent *, received *",
        ],
    );
}

#[test]
fn a_slow_subscriber() {
    assert_lines(
        &dump("slow_subscriber"),
        &[
            "events: * is * behind and has missed *; 1 of 2 receivers lags",
            "events (broadcast, 16 of 16) of u64: lagging, *2 receivers*",
            "* is * behind, missed *",
        ],
    );
}

#[test]
fn a_leaked_oneshot() {
    assert_lines(
        &dump("leaked_oneshot"),
        &[
            "2 tasks wait for oneshots created at *leaked_oneshot.rs:37, the first for *: \
             their senders are alive, but have not answered; others took *",
            "2 x recv on oneshot of u64, oldest *, *leaked_oneshot.rs:37",
        ],
    );
}

#[test]
fn a_receiver_that_is_never_polled() {
    assert_lines(
        &dump("never_polled"),
        &[
            "audit has 32 messages, and its 1 receiver was never polled",
            "1 x send on audit (mpsc, 32 of 32, full), *, *never_polled.rs:23, thread requests",
            "audit (mpsc, 32 of 32, full) of *String: unread, high water 32, 1 sender, \
             1 receiver (1 never polled), sent 32, received 0*",
        ],
    );
}

#[test]
fn a_waits_for_b_waits_for_c_waits_for_a() {
    let dump = dump("deadlock");
    let held = |line: &str| format!("task *: {line}, *, *deadlock.rs:16; held by task *");
    let mut lines = vec![
        "levada: deadlock (pid *): 3 channels, 4 waits, 1 suspected deadlock".to_owned(),
        "suspected deadlock for *: each of these waits can be ended only by tasks that wait \
         themselves, and none of the channels has moved for *"
            .to_owned(),
    ];
    lines.extend((0..3).map(|_| held("send on to_* (mpsc, 2 of 2, full)")));
    lines.push("1 more task waits for these".to_owned());
    assert_lines(&dump, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    for queue in ["to_parser", "to_pricing", "to_billing"] {
        let held = held(&format!("send on {queue} (mpsc, 2 of 2, full)"));
        let count = dump.lines().filter(|line| matches(line.trim(), &held)).count();
        assert_eq!(count, 1, "{queue}");
    }
}

#[test]
fn a_cycle_with_a_select_that_is_none() {
    let dump = dump("select_is_no_deadlock");
    assert_lines(
        &dump,
        &[
            "levada: select_is_no_deadlock (pid *): 3 channels, 3 waits, 0 suspected deadlocks",
            "1 x send on to_* (mpsc, 1 of 1, full), *, *select_is_no_deadlock.rs:*, task *",
            "1 x send on to_* (mpsc, 1 of 1, full), *, *select_is_no_deadlock.rs:*, task *",
            "1 x recv on stop (mpsc, 0 of 1), *, *select_is_no_deadlock.rs:*, task *",
        ],
    );
    assert!(!dump.contains("suspected deadlock for"), "{dump}");
}

#[test]
fn an_unbounded_queue_that_grows() {
    assert_lines(
        &dump("growing_queue"),
        &[
            "results has no bound and grew from * to * messages in the last *: * a second more are \
             sent than received; give it a bound, or more receivers",
            "results (mpsc, *, unbounded) of u64: growing, *",
        ],
    );
}

#[cfg(all(unix, feature = "signal"))]
#[test]
fn sigusr1_dumps_to_standard_error() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let mut program = program("deadlock");
    let program = program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    // It prints its first dump when it is observed and stuck.
    let mut first = String::new();
    BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("levada: deadlock "), "{first}");
    let sent = Command::new("kill").args(["-USR1", &program.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let lines = BufReader::new(program.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told: Vec<_> = lines.take(3).collect();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(told[0].starts_with("levada: deadlock (pid "), "{told:?}");
    assert!(told[2].starts_with("suspected deadlock for "), "{told:?}");
}
