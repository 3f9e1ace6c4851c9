//! All four kinds with no tokio runtime: plain threads, and `pollster::block_on` where a future
//! has to be run.
//!
//! Why it works: the channels know wakers, not runtimes. Only `send_timeout` needs tokio, for its
//! clock.
//!
//! Look at:
//! - the threads use `blocking_send` and `blocking_recv`, the other side awaits: one channel, both
//!   worlds.
//! - nothing here mentions tokio.

use std::error::Error;
use std::thread;

use levada::{broadcast, mpsc, oneshot, watch};
use pollster::block_on;

const NUMBERS: u64 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let (numbers, mut received) = mpsc::channel(4);
    let (answer, asked) = oneshot::channel();
    let (news, _) = broadcast::channel(4);
    let (state, mut seen) = watch::channel("counting");
    let mut listener = news.subscribe();

    let producer = thread::spawn(move || {
        for number in 1..=NUMBERS {
            numbers.blocking_send(number)?;
        }
        Ok::<_, mpsc::error::SendError<u64>>(())
    });

    let adder = thread::spawn(move || {
        block_on(async move {
            let mut sum = 0;
            while let Some(number) = received.recv().await {
                sum += number;
            }
            if answer.send(sum).is_err() {
                println!("nobody asked for the sum");
            }
            if news.send("the sum is ready").is_err() {
                println!("nobody listens");
            }
            state.send_replace("done");
        });
    });

    println!("mpsc and oneshot: 1 + .. + {NUMBERS} = {}", asked.blocking_recv()?);
    println!("broadcast: {}", listener.blocking_recv()?);
    println!("watch: {}", *block_on(seen.wait_for(|&state| state == "done"))?);

    for thread in [producer.join().map(|sent| sent.is_ok()), adder.join().map(|()| true)] {
        match thread {
            Ok(true) => {}
            Ok(false) => return Err("the adder left before every number was sent".into()),
            Err(_) => return Err("a thread panicked".into()),
        }
    }
    Ok(())
}
