//! A receiver that is never polled: it was made, put into a struct, and forgotten.
//!
//! Look at: the finding `unread`; the sender that waits at a full channel; `(1 never polled)` at
//! the channel.

mod show;

use std::process::ExitCode;

use levada::mpsc;

struct Service {
    /// Nothing reads it.
    _audit: mpsc::Receiver<String>,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let (tx, rx) = mpsc::builder::<String>(32).named("audit").build();
    let _service = Service { _audit: rx };
    std::thread::Builder::new().name("requests".to_owned()).spawn(move || {
        for request in 0.. {
            if tx.blocking_send(format!("request {request}")).is_err() {
                break;
            }
        }
    })?;
    Ok(show::until(&observing, |report| {
        let mut waiters = report.channels.iter().flat_map(|channel| &channel.waiters);
        report.findings.iter().any(|finding| finding.rule == "unread")
            && waiters.any(|waiters| waiters.op == "send")
    }))
}
