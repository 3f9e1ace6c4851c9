//! A cycle that is none: A waits for B and B for A, but B also waits for a queue that a live task
//! sends to.
//!
//! Look at: `0 suspected deadlocks`, though two tasks have waited for each other for long.

mod show;

use std::process::ExitCode;
use std::time::Duration;

use levada::mpsc;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let observing = show::observe()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (to_a, mut a) = mpsc::builder::<u64>(1).named("to_a").build();
    let (to_b, mut b) = mpsc::builder::<u64>(1).named("to_b").build();
    let (stop, mut stopped) = mpsc::builder::<()>(1).named("stop").build();
    runtime.spawn(async move {
        let _ = to_b.send(0).await;
        let _ = a.recv().await;
        while to_b.send(1).await.is_ok() {}
        let _ = a.recv().await;
    });
    runtime.spawn(async move {
        let _ = to_a.send(0).await;
        let _ = b.recv().await;
        let fill = async { while to_a.send(1).await.is_ok() {} };
        tokio::select! {
            () = fill => {}
            _ = stopped.recv() => {}
        }
        let _ = b.recv().await;
    });
    // It lives: it sends one day.
    runtime.spawn(async move {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        stop.send(()).await
    });
    Ok(show::until(&observing, |report| {
        let waiters = || report.channels.iter().flat_map(|channel| &channel.waiters);
        let old = |waiters: &&levada_observe::report::Waiters| waiters.oldest_seconds > 1.5;
        waiters().filter(|it| it.op == "send").filter(old).count() == 2
    }))
}
