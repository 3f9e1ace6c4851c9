//! What a person sees: the same tools on a pseudo-terminal.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::{Server, answer, fake, levada, until};

/// Runs it on a terminal of this width. Its exit code, and everything that it wrote there. `look`
/// gets its process and what is there, whenever there is more.
fn on_terminal(
    command: &mut Command,
    columns: u16,
    look: impl Fn(Pid, &str) + Send + 'static,
) -> (i32, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let side = File::options().read(true).write(true).open(name).unwrap();
    let mut child = command
        .env("TERM", "xterm")
        .stdin(side.try_clone().unwrap())
        .stdout(side.try_clone().unwrap())
        .stderr(side)
        .spawn()
        .unwrap();
    let process = Pid::from_child(&child);
    // The command keeps its side of the terminal open, and with it the end of what is read from the
    // other.
    *command = levada();
    let reader = thread::spawn(move || {
        let (mut master, mut bytes, mut some) = (File::from(master), Vec::new(), [0; 4096]);
        // At the end, Linux says that there was an error.
        while let Ok(read @ 1..) = master.read(&mut some) {
            bytes.extend_from_slice(&some[..read]);
            look(process, &String::from_utf8_lossy(&bytes));
        }
        String::from_utf8(bytes).unwrap()
    });
    let mut code = None;
    until("it to end", || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    (code.unwrap().code().unwrap(), reader.join().unwrap())
}

/// Opens a gate of the server's script as soon as these words are seen.
fn opens(server: &Server, gate: &str, words: &'static str) -> impl Fn(Pid, &str) + Send + 'static {
    let gate = server.file(gate);
    move |_, seen| {
        if seen.contains(words) {
            std::fs::write(&gate, "").unwrap();
        }
    }
}

fn ignore(_: Pid, _: &str) {}

#[test]
fn progress_is_drawn() {
    let script = format!("{} echo '::progress 40 half' >&2; gate open; cat", Server::GATE);
    let server = Server::script(&[], &script);
    let look = opens(&server, "open", "40% half");
    let args = ["submit", "--data", "the output\n"];
    let (code, seen) = on_terminal(&mut server.levada(&args), 100, look);
    assert_eq!(code, 0, "{seen:?}");
    // Nothing is left of it but the output.
    let (_, last) = seen.rsplit_once("\x1b[2K").unwrap();
    assert_eq!(last, "the output\r\n", "{seen:?}");
    // The same, without a word.
    let args = ["submit", "--quiet", "--data", "x\n"];
    let (code, seen) = on_terminal(&mut server.levada(&args), 100, ignore);
    assert_eq!((code, seen.as_str()), (0, "x\r\n"));
}

#[test]
fn output_on_a_terminal_comes_once() {
    let script =
        format!("{} gate open; echo line 1; echo note >&2; sleep 0.1; echo line 2", Server::GATE);
    let server = Server::script(&["--workers", "1"], &script);
    let first = server.give("");
    server.until_state(&first, "running");
    // It listens by the time that it is seen to wait; then it misses nothing.
    let look = opens(&server, "open", "queued 0 ahead");
    let args = ["submit", "--follow", "--data", "x"];
    let (code, seen) = on_terminal(&mut server.levada(&args), 100, look);
    assert_eq!(code, 0, "{seen:?}");
    for once in ["line 1\r\n", "line 2\r\n", "note\r\n"] {
        assert_eq!(seen.matches(once).count(), 1, "{once:?} in {seen:?}");
    }
}

#[test]
fn an_interrupt_leaves_the_job() {
    let server = Server::script(&[], &format!("{} gate open; cat", Server::GATE));
    let told = Cell::new(false);
    let interrupt = move |process, seen: &str| {
        if seen.contains(" running") && !told.replace(true) {
            kill_process(process, Signal::INT).unwrap();
        }
    };
    let args = ["submit", "--data", "the output"];
    let (code, seen) = on_terminal(&mut server.levada(&args), 100, interrupt);
    assert_eq!(code, 130, "{seen:?}");
    let job = server.run(&["status", "--json"]).json().remove(0);
    let id = job["id"].as_str().unwrap();
    assert_eq!(job["state"], "running");
    assert!(seen.contains(&format!("job {id} continues; `levada result {id}")), "{seen:?}");
    server.open("open");
    assert_eq!(server.run(&["result", id, "--wait", "1min"]).text(), "the output");
}

#[test]
fn tables_fit_and_have_colours() {
    let server = Server::script(&[], "exit 3");
    server.run(&["submit"]);
    let (code, seen) = on_terminal(&mut server.levada(&["status"]), 60, ignore);
    assert_eq!(code, 0, "{seen:?}");
    assert!(seen.contains("\x1b[31mfailed"), "{seen:?}");
    let lines: Vec<_> = seen.lines().map(console::strip_ansi_codes).collect();
    assert_eq!(lines.len(), 2, "{seen:?}");
    assert!(lines.iter().all(|line| console::measure_text_width(line) <= 60), "{seen:?}");
    assert!(lines[1].ends_with('…'), "{seen:?}");
    for args in [&["status"][..], &["queues"]] {
        let (code, seen) = on_terminal(server.levada(args).env("NO_COLOR", "1"), 200, ignore);
        assert_eq!(code, 0, "{seen:?}");
        assert!(!seen.contains('\x1b'), "{seen:?}");
    }
}

#[test]
fn what_is_watched_is_drawn_over() {
    let script = format!("{} gate open", Server::GATE);
    let server = Server::script(&[], &script);
    let id = server.give("");
    server.until_state(&id, "running");
    let look = opens(&server, "open", "running");
    let (code, seen) = on_terminal(&mut server.levada(&["status", "--watch", &id]), 100, look);
    assert_eq!(code, 0, "{seen:?}");
    // To the first of the lines that were there, and away with them.
    let (before, after) = seen.split_once("F\x1b[J").unwrap();
    assert!(before.contains("running") && after.contains("succeeded"), "{seen:?}");
    assert!(!after.contains("running"), "{seen:?}");
}

#[test]
fn nothing_is_obeyed() {
    let url = fake(|_| {
        let body = r#"{"jobs":[{"id":"i\u001b]0;title\u0007\u001b[2Jd","state":"running","progress":{"message":"\u001b[5mmessage"}}]}"#;
        answer("200 OK", "application/json", body)
    });
    let (code, seen) = on_terminal(levada().args(["status", "--server", &url]), 200, ignore);
    assert_eq!(code, 0, "{seen:?}");
    assert!(seen.contains("i␛]0;title␇␛[2Jd") && seen.contains("␛[5mmessage"), "{seen:?}");
    for obeyed in ["\x1b]0", "\x1b[2J", "\x1b[5m", "\x07"] {
        assert!(!seen.contains(obeyed), "{seen:?}");
    }
}
