//! The log: lines on standard error, as text or as JSON.
//!
//! A thread of its own writes the lines. So a log that cannot be written (a pipe that is not read,
//! a terminal that is stopped, a disk that hangs) holds nothing else up: [`ROOM`] bytes of lines
//! wait for it, and what comes beyond that is counted and left out.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{mem, panic, thread};

use tracing::{Level, Metadata, enabled, error, field, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::fault::Fault;
use crate::sync::lock;

/// How many bytes of lines wait to be written.
const ROOM: usize = 1 << 20;
/// How long the end of the program waits until the last lines are written.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Until a write is tried again that another process's `O_NONBLOCK` on the same terminal or pipe
/// has refused.
const AGAIN: Duration = Duration::from_millis(10);

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The log of `levada serve`.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Arc<Lines>,
    /// A program reads it, rather than a person.
    is_for_programs: bool,
}

impl Log {
    /// From here on, what the program logs is written to standard error, which leaves standard
    /// output to the one line that scripts read. `RUST_LOG` chooses the level (`debug`) or levels
    /// (`levada_serve=debug,hyper=warn`).
    ///
    /// # Errors
    /// `RUST_LOG` is no such choice, or the system has no thread.
    pub(crate) fn start(format: LogFormat) -> Result<Self, Fault> {
        let filter = match std::env::var("RUST_LOG") {
            Ok(filter) => filter.parse::<Targets>().map_err(|error| {
                Fault::usage(format!("RUST_LOG={filter:?}: {error}; try RUST_LOG=debug"))
            })?,
            // The client of NATS tells each event once, and levada-nats again.
            Err(_) => Targets::new()
                .with_default(LevelFilter::INFO)
                .with_target("async_nats", LevelFilter::WARN),
        };
        let is_journal = is_journal();
        let lines = Arc::new(Lines { has_levels: is_journal, ..Lines::default() });
        let writer = Arc::clone(&lines);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write())
            .map_err(|error| Fault::system(format!("cannot start the log's thread: {error}")))?;
        let layer = fmt::layer()
            .with_writer(Shared(Arc::clone(&lines)))
            .with_ansi(console::colors_enabled_stderr());
        let json = || fmt::layer().with_writer(Shared(Arc::clone(&lines))).json();
        let json = || json().flatten_event(true).with_current_span(false).with_span_list(false);
        // The journal has the time of each line already.
        let layer = match (format, is_journal) {
            (LogFormat::Text, false) => layer.boxed(),
            (LogFormat::Text, true) => layer.without_time().boxed(),
            (LogFormat::Json, false) => json().boxed(),
            (LogFormat::Json, true) => json().without_time().boxed(),
        };
        tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        panic::set_hook(Box::new(log_panic));
        Ok(Self { lines, is_for_programs: is_journal || format == LogFormat::Json })
    }

    /// Says why the program ends: to a person in a line without time and level.
    pub(crate) fn fault(&self, fault: &Fault) {
        if self.is_for_programs && enabled!(Level::ERROR) {
            error!("{fault}");
        } else {
            self.lines.push(None, format!("levada: {fault}\n").as_bytes());
        }
    }

    /// Waits until everything is written, but not for long.
    pub(crate) fn flush(&self) {
        let waiting = lock(&self.lines.waiting);
        let rest = self.lines.written.wait_timeout_while(waiting, LAST_LINES, |waiting| {
            waiting.is_writing || !waiting.text.is_empty()
        });
        // Whether or not it is, the program ends.
        drop(rest);
    }
}

/// A panic is a line of the log like any other.
fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| field::display(&backtrace));
    error!(backtrace, "{panic}");
}

/// Whether standard error leads to the journal: then systemd names its device and inode
/// (`systemd.exec(5)`).
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let file = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = file.and_then(|file| file.metadata());
    metadata.is_ok_and(|it| named == format!("{}:{}", it.dev(), it.ino()))
}

/// The lines that wait to be written.
#[derive(Debug, Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    /// There is more to write.
    more: Condvar,
    /// Everything is written.
    written: Condvar,
    /// Each line begins with its level as the journal takes it, `<4>` for a warning
    /// (`sd-daemon(3)`).
    has_levels: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    /// So many events had no room.
    lost: u64,
    is_writing: bool,
}

impl Lines {
    /// Takes in an event, which is one line or several.
    fn push(&self, level: Option<Level>, event: &[u8]) {
        let mut waiting = lock(&self.waiting);
        if waiting.text.len() + event.len() > ROOM {
            waiting.lost += 1;
            return;
        }
        for line in event.split_inclusive(|byte| *byte == b'\n') {
            if self.has_levels {
                waiting.text.extend_from_slice(priority(level));
            }
            waiting.text.extend_from_slice(line);
        }
        self.more.notify_one();
    }

    /// Writes what comes, for as long as the program runs.
    fn write(&self) {
        let mut waiting = lock(&self.waiting);
        loop {
            waiting.is_writing = false;
            if waiting.text.is_empty() {
                self.written.notify_all();
            }
            let is_idle = |waiting: &mut Waiting| waiting.text.is_empty();
            let more = self.more.wait_while(waiting, is_idle);
            waiting = more.unwrap_or_else(PoisonError::into_inner);
            waiting.is_writing = true;
            let (text, lost) = (mem::take(&mut waiting.text), mem::take(&mut waiting.lost));
            drop(waiting);
            write_all(&text);
            if lost > 0 {
                warn!(lost, "log events were dropped: the log could not be written fast enough");
            }
            waiting = lock(&self.waiting);
        }
    }
}

/// The level of a line, as the journal takes it.
fn priority(level: Option<Level>) -> &'static [u8] {
    match level {
        Some(Level::WARN) => b"<4>",
        Some(Level::INFO) => b"<6>",
        Some(Level::DEBUG | Level::TRACE) => b"<7>",
        Some(Level::ERROR) | None => b"<3>",
    }
}

/// Writes to standard error. If nothing reads it any more, the text is lost, and nothing else.
fn write_all(mut text: &[u8]) {
    let mut stderr = io::stderr().lock();
    while !text.is_empty() {
        match stderr.write(text) {
            Ok(0) => return,
            Ok(written) => text = &text[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(_) => return,
        }
    }
}

/// Where the formatter writes to.
#[derive(Debug)]
struct Shared(Arc<Lines>);

/// One event, which the formatter writes as a whole.
#[derive(Debug)]
struct Event<'a> {
    lines: &'a Lines,
    level: Option<Level>,
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event { lines: &self.0, level: None }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Event<'a> {
        Event { lines: &self.0, level: Some(*metadata.level()) }
    }
}

impl Write for Event<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.lines.push(self.level, event);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let lines = Lines::default();
        let line = vec![b'x'; ROOM / 4];
        for _ in 0..6 {
            lines.push(Some(Level::INFO), &line);
        }
        let waiting = lock(&lines.waiting);
        assert_eq!((waiting.text.len(), waiting.lost), (ROOM, 2));
    }

    #[test]
    fn each_line_of_an_event_has_its_level() {
        let lines = Lines { has_levels: true, ..Lines::default() };
        lines.push(Some(Level::WARN), b"a\nb\n");
        lines.push(Some(Level::TRACE), b"c\n");
        lines.push(None, b"d\n");
        assert_eq!(lock(&lines.waiting).text, b"<4>a\n<4>b\n<7>c\n<3>d\n");
    }
}
