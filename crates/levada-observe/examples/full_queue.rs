//! A full queue: fourteen requests wait for capacity, since two workers are too slow.
//!
//! Look at: the finding `full`, which says that the workers are never idle; the line where the
//! requests wait, with their number and the time of the oldest.

mod show;

use std::process::ExitCode;
use std::time::Duration;

use levada::mpmc;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (tx, rx) = mpmc::builder::<u64>(100).named("jobs").build();
    for rx in [rx.clone(), rx] {
        runtime.spawn(async move {
            while rx.recv().await.is_some() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    for request in 0..14 {
        let tx = tx.clone();
        runtime.spawn(async move { while tx.send(request).await.is_ok() {} });
    }
    Ok(show::until(&observing, |report| {
        let waiters = report.channels.iter().flat_map(|channel| &channel.waiters);
        report.findings.iter().any(|finding| finding.rule == "full")
            && waiters.filter(|waiters| waiters.op == "send").any(|waiters| waiters.count == 14)
    }))
}
