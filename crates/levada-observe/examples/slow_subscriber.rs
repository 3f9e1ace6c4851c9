//! A subscriber that is slower than the events, and loses some.
//!
//! Look at: the finding `lagging`; the task that lags, how far it is behind, and what it has
//! missed, beside the one that keeps up.

mod show;

use std::process::ExitCode;
use std::time::Duration;

use levada::broadcast;
use levada::broadcast::error::RecvError;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let (tx, mut quick) = broadcast::builder::<u64>(16).named("events").build();
    let mut slow = tx.subscribe();
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    named("quick").spawn(move || while quick.blocking_recv().is_ok() {})?;
    named("slow").spawn(move || {
        while !matches!(slow.blocking_recv(), Err(RecvError::Closed)) {
            std::thread::sleep(Duration::from_millis(100));
        }
    })?;
    named("events").spawn(move || {
        for event in 0.. {
            if tx.send(event).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    })?;
    Ok(show::until(&observing, |report| {
        let mut subscribers = report.channels.iter().flat_map(|channel| &channel.subscribers);
        subscribers.any(|subscriber| subscriber.missed > 0)
            && report.findings.iter().any(|finding| finding.rule == "lagging")
    }))
}
