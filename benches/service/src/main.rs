//! `levada serve` against its peers, each as its users run it: a process, asked by clients that wait for each answer
//! before they ask again. `README.md` says how.
//!
//! | scenario  | what a client does                                    | what is told                       |
//! |-----------|-------------------------------------------------------|------------------------------------|
//! | `run`     | has `true` run, and waits for its end                 | runs a second, how long they take  |
//! | `accept`  | hands in a job that waits, and has it in writing      | jobs a second, how long they take  |
//! | `backlog` | hands in 100,000 jobs that wait                       | memory and store of the service    |
#![forbid(unsafe_code)]

mod load;
mod server;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::load::{Figures, Until};
use crate::server::{Contender, Server};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    Run,
    Accept,
    Backlog,
}

/// Measures services; prints one JSON object a line.
#[derive(Debug, Parser)]
struct Options {
    /// The program; built by `cargo build --release -p levada-serve`
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/levada"))]
    levada: PathBuf,
    /// Where `pueue` and `pueued` are, if not on PATH
    #[arg(long)]
    pueue: Option<PathBuf>,
    /// How long each is measured, after a quarter of that to warm up
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 1000])]
    clients: Vec<usize>,
    /// How many jobs wait in `backlog`
    #[arg(long, default_value_t = 100_000)]
    backlog: usize,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Contender>,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// Only whether everything runs: no figures of it mean anything
    #[arg(long)]
    smoke: bool,
}

#[tokio::main]
async fn main() -> Result {
    let mut options = Options::parse();
    if options.smoke {
        (options.seconds, options.clients, options.backlog) = (0.3, vec![1, 8], 500);
    }
    raise_limit_of_files()?;
    let all = [Scenario::Run, Scenario::Accept, Scenario::Backlog];
    for scenario in
        all.iter().filter(|it| options.scenario.is_empty() || options.scenario.contains(it))
    {
        for contender in Contender::value_variants() {
            let is_wanted = options.only.is_empty() || options.only.contains(contender);
            if is_wanted && contender.can(*scenario) {
                measure(&options, *scenario, *contender).await?;
            }
        }
    }
    Ok(())
}

async fn measure(options: &Options, scenario: Scenario, contender: Contender) -> Result {
    let name = contender.to_possible_value().expect("all have names").get_name().to_owned();
    if scenario == Scenario::Backlog {
        let server = Server::start(options, contender, scenario).await?;
        let empty = server.memory()?;
        let figures = load::run(&server, 64, Until::Jobs(options.backlog)).await?;
        let line = json!({
            "scenario": "backlog", "contender": name, "jobs": figures.count,
            "per_second": figures.per_second().round(), "memory_before": empty,
            "memory": server.memory()?, "store": server.store_bytes(),
        });
        println!("{line}");
        return Ok(());
    }
    for clients in options.clients.iter().filter(|clients| contender.stands(**clients)) {
        // A new one each time: what it has from before is none of the next one's business.
        let server = Server::start(options, contender, scenario).await?;
        let time = Duration::from_secs_f64(options.seconds);
        load::run(&server, *clients, Until::Elapsed(time / 4)).await?;
        let figures = load::run(&server, *clients, Until::Elapsed(time)).await?;
        println!("{}", told(scenario, &name, *clients, &figures));
    }
    Ok(())
}

fn told(
    scenario: Scenario,
    contender: &str,
    clients: usize,
    figures: &Figures,
) -> serde_json::Value {
    let scenario = if scenario == Scenario::Run { "run" } else { "accept" };
    let at = |quantile| figures.latency.value_at_quantile(quantile);
    json!({
        "scenario": scenario, "contender": contender, "clients": clients, "count": figures.count,
        "refused": figures.refused, "per_second": figures.per_second().round(),
        "p50_us": at(0.5), "p99_us": at(0.99), "max_us": figures.latency.max(),
    })
}

/// A thousand clients need as many sockets, twice.
fn raise_limit_of_files() -> Result {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
