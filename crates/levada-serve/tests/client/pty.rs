//! A pseudo-terminal as a person has one: what is on it, keys, its size, and its mode.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// Only a failing test waits for it.
const LONG: Duration = Duration::from_secs(60);

/// A program on a terminal. Dropping it kills the program.
pub(crate) struct Pty {
    child: Child,
    /// The side of the person; `None` once the terminal is closed.
    person: Option<File>,
    /// The side of the program, which keeps the terminal alive.
    side: Option<File>,
    before: Termios,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Pty {
    /// Starts a program on a terminal of so many columns and lines.
    pub(crate) fn start(command: &mut Command, columns: u16, lines: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(columns, lines)).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || File::options().read(true).write(true).open(&name).unwrap();
        let side = open();
        let before = tcgetattr(&side).unwrap();
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            // What suspends its job must not suspend the tests.
            .process_group(0)
            .spawn()
            .unwrap();
        // The command has copies of the program's side until it is dropped.
        *command = Command::new("true");
        let parser = vt100::Parser::new(some(lines), some(columns), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: Vec::new(), is_closed: false }));
        let person = File::from(master);
        let (mut reader, writes) = (person.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // At the end, Linux says that there was an error.
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                let mut seen = writes.lock().unwrap();
                seen.parser.process(&bytes[..read]);
                seen.bytes.extend_from_slice(&bytes[..read]);
                if seen.is_closed {
                    break;
                }
            }
        });
        Self { child, person: Some(person), side: Some(side), before, seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// What a person reads.
    pub(crate) fn text(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Everything that was ever written.
    pub(crate) fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    /// Waits until the screen is like this.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is: impl FnMut(&str) -> bool) {
        let began = Instant::now();
        while !is(&self.text()) {
            let text = self.text();
            assert!(began.elapsed() < LONG, "waited in vain: {what}; the screen is\n{text}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until all of these words are on the screen.
    #[track_caller]
    pub(crate) fn until_all(&self, words: &[&str]) {
        self.until(&format!("{words:?}"), |text| words.iter().all(|word| text.contains(word)));
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.person.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, lines: u16) {
        self.seen().parser.set_size(some(lines), some(columns));
        tcsetwinsize(self.person.as_ref().unwrap(), size(columns, lines)).unwrap();
        // The system tells only the processes whose controlling terminal it is.
        self.signal(Signal::WINCH);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Closes the terminal. Its reader does as soon as the program has written something more.
    pub(crate) fn close(&mut self) {
        self.seen().is_closed = true;
        (self.person, self.side) = (None, None);
    }

    /// Whether the program is stopped, as by Ctrl-Z.
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// Whether the terminal is as it was before the program started.
    pub(crate) fn is_restored(&self) -> bool {
        let now = tcgetattr(self.side.as_ref().unwrap()).unwrap();
        let mode = |it: &Termios| (it.input_modes, it.output_modes, it.local_modes);
        let seen = self.seen();
        let screen = seen.parser.screen();
        mode(&now) == mode(&self.before) && !screen.alternate_screen() && !screen.hide_cursor()
    }

    /// Waits until the program ends. Its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> i32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| panic!("it ended by {status}"));
            }
            assert!(began.elapsed() < LONG, "it does not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has ended with this code and given the terminal back.
    #[track_caller]
    pub(crate) fn ends_restored(&mut self, code: i32) {
        assert_eq!(self.end(), code, "{}", self.text());
        // What it wrote last may still be on its way.
        self.until("the terminal to be restored", |_| self.is_restored());
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn size(columns: u16, lines: u16) -> Winsize {
    Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
