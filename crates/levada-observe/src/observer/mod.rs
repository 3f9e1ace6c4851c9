//! The thread that takes samples, its options, and the server.
//!
//! - `shared`: what was seen, and reports of it
//! - `routes`: what the server answers
//! - `page`: the page for people

pub mod page;
mod routes;
mod shared;

use std::io;
#[cfg(all(unix, feature = "signal"))]
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::shared::Shared;
use crate::http::Server;
use crate::limits::Limits;
use crate::report::Report;
use crate::text;
use crate::transitions::Transition;

/// Where [`start`] serves: the first of this port and the nine after it
/// that is free.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::DEFAULT_PORT, 6670);
/// ```
pub const DEFAULT_PORT: u16 = 6670;

/// A sample takes no more than this part of the time of the observer's thread.
const AT_MOST: u32 = 50;

/// Observes the program with the options of [`Observer::new`], until the result is dropped.
///
/// # Errors
/// If the system has no thread for it. Without a free port it observes and does not serve.
///
/// # Examples
/// ```
/// # fn main() -> std::io::Result<()> {
/// let observing = levada_observe::start()?;
/// // The program runs, and the page shows what it does.
/// # drop(observing);
/// # Ok(())
/// # }
/// ```
pub fn start() -> io::Result<Observing> {
    Observer::new().start()
}

/// Serves reports at an address until the result is dropped; without an observer's thread, so that
/// they have no rates, unless [`start`] was called, too.
///
/// Reports show lines of the source and names of types to every program that reaches the address.
/// One that other hosts reach, such as `0.0.0.0:6670`, belongs behind a firewall.
///
/// # Errors
/// If the address cannot be listened at, or the system has no thread for it.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let serving = levada_observe::serve("127.0.0.1:0")?;
/// let mut stream = std::net::TcpStream::connect(serving.address())?;
/// stream.write_all(b"GET /channels.txt HTTP/1.1\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK"));
/// # Ok(())
/// # }
/// ```
pub fn serve(address: impl ToSocketAddrs) -> io::Result<Serving> {
    listen(TcpListener::bind(address)?, shared::report)
}

fn listen(
    listener: TcpListener,
    report: impl Fn() -> Report + Send + Sync + 'static,
) -> io::Result<Serving> {
    Server::start(listener, move |request| routes::answer(request, &report)).map(Serving)
}

/// The report of this moment. Rates, shares and histories are those of the observer that runs, and
/// are missing without one.
///
/// Without an observer it takes 50 ms if waits look like a deadlock, to see whether they last.
///
/// # Examples
/// ```
/// let (tx, _rx) = levada::watch::channel(1);
/// tx.send(2).unwrap();
/// assert_eq!(levada_observe::report().channels[0].kind, "watch");
/// ```
pub fn report() -> Report {
    shared::report()
}

/// The report of this moment as text: a line for each group of tasks that wait at one line of the
/// source, and one for each channel.
///
/// # Examples
/// ```
/// let (tx, _rx) = levada::mpsc::builder(1).named("jobs").build();
/// tx.try_send(()).unwrap();
/// assert!(levada_observe::dump().contains("jobs (mpsc, 1 of 1, full)"));
/// ```
pub fn dump() -> String {
    text::text(&report())
}

/// Blocked time by channel and line, as folded stacks: the input of flame graph tools, in
/// microseconds.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::builder(1).named("jobs").build();
/// let sender = std::thread::spawn(move || (0..9).for_each(|job| tx.blocking_send(job).unwrap()));
/// while rx.blocking_recv().is_some() {}
/// sender.join().unwrap();
/// for line in levada_observe::folded().lines() {
///     println!("{line}"); // such as `jobs;send;src/main.rs:2 1234`
/// }
/// ```
pub fn folded() -> String {
    text::folded(&report())
}

/// A collector for a registry of `prometheus_client`, which makes a report at each scrape.
///
/// # Examples
/// ```
/// use prometheus_client::{encoding::text::encode, registry::Registry};
///
/// let (tx, _rx) = levada::mpsc::builder(8).named("jobs").build();
/// tx.try_send(()).unwrap();
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(levada_observe::metrics()));
/// let mut text = String::new();
/// encode(&mut text, &registry).unwrap();
/// assert!(text.contains("levada_channel_depth{channel=\"jobs\","), "{text}");
/// ```
#[cfg(feature = "prometheus")]
pub fn metrics() -> crate::metrics::Metrics {
    crate::metrics::Metrics::of(report)
}

/// How the program is observed.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let observing = levada_observe::Observer::new()
///     .address("127.0.0.1:0".parse().unwrap())
///     .interval(Duration::from_millis(200))
///     .deadlock_after(Duration::from_secs(30))
///     .start()?;
/// assert!(observing.address().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it observes nothing until it is started"]
pub struct Observer {
    addresses: Option<Vec<SocketAddr>>,
    /// Whether an address that is taken is an error.
    is_given: bool,
    interval: Duration,
    window: Duration,
    limits: Limits,
    /// Where a dump at a signal goes.
    #[cfg(all(unix, feature = "signal"))]
    on_signal: Option<fn(&str)>,
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer {
    /// Ten samples a second, a window of a minute, and served at [`DEFAULT_PORT`] of the loopback
    /// address.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let observing = levada_observe::Observer::new().start()?;
    /// # drop(observing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        let port = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            addresses: Some((DEFAULT_PORT..DEFAULT_PORT + 10).map(port).collect()),
            is_given: false,
            interval: Duration::from_millis(100),
            window: Duration::from_secs(60),
            limits: Limits::default(),
            #[cfg(all(unix, feature = "signal"))]
            on_signal: None,
        }
    }

    /// Serves at this address only; see [`serve`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let address = "127.0.0.1:0".parse().unwrap();
    /// let observing = levada_observe::Observer::new().address(address).start()?;
    /// println!("http://{}", observing.address().unwrap());
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(mut self, address: SocketAddr) -> Self {
        (self.addresses, self.is_given) = (Some(vec![address]), true);
        self
    }

    /// Does not serve.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let observing = levada_observe::Observer::new().without_server().start()?;
    /// assert_eq!(observing.address(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_server(mut self) -> Self {
        self.addresses = None;
        self
    }

    /// Takes a sample every so often, at least every millisecond. If a sample takes long, since
    /// there are very many channels, the next one comes later: the thread is busy for a fiftieth of
    /// the time at most.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// let observer = levada_observe::Observer::new().interval(Duration::from_secs(1));
    /// # drop(observer);
    /// ```
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Remembers so much: from a second to an hour, in steps of a second.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// let observer = levada_observe::Observer::new().window(Duration::from_secs(300));
    /// # drop(observer);
    /// ```
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        self
    }

    /// Suspects a deadlock if its waits are so old and its channels have not moved for so long; 10
    /// seconds otherwise.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// let observer = levada_observe::Observer::new().deadlock_after(Duration::from_secs(60));
    /// # drop(observer);
    /// ```
    pub fn deadlock_after(mut self, time: Duration) -> Self {
        self.limits.deadlock = time;
        self
    }

    /// Reports a full channel if a task has waited for so long to send; 5 seconds otherwise. One
    /// that has senders waiting in half of the window is reported in any case.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// let observer = levada_observe::Observer::new().full_after(Duration::from_secs(1));
    /// # drop(observer);
    /// ```
    pub fn full_after(mut self, time: Duration) -> Self {
        self.limits.full = time;
        self
    }

    /// Reports a oneshot that a task has waited for so long; 30 seconds otherwise.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// let observer = levada_observe::Observer::new().oneshot_after(Duration::from_secs(5));
    /// # drop(observer);
    /// ```
    pub fn oneshot_after(mut self, time: Duration) -> Self {
        self.limits.oneshot = time;
        self
    }

    /// Writes a [`dump`] to standard error when the process receives SIGUSR1: `kill -USR1 PID`.
    ///
    /// The handler stays for as long as the process; after the observer has ended, the signal does
    /// nothing.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let observing = levada_observe::Observer::new().dump_on_sigusr1().start()?;
    /// # drop(observing);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(all(unix, feature = "signal"))]
    pub fn dump_on_sigusr1(self) -> Self {
        self.dump_on_sigusr1_with(|dump| {
            // If nothing reads standard error, the dump is lost, and nothing else.
            let _ = writeln!(io::stderr(), "{dump}");
        })
    }

    /// As [`dump_on_sigusr1`](Self::dump_on_sigusr1), and `write` gets the dump: for a program with
    /// a log. The observer's thread calls it, and takes no samples until it returns.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let to_log = |dump: &str| println!("SIGUSR1\n{dump}");
    /// let observing = levada_observe::Observer::new().dump_on_sigusr1_with(to_log).start()?;
    /// # drop(observing);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(all(unix, feature = "signal"))]
    pub fn dump_on_sigusr1_with(mut self, write: fn(&str)) -> Self {
        self.on_signal = Some(write);
        self
    }

    /// Starts the thread, and the server.
    ///
    /// # Errors
    /// If the address that was given cannot be listened at, or the system has no thread.
    ///
    /// # Examples
    /// ```
    /// let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let address = taken.local_addr().unwrap();
    /// let error = levada_observe::Observer::new().address(address).start().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// ```
    pub fn start(self) -> io::Result<Observing> {
        let shared = Arc::new(Shared::new(self.limits, self.window));
        let server = self.listen(&shared)?;
        let signal = self.signal()?;
        let (of_thread, interval) = (Arc::clone(&shared), self.interval);
        let run = move || run(&of_thread, interval, signal);
        let thread = thread::Builder::new().name("levada-observe".to_owned()).spawn(run)?;
        shared.make_current();
        Ok(Observing { shared, server, thread: Some(thread) })
    }

    fn listen(&self, shared: &Arc<Shared>) -> io::Result<Option<Serving>> {
        let Some(addresses) = &self.addresses else { return Ok(None) };
        match TcpListener::bind(addresses.as_slice()) {
            Ok(listener) => {
                let shared = Arc::clone(shared);
                listen(listener, move || shared.report()).map(Some)
            }
            Err(error) if self.is_given => Err(error),
            Err(_) => Ok(None),
        }
    }

    #[cfg(all(unix, feature = "signal"))]
    fn signal(&self) -> io::Result<Signal> {
        let came = Arc::default();
        if self.on_signal.is_some() {
            signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&came))?;
        }
        Ok(Signal { came, write: self.on_signal })
    }

    #[cfg(not(all(unix, feature = "signal")))]
    #[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
    fn signal(&self) -> io::Result<Signal> {
        Ok(Signal)
    }
}

/// The program is observed until this is dropped.
///
/// # Examples
/// ```
/// # fn main() -> std::io::Result<()> {
/// let observing = levada_observe::start()?;
/// if let Some(address) = observing.address() {
///     println!("http://{address}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the program is observed until this is dropped"]
pub struct Observing {
    shared: Arc<Shared>,
    server: Option<Serving>,
    thread: Option<JoinHandle<()>>,
}

impl Observing {
    /// Where it serves; `None` if it does not.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let observing = levada_observe::Observer::new().without_server().start()?;
    /// assert_eq!(observing.address(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Serving::address)
    }
}

impl Drop for Observing {
    fn drop(&mut self) {
        self.shared.stop();
        self.server = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was one of a `tracing` subscriber.
            let _ = thread.join();
        }
    }
}

/// Reports are served until this is dropped.
///
/// # Examples
/// ```
/// # fn main() -> std::io::Result<()> {
/// let serving = levada_observe::serve("127.0.0.1:0")?;
/// println!("http://{}/channels", serving.address());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "reports are served until this is dropped"]
pub struct Serving(Server);

impl Serving {
    /// The address, with the port that the system chose if it was asked to.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let serving = levada_observe::serve("127.0.0.1:0")?;
    /// assert_ne!(serving.address().port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// Whether the signal came since it was looked at last, and where the dump goes then.
#[cfg(all(unix, feature = "signal"))]
#[derive(Debug)]
struct Signal {
    came: Arc<std::sync::atomic::AtomicBool>,
    write: Option<fn(&str)>,
}

#[cfg(all(unix, feature = "signal"))]
impl Signal {
    fn answer(&self, report: impl FnOnce() -> Report) {
        // ORDERING: Relaxed, no pair: nothing else is read because of it.
        let came = self.came.swap(false, std::sync::atomic::Ordering::Relaxed);
        if let (true, Some(write)) = (came, self.write) {
            write(&text::text(&report()));
        }
    }
}

#[cfg(not(all(unix, feature = "signal")))]
#[derive(Debug)]
struct Signal;

#[cfg(not(all(unix, feature = "signal")))]
impl Signal {
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    fn answer(&self, _: impl FnOnce() -> Report) {}
}

/// The observer's thread.
fn run(shared: &Shared, interval: Duration, signal: Signal) {
    let mut pause = Duration::ZERO;
    while shared.pause(pause) {
        let began = Instant::now();
        tell(shared.sample());
        signal.answer(|| shared.report());
        pause = interval.max(began.elapsed() * AT_MOST);
    }
}

/// Tells what has begun and ended, outside of all locks.
#[cfg(feature = "tracing")]
fn tell(transitions: Vec<Transition>) {
    for Transition { finding, lasted } in transitions {
        let (rule, channel) = (finding.rule.as_str(), finding.channel.as_deref());
        let site = finding.site.as_deref();
        match lasted {
            None => tracing::warn!(rule, channel, site, "{}", finding.text),
            Some(lasted) => {
                let seconds = lasted.as_secs_f64();
                tracing::info!(rule, channel, site, seconds, "it is over: {}", finding.text);
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
fn tell(_: Vec<Transition>) {}
