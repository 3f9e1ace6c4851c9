//! Live configuration: change settings while the program runs.
//!
//! Why `watch`: only the latest configuration matters. A part that is busy during two changes
//! should see the second one and never the first.
//!
//! Look at:
//! - `reload`: a bad file is refused before it is sent; the running configuration stays.
//! - `send_if_modified`: an unchanged file wakes nobody.
//! - `follow`: it copies what it needs out of the `Ref` at once and holds no `Ref` across an
//!   `.await`.
//! - the last value is seen even when the sender goes right after sending it.

use std::error::Error;
use std::fmt;

use levada::watch;
use tokio::task::yield_now;

#[derive(Clone, Debug, PartialEq)]
struct Config {
    requests_per_second: u32,
    verbose: bool,
}

#[derive(Debug)]
struct BadConfig {
    line: String,
    expected: &'static str,
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {:?}: expected {}", self.line, self.expected)
    }
}

impl Error for BadConfig {}

/// Reads `key = value` lines; what a text does not mention keeps its value.
fn parse(text: &str, mut config: Config) -> Result<Config, BadConfig> {
    for line in text.lines() {
        let bad = |expected| BadConfig { line: line.to_owned(), expected };
        let (key, value) = line.split_once('=').ok_or_else(|| bad("KEY = VALUE"))?;
        match (key.trim(), value.trim()) {
            ("requests_per_second", value) => match value.parse() {
                Ok(rate) if rate > 0 => config.requests_per_second = rate,
                _ => return Err(bad("a number above 0")),
            },
            ("verbose", value) => {
                config.verbose = value.parse().map_err(|_| bad("true or false"))?;
            }
            _ => return Err(bad("requests_per_second or verbose")),
        }
    }
    Ok(config)
}

fn reload(config: &watch::Sender<Config>, text: &str) {
    let parsed = parse(text, config.borrow().clone());
    match parsed {
        Ok(new) => {
            let changed = config.send_if_modified(|current| {
                let changed = *current != new;
                *current = new;
                changed
            });
            println!("reload: {}", if changed { "changed" } else { "nothing new" });
        }
        Err(error) => println!("reload refused, the old configuration stays: {error}"),
    }
}

/// Follows one setting until the sender is gone; returns the last value it saw.
async fn follow<S: PartialEq + fmt::Display>(
    name: &str,
    mut config: watch::Receiver<Config>,
    setting: impl Fn(&Config) -> S,
) -> String {
    let mut current = setting(&config.borrow_and_update());
    while config.changed().await.is_ok() {
        let new = setting(&config.borrow_and_update());
        if new != current {
            println!("{name}: {current} -> {new}");
            current = new;
        }
    }
    format!("{name} ended with {current}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (config, receiver) = watch::channel(Config { requests_per_second: 100, verbose: false });
    let limiter = tokio::spawn(follow("limiter", receiver.clone(), |c| c.requests_per_second));
    let logger = tokio::spawn(follow("logger", receiver, |c| c.verbose));

    yield_now().await; // One thread, tasks in turn: now both followers wait for a change.
    reload(&config, "requests_per_second = 50");
    yield_now().await; // And now they have seen it.

    reload(&config, "requests_per_second = 50");
    reload(&config, "requests_per_second = lots");
    reload(&config, "verbose: yes");

    reload(&config, "requests_per_second = 75"); // Nobody looks in between: never seen.
    reload(&config, "requests_per_second = 200\nverbose = true");
    drop(config);

    println!("{}", limiter.await?);
    println!("{}", logger.await?);
    Ok(())
}
