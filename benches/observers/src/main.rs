//! What it costs to look into a channel: one sender and one receiver and a bounded mpsc channel,
//! with levada and tokio as they are, and with each of the tools that look into them.
//!
//! A tool may change the whole program, so that there are several programs (see `Cargo.toml`), and
//! each measurement is a process. `cargo xtask bench observers` builds them, and starts the plain
//! one with the paths of all, which then takes turns with the contenders for some rounds.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: levada-bench-observers [--smoke] PLAIN OBSERVE CONSOLE (the programs)";
/// Messages that the channel has room for.
const CAPACITY: usize = 128;
const MESSAGES: u64 = 1_000_000;
const ROUNDS: usize = 5;
/// Of a run that asks only whether everything works.
const SMOKE_MESSAGES: u64 = 10_000;
/// A contender: its name, its program's position among the arguments, and what it is.
const CONTENDERS: [(&str, usize, &str); 6] = [
    ("tokio", 0, "tokio"),
    ("hotpath", 0, "tokio, hotpath"),
    ("hotpath-sampled", 0, "tokio, hotpath, the time of one message in 64"),
    ("console", 2, "tokio, console-subscriber"),
    ("levada", 0, "levada"),
    ("levada-observe", 1, "levada, feature `observe`, with its observer"),
];
/// Where the sender and the receiver run, as two tasks.
const SHAPES: [&str; 2] = ["one thread", "two threads"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["measure", contender, shape, messages] => measure(contender, shape, messages),
        ["--smoke", plain, observe, console] => {
            compare(&[plain, observe, console], 1, SMOKE_MESSAGES)
        }
        [plain, observe, console] => compare(&[plain, observe, console], ROUNDS, MESSAGES),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the contenders take turns, and prints a table.
fn compare(programs: &[&str], rounds: usize, messages: u64) -> Result {
    let mut figures: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (number, (name, program, _)) in CONTENDERS.iter().enumerate() {
            for shape in SHAPES {
                let nanos = run(programs[*program], name, shape, messages)?;
                figures.entry((number, shape)).or_default().push(nanos);
            }
        }
    }
    println!("Nanoseconds for a message, the median of {rounds} and the smallest:\n");
    println!("| | {} | {} |\n|---|---|---|", SHAPES[0], SHAPES[1]);
    for (number, (_, _, what)) in CONTENDERS.iter().enumerate() {
        let mut cell = |shape| {
            let measured = figures.get_mut(&(number, shape)).map(Vec::as_mut_slice);
            let measured = measured.unwrap_or_default();
            measured.sort_by(f64::total_cmp);
            format!("{:.0} ({:.0})", measured[measured.len() / 2], measured[0])
        };
        println!("| {what} | {} | {} |", cell(SHAPES[0]), cell(SHAPES[1]));
    }
    Ok(())
}

/// Starts a program for one measurement.
fn run(program: &str, contender: &str, shape: &str, messages: u64) -> Result<f64> {
    let mut command = Command::new(program);
    command.args(["measure", contender, shape, &messages.to_string()]);
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().find_map(|line| line.strip_prefix("nanoseconds "));
    match found.map(str::parse) {
        Some(Ok(nanos)) if output.status.success() => Ok(nanos),
        _ => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program} measured nothing of {contender}:\n{text}{errors}").into())
        }
    }
}

/// Sends so many messages through a channel, in one task, and receives them in another.
macro_rules! transfer {
    ($runtime:expr, $channel:expr, $messages:expr) => {{
        let (runtime, (tx, mut rx)) = ($runtime, $channel);
        let messages: u64 = $messages;
        let receiver = runtime.spawn(async move {
            let mut sum = 0_u64;
            while let Some(number) = rx.recv().await {
                sum += number;
            }
            sum
        });
        let sender = runtime.spawn(async move {
            for number in 0..messages {
                tx.send(number).await.expect("the receiver is there");
            }
        });
        runtime.block_on(async {
            sender.await.expect("the sender does not panic");
            receiver.await.expect("the receiver does not panic")
        })
    }};
}

/// Measures, and prints the nanoseconds for a message.
fn measure(contender: &str, shape: &str, messages: &str) -> Result {
    let messages = messages.parse()?;
    let nanos = match contender {
        "tokio" => {
            let channel = || tokio::sync::mpsc::channel(CAPACITY);
            time(messages, || Ok(transfer!(runtime(shape)?, channel(), messages)))
        }
        "levada" => {
            let channel = || levada::mpsc::channel(CAPACITY);
            time(messages, || Ok(transfer!(runtime(shape)?, channel(), messages)))
        }
        "hotpath" => hotpath(shape, messages, None),
        "hotpath-sampled" => hotpath(shape, messages, Some(1.0 / 64.0)),
        "levada-observe" => observe(shape, messages),
        "console" => console(shape, messages),
        _ => Err(format!("no contender is called {contender}").into()),
    }?;
    println!("nanoseconds {nanos:.1}");
    Ok(())
}

/// The nanoseconds that `transfer` takes for a message; it returns the sum of them, which is
/// checked.
fn time(messages: u64, transfer: impl FnOnce() -> Result<u64>) -> Result<f64> {
    let began = Instant::now();
    let sum = transfer()?;
    let nanos = began.elapsed().as_nanos() as f64 / messages as f64;
    if sum == messages * (messages - 1) / 2 {
        Ok(nanos)
    } else {
        Err("messages are missing".into())
    }
}

fn runtime(shape: &str) -> Result<Runtime> {
    let mut builder = if shape == SHAPES[0] {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    Ok(builder.worker_threads(2).build()?)
}

/// Its channel carries a number and a time with each message. `rate`: of how many the time is
/// taken; of all, if none is given.
fn hotpath(shape: &str, messages: u64, rate: Option<f64>) -> Result<f64> {
    let builder = hotpath::HotpathGuardBuilder::new("main").format(hotpath::Format::None);
    let _guard = match rate {
        None => builder.build(),
        Some(rate) => builder.channels_time_sampling_rate(rate).build(),
    };
    let channel = || hotpath::channel!(tokio::sync::mpsc::channel(CAPACITY));
    time(messages, || Ok(transfer!(runtime(shape)?, channel(), messages)))
}

#[cfg(feature = "observe")]
fn observe(shape: &str, messages: u64) -> Result<f64> {
    let observing = levada_observe::Observer::new().without_server().start()?;
    let channel = || levada::mpsc::builder(CAPACITY).named("jobs").build();
    let nanos = time(messages, || Ok(transfer!(runtime(shape)?, channel(), messages)))?;
    drop(observing);
    let ended = levada::observe::snapshot().ended;
    if ended.iter().map(|ended| ended.sent).sum::<u64>() == messages {
        Ok(nanos)
    } else {
        Err(format!("the messages were not observed: {ended:?}").into())
    }
}

#[cfg(not(feature = "observe"))]
fn observe(_: &str, _: u64) -> Result<f64> {
    Err("this program was built without the feature `observe`".into())
}

#[cfg(feature = "console")]
fn console(shape: &str, messages: u64) -> Result<f64> {
    console_subscriber::ConsoleLayer::builder().server_addr(([127, 0, 0, 1], 0)).init();
    let channel = || tokio::sync::mpsc::channel(CAPACITY);
    time(messages, || Ok(transfer!(runtime(shape)?, channel(), messages)))
}

#[cfg(not(feature = "console"))]
fn console(_: &str, _: u64) -> Result<f64> {
    Err("this program was built without the feature `console`".into())
}
