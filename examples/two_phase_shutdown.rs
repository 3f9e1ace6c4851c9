//! A service that ends in two phases: finish what was accepted; and when the time is over, give up.
//! With `levada_work::shutdown`; `shutdown_and_progress` shows the first phase by hand.
//!
//! Why `watch` inside: the phase is a state, which every task must see, also one that looks late.
//!
//! Look at:
//! - the guards: each connection holds one, and `drain` returns when the last is gone.
//! - `try_track`: a connection that came beside the drain gets no guard, and is not served.
//! - the name: when the time is over, the log says what was late.
//! - `aborting`: nothing is killed, everything ends itself, and can clean up.

use std::error::Error;
use std::time::Duration;

use levada_work::shutdown::{Shutdown, ShutdownGuard, Signal};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A connection comes every second, and connection n takes n seconds.
async fn accept(signal: Signal) -> u32 {
    for number in 1.. {
        tokio::select! {
            biased;
            () = signal.draining() => return number - 1,
            () = sleep(SECOND) => {}
        }
        let Ok(guard) = signal.try_track("connection") else { return number - 1 };
        tokio::spawn(serve(number, guard));
    }
    0
}

async fn serve(number: u32, guard: ShutdownGuard) {
    tokio::select! {
        () = sleep(SECOND * number) => {}
        () = guard.aborting() => println!("connection {number} is cut off"),
    }
    // The guard drops here, or wherever the task ends.
}

/// Writes a report when all is over, however that came.
async fn report(guard: ShutdownGuard) {
    guard.aborting().await;
    sleep(SECOND / 10).await;
    println!("the report is written");
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::new();
    let intake = tokio::spawn(accept(shutdown.signal()));
    tokio::spawn(report(shutdown.signal().try_track("reporter")?));

    sleep(SECOND * 6 + SECOND / 2).await; // A service would wait for SIGTERM here.
    println!("stop: {}", shutdown.still_running());

    if let Err(late) = shutdown.drain(SECOND * 4).await {
        println!("after 4 s: {late}");
        shutdown.abort(SECOND).await?;
    }
    println!("{} connections were accepted; {}", intake.await?, shutdown.still_running());
    Ok(())
}
