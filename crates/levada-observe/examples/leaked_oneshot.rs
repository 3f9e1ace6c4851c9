//! An answer that never comes: the service keeps the sender of the answer and forgets about it.
//!
//! Look at: the finding `oneshot`, with the line that created the oneshot, and how long the task
//! has waited for it.

mod show;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use levada::{mpsc, oneshot};

/// The other answers take so long.
const THINKING: Duration = Duration::from_millis(50);

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let (questions, mut asked) =
        mpsc::builder::<(u64, oneshot::Sender<u64>)>(8).named("questions").build();
    runtime.spawn(async move {
        let mut open = HashMap::new();
        while let Some((question, answer)) = asked.recv().await {
            tokio::time::sleep(THINKING).await;
            if question % 2 == 0 {
                // An error: the task that has asked has left.
                let _ = answer.send(question);
            } else {
                open.insert(question, answer); // And there it stays.
            }
        }
    });
    for question in 0..4 {
        let questions = questions.clone();
        runtime.spawn(async move {
            let (answer, answered) = oneshot::channel();
            if questions.send((question, answer)).await.is_ok() {
                let _ = answered.await;
            }
        });
    }
    Ok(show::until(&observing, |report| {
        report.findings.iter().any(|finding| finding.rule == "oneshot")
    }))
}
