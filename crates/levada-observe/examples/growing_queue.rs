//! An unbounded queue that grows: twice as many messages are sent as are received.
//!
//! Look at: the finding `growing`, with the depth before and now, and how fast it grows.

mod show;

use std::process::ExitCode;
use std::time::Duration;

use levada::mpsc;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let (tx, mut rx) = mpsc::unbounded_builder::<u64>().named("results").build();
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    named("compute").spawn(move || {
        for result in 0.. {
            if tx.send(result).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    })?;
    named("store").spawn(move || {
        while rx.blocking_recv().is_some() {
            std::thread::sleep(Duration::from_millis(4));
        }
    })?;
    Ok(show::until(&observing, |report| {
        report.findings.iter().any(|finding| finding.rule == "growing")
    }))
}
