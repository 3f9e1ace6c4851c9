//! What the sick programs share: they run until they are stopped, so that a browser can look at
//! them, or with `--once` until the trouble is there.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use levada_observe::report::Report;
use levada_observe::{Observer, Observing};

/// With `--once`, the trouble must be there by then.
const DEADLINE: Duration = Duration::from_secs(60);

/// Observes, with limits that are short enough to watch.
pub(crate) fn observe() -> io::Result<Observing> {
    let second = Duration::from_secs(1);
    Observer::new().deadlock_after(second).full_after(second).oneshot_after(second).start()
}

/// Waits until the trouble is there, prints the dump, and stays unless it is to run `--once`.
pub(crate) fn until(observing: &Observing, is_there: impl Fn(&Report) -> bool) -> ExitCode {
    let began = Instant::now();
    while !is_there(&levada_observe::report()) {
        if began.elapsed() > DEADLINE {
            println!("the trouble did not come:\n{}", levada_observe::dump());
            return ExitCode::FAILURE;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    print!("{}", levada_observe::dump());
    if std::env::args().any(|argument| argument == "--once") {
        return ExitCode::SUCCESS;
    }
    match observing.address() {
        Some(address) => println!("\nhttp://{address}/ shows it, too"),
        None => println!("\nno port is free, so that there is nothing to look at"),
    }
    loop {
        std::thread::park();
    }
}
