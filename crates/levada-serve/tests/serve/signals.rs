//! What signals do that do not ask the service to stop, and those that do in their own way.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Notes, Server, until, until_dead};

/// The server in front of a script, with its log in the file `log`.
fn logging(notes: &Notes, options: &[&str], script: &str) -> Server {
    let log = File::create(notes.path("log")).unwrap();
    Server::start_as(options, &["sh", "-c", script], |levada| {
        levada.env("RUST_LOG", "info").stderr(log);
    })
}

async fn until_logged(notes: &Notes, words: &str) {
    until(words, || notes.read("log").contains(words)).await;
}

#[tokio::test]
async fn without_files_others_than_a_terminal_that_is_gone_leave_it_running() {
    let notes = Notes::new();
    let mut server = logging(&notes, &[], "cat");
    for (signal, words) in [
        (Signal::HUP, "INFO levada_serve::signals: SIGHUP: there are no files to reload"),
        (
            Signal::USR1,
            "INFO levada_serve::run: SIGUSR1: what the channels do\nlevada: levada (pid",
        ),
        (Signal::USR2, "INFO levada_serve::signals: SIGUSR2: it has no meaning here"),
    ] {
        server.signal(signal);
        until_logged(&notes, words).await;
        assert_eq!(server.post("hello").await.text(), "hello", "{signal:?}");
    }
    for signal in [Signal::PIPE, Signal::WINCH, Signal::TSTP, Signal::CONT, Signal::XFSZ] {
        server.signal(signal);
    }
    assert_eq!(server.post("hello").await.text(), "hello");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    assert_eq!(notes.read("log").matches("SIGHUP").count(), 1, "{}", notes.read("log"));
}

#[tokio::test]
async fn quit_aborts_at_once() {
    let notes = Notes::new();
    let script =
        format!("trap '' TERM; echo $$ > {}; while :; do sleep 600; done", notes.at("pid"));
    let mut server = logging(&notes, &["--timeout", "600", "--grace", "600"], &script);
    let client = tokio::spawn(server.request("POST", "/", ""));
    let pids = notes.pids("pid", 1).await;
    server.signal(Signal::QUIT);
    client.await.unwrap().unwrap().problem(503, "interrupted");
    assert_eq!(server.exit().await.code(), Some(131));
    until_dead(&pids).await;
}

/// The system sends it every second once `ulimit -t` is reached.
#[tokio::test]
async fn the_end_of_its_cpu_time_drains_however_often_it_is_told() {
    let notes = Notes::new();
    let mut server = logging(&notes, &[], &format!("{}; cat", notes.wait_for("gate")));
    let client = tokio::spawn(server.request("POST", "/", "done"));
    server.until_progress(&[("running", 1)]).await;
    server.signal(Signal::XCPU);
    until_logged(&notes, "SIGXCPU: its CPU time is used up; draining").await;
    server.signal(Signal::XCPU);
    server.signal(Signal::HUP);
    notes.write("gate");
    assert_eq!(client.await.unwrap().unwrap().text(), "done");
    assert_eq!(server.exit().await.code(), Some(0));
}

/// The two sides of a new terminal.
fn terminal() -> (OwnedFd, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (master, File::options().read(true).write(true).open(name).unwrap())
}

/// The same server, started by these words on a terminal of its own, whose other side is returned.
fn on_terminal(notes: &Notes, words: &[&str], options: &[&str], script: &str) -> (Server, OwnedFd) {
    let log = File::create(notes.path("log")).unwrap();
    let (master, side) = terminal();
    let server = Server::start_as(options, &["sh", "-c", script], |levada| {
        let mut starter = Command::new("setsid");
        starter.arg("--ctty").args(words).arg(levada.get_program()).args(levada.get_args());
        starter.env("RUST_LOG", "info").stdin(side).stdout(Stdio::piped()).stderr(log);
        *levada = starter;
    });
    (server, master)
}

#[tokio::test]
async fn a_terminal_that_is_closed_drains() {
    let notes = Notes::new();
    let script = format!("{}; cat", notes.wait_for("gate"));
    let (mut server, terminal) = on_terminal(&notes, &[], &[], &script);
    // While the terminal is there, the signal comes from elsewhere.
    server.signal(Signal::HUP);
    until_logged(&notes, "SIGHUP: there are no files to reload").await;
    let client = tokio::spawn(server.request("POST", "/", "done"));
    server.until_progress(&[("running", 1)]).await;
    drop(terminal);
    until_logged(&notes, "SIGHUP: the terminal that started the service is gone; draining").await;
    // A shell passes on what the system has told it; that does not abort.
    server.signal(Signal::HUP);
    notes.write("gate");
    assert_eq!(client.await.unwrap().unwrap().text(), "done");
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn nohup_and_files_outlive_the_terminal() {
    for with_files in [false, true] {
        let notes = Notes::new();
        std::fs::write(notes.path("tokens"), "0123456789abcdef-alice\n").unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(notes.path("tokens"), private).unwrap();
        let tokens = notes.at("tokens");
        let (words, options): (&[&str], &[&str]) =
            if with_files { (&[], &["--token-file", &tokens]) } else { (&["nohup"], &[]) };
        let (mut server, terminal) = on_terminal(&notes, words, options, "cat");
        drop(terminal);
        server.signal(Signal::HUP);
        if with_files {
            until_logged(&notes, "SIGHUP: reloading the files").await;
        }
        let token = [("Authorization", "Bearer 0123456789abcdef-alice")];
        assert_eq!(server.ask("POST", "/", &token, "hello").await.text(), "hello");
        server.signal(Signal::TERM);
        assert_eq!(server.exit().await.code(), Some(0));
    }
}
