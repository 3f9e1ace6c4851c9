//! A waits for B, B for C, and C for A: each sends to the next one before it receives, and the
//! queues between them are full.
//!
//! Look at: the suspected deadlock, with the three lines; the gateway that waits for it, too.

mod show;

use std::process::ExitCode;

use levada::mpsc::{self, Receiver, Sender};

/// Passes on what it receives: two messages for each one, which is what fills the circle.
async fn stage(mut from: Receiver<u64>, to: Sender<u64>) {
    while let Some(message) = from.recv().await {
        for copy in [message, message] {
            if to.send(copy).await.is_err() {
                return;
            }
        }
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let (to_parser, parser) = mpsc::builder(2).named("to_parser").build();
    let (to_pricing, pricing) = mpsc::builder(2).named("to_pricing").build();
    let (to_billing, billing) = mpsc::builder(2).named("to_billing").build();
    let gateway = to_parser.clone();
    runtime.spawn(stage(parser, to_pricing));
    runtime.spawn(stage(pricing, to_billing));
    runtime.spawn(stage(billing, to_parser));
    runtime.spawn(async move { while gateway.send(1).await.is_ok() {} });
    Ok(show::until(&observing, |report| !report.deadlocks.is_empty()))
}
