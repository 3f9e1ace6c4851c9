//! What signals do to the service. The first that asks it to stop drains, the second one aborts.
//!
//! | signal | the service |
//! |---|---|
//! | SIGTERM, SIGINT | drains, then aborts |
//! | SIGQUIT | aborts |
//! | SIGXCPU | drains: its CPU time is over, and the system kills it soon |
//! | SIGHUP | reads its files again (`settings`); without files, drains if its terminal is gone |
//! | SIGUSR1 | logs what its channels do (`run`) |
//! | SIGUSR2 | goes on |
//! | SIGXFSZ | goes on: writing the file is an error |
//!
//! SIGPIPE is ignored by every Rust program. Others keep the system's meaning.

use std::fs::{self, File};
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use levada_work::shutdown::{Phase, Shutdown};
use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tracing::{info, warn};

/// How long after SIGHUP the terminal may still be there although it is being closed: some terminal
/// emulators send the signal first.
const CLOSING: Duration = Duration::from_secs(1);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// From its creation on, these signals no longer end the process by themselves. Commands start
/// without their handlers.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Option<Signal>,
    cpu_time: Signal,
    user: Signal,
    terminal: Option<Terminal>,
}

impl StopSignals {
    /// With `reloads`, SIGHUP is for the files, and not for this.
    ///
    /// # Errors
    /// The system has no room for another signal.
    pub(crate) fn new(reloads: bool) -> io::Result<Self> {
        // Writing a file beyond the size that this process may make is an error then, as on a full
        // disk, and not the end. The handler stays although nothing listens.
        drop(signal(kind(Number::XFSZ))?);
        // Ctrl-\ is not for a process that a script started in the background.
        let quit = (!is_ignored(Number::QUIT)).then(|| signal(SignalKind::quit()));
        // After `nohup`, the end of the terminal is none of the service's business.
        let hang_ups = !reloads && !is_ignored(Number::HUP);
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: quit.transpose()?,
            cpu_time: signal(kind(Number::XCPU))?,
            user: signal(SignalKind::user_defined2())?,
            terminal: hang_ups.then(Terminal::new).transpose()?,
        })
    }

    /// Advances the shutdown as signals come, until it aborts. The program's exit code then.
    pub(crate) async fn advance(self, shutdown: &Shutdown) -> u8 {
        let Self { mut terminate, mut interrupt, mut quit, mut cpu_time, mut user, terminal } =
            self;
        let mut hung_up = pin!(Terminal::lost(terminal));
        loop {
            let (name, number) = tokio::select! {
                _ = terminate.recv() => ("SIGTERM", Number::TERM),
                _ = interrupt.recv() => ("SIGINT", Number::INT),
                () = next(&mut quit) => {
                    shutdown.advance();
                    ("SIGQUIT", Number::QUIT)
                }
                _ = cpu_time.recv() => {
                    drain(shutdown, "SIGXCPU", "its CPU time is used up");
                    continue;
                }
                () = &mut hung_up, if shutdown.phase() == Phase::Running => {
                    drain(shutdown, "SIGHUP", "the terminal that started the service is gone");
                    continue;
                }
                _ = user.recv() => {
                    info!("SIGUSR2: it has no meaning here; ignored");
                    continue;
                }
            };
            if shutdown.advance() == Phase::Aborting {
                warn!("{name}: aborting: killing running commands");
                // The shell's convention for "ended by signal n" is exit code 128 + n.
                return u8::try_from(128 + number.as_raw()).unwrap_or(1);
            }
            info!("{name}: draining: waiting for running jobs; send the signal again to abort");
        }
    }
}

/// Begins to drain, if that has not begun: the system repeats these signals, and a repetition must
/// not abort.
fn drain(shutdown: &Shutdown, signal: &str, why: &str) {
    if shutdown.phase() == Phase::Running {
        shutdown.advance();
        info!(
            "{signal}: {why}; draining: waiting for running jobs; send SIGTERM or press Ctrl-C to abort"
        );
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

fn kind(number: Number) -> SignalKind {
    SignalKind::from_raw(number.as_raw())
}

/// The terminal that may be closed under a service without files, and SIGHUP, which says so.
#[derive(Debug)]
struct Terminal {
    hang_ups: Signal,
    /// There was one when the service started.
    is_there: bool,
}

impl Terminal {
    fn new() -> io::Result<Self> {
        Ok(Self { hang_ups: signal(SignalKind::hangup())?, is_there: has_terminal() })
    }

    /// Waits until a SIGHUP comes because the terminal is gone; others (of logrotate, `systemctl
    /// reload`, `kill -HUP`) are for daemons, and are logged. Without anything to wait for, never
    /// ends.
    async fn lost(terminal: Option<Self>) {
        let Some(Self { mut hang_ups, is_there }) = terminal else { return pending().await };
        loop {
            hang_ups.recv().await;
            let since = Instant::now();
            while is_there && since.elapsed() < CLOSING {
                if !has_terminal() {
                    return;
                }
                sleep(LOOK).await;
            }
            info!("SIGHUP: there are no files to reload; ignored");
        }
    }
}

/// Whether this process has a controlling terminal.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether this process was started with a signal ignored. Where the system does not say so, it was
/// not.
fn is_ignored(number: Number) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (number.as_raw() - 1) & 1 == 1)
}
