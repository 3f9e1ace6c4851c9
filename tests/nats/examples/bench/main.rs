//! How fast levada-nats is, beside async-nats by hand on the same server.
//!
//! `cargo xtask nats --bench [SHAPE..] [-- MESSAGES [ROUNDS]]` installs a server and runs this. The
//! machine should have nothing else to do. `docs/speed/nats.md` has the tables.
#![forbid(unsafe_code)]

mod ask;
mod cell;
mod compare;
mod queue_receive;
mod queue_send;
mod topic;

use compare::{Effort, Outcome};

const SHAPES: [&str; 5] = ["queue_send", "queue_receive", "ask", "topic", "cell"];

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (numbers, mut shapes): (Vec<_>, Vec<_>) =
        words.iter().map(String::as_str).partition(|word| word.parse::<usize>().is_ok());
    let mut numbers = numbers.iter().filter_map(|number| number.parse().ok());
    let effort = Effort {
        messages: numbers.next().unwrap_or(20_000),
        rounds: numbers.next().unwrap_or(5).max(1),
    };
    if shapes.is_empty() {
        shapes = SHAPES.to_vec();
    }
    for shape in shapes {
        match shape {
            "queue_send" => queue_send::run(&effort).await?,
            "queue_receive" => queue_receive::run(&effort).await?,
            "ask" => ask::run(&effort).await?,
            "topic" => topic::run(&effort).await?,
            "cell" => cell::run(&effort).await?,
            other => return Err(format!("`{other}`? There are {}", SHAPES.join(", ")).into()),
        }
        println!();
    }
    Ok(())
}
