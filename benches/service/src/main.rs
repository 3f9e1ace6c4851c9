//! `levada serve` against its peers, each as its users run it: a process, asked by clients that
//! wait for each answer before they ask again. `README.md` says how.
//!
//! | scenario  | what a client does                                    | what is told                       |
//! |-----------|-------------------------------------------------------|------------------------------------|
//! | `run`     | has `true` run, and waits for its end                 | runs a second, how long they take  |
//! | `accept`  | hands in a job that waits, and has it in writing      | jobs a second, how long they take  |
//! | `backlog` | hands in 100,000 jobs that wait                       | memory and store of the service    |
//! | `scale`   | 64 of them have `sleep 0.1` run, and wait for its end | runs a second, by worker processes |
#![forbid(unsafe_code)]

mod contender;
mod load;
mod nats;
mod plot;
mod programs;
mod record;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::signal::ctrl_c;

use crate::contender::{Contender, SEATS};
use crate::load::{Figures, Until};
use crate::programs::{Programs, Result, Scenario};
use crate::server::Server;

/// Measures services; prints one JSON object a line.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(flatten)]
    programs: Programs,
    /// How long each is measured, after a quarter of that to warm up
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 1000])]
    clients: Vec<usize>,
    /// How many worker processes a cluster has in `scale`, each with 4 seats; on one machine, so
    /// many times 4 seats
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    workers: Vec<usize>,
    /// How many jobs wait in `backlog`
    #[arg(long, default_value_t = 100_000)]
    backlog: usize,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Contender::value_variants().to_vec())]
    only: Vec<Contender>,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Scenario::value_variants().to_vec())]
    scenario: Vec<Scenario>,
    /// Only whether everything runs: no figures of it mean anything
    #[arg(long, conflicts_with = "record")]
    smoke: bool,
    /// Write what is printed, and pictures of it, into this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draw the pictures of a record, from its `results.jsonl`
    Plot { dir: PathBuf },
}

/// Twice as many as there are seats with eight worker processes.
const SCALE_CLIENTS: usize = 64;

#[tokio::main]
async fn main() -> Result {
    let mut options = Options::parse();
    if let Some(Command::Plot { dir }) = &options.command {
        return plot::draw(&record::read(dir)?, dir);
    }
    if options.smoke {
        (options.seconds, options.clients, options.backlog) = (0.3, vec![1, 8], 500);
        options.workers = vec![2];
    }
    raise_limit_of_files()?;
    let takes_part =
        |contender: &Contender| options.scenario.iter().any(|scenario| contender.can(*scenario));
    options.only.retain(takes_part);
    let mut lines = Vec::new();
    tell(&mut lines, record::environment(&options.programs, &options.only, options.seconds)?);
    for scenario in &options.scenario {
        for contender in options.only.iter().filter(|contender| contender.can(*scenario)) {
            measure(&options, *scenario, *contender, &mut lines).await?;
        }
    }
    match &options.record {
        Some(dir) => record::write(&lines, dir),
        None => Ok(()),
    }
}

fn tell(lines: &mut Vec<Value>, line: Value) {
    println!("{line}");
    lines.push(line);
}

async fn measure(
    options: &Options,
    scenario: Scenario,
    contender: Contender,
    lines: &mut Vec<Value>,
) -> Result {
    let name = contender.name();
    if scenario == Scenario::Backlog {
        let line = with_server(options, contender, scenario, 1, async |server| {
            let empty = server.memory()?;
            let figures = load::run(server, 64, Until::Jobs(options.backlog)).await?;
            Ok(json!({
                "scenario": "backlog", "contender": name, "jobs": figures.count,
                "per_second": figures.per_second().round(), "memory_before": empty,
                "memory": server.memory()?, "store": server.store_bytes(),
            }))
        });
        tell(lines, line.await?);
        return Ok(());
    }
    if scenario == Scenario::Scale {
        for workers in &options.workers {
            let figures = measure_load(options, contender, scenario, *workers, SCALE_CLIENTS);
            let mut line = line_of(&figures.await?);
            line["workers"] = json!(workers);
            line["seats"] = json!(workers * SEATS);
            tell(lines, named(line, "scale", &name, SCALE_CLIENTS));
        }
        return Ok(());
    }
    let kind = if scenario == Scenario::Run { "run" } else { "accept" };
    for clients in options.clients.iter().filter(|clients| contender.stands(**clients)) {
        let figures = measure_load(options, contender, scenario, 1, *clients).await?;
        tell(lines, named(line_of(&figures), kind, &name, *clients));
    }
    Ok(())
}

/// With a new server each time: what it has from before is none of the next one's business.
async fn measure_load(
    options: &Options,
    contender: Contender,
    scenario: Scenario,
    workers: usize,
    clients: usize,
) -> Result<Figures> {
    let ask = async |server: &Server| {
        let time = Duration::from_secs_f64(options.seconds);
        load::run(server, clients, Until::Elapsed(time / 4)).await?;
        load::run(server, clients, Until::Elapsed(time)).await
    };
    with_server(options, contender, scenario, workers, ask).await
}

/// Stops the server whatever came of `ask`, also when a person has had enough.
async fn with_server<T>(
    options: &Options,
    contender: Contender,
    scenario: Scenario,
    workers: usize,
    ask: impl AsyncFnOnce(&Server) -> Result<T>,
) -> Result<T> {
    let server = Server::start(&options.programs, contender, scenario, workers).await?;
    let outcome = tokio::select! {
        outcome = ask(&server) => outcome,
        _ = ctrl_c() => Err("interrupted".into()),
    };
    server.stop().await?;
    outcome
}

fn line_of(figures: &Figures) -> Value {
    let at = |quantile| figures.latency.value_at_quantile(quantile);
    json!({
        "count": figures.count, "refused": figures.refused,
        "per_second": figures.per_second().round(),
        "p50_us": at(0.5), "p99_us": at(0.99), "max_us": figures.latency.max(),
    })
}

fn named(mut line: Value, scenario: &str, contender: &str, clients: usize) -> Value {
    line["scenario"] = json!(scenario);
    line["contender"] = json!(contender);
    line["clients"] = json!(clients);
    line
}

/// A thousand clients need as many sockets, twice.
fn raise_limit_of_files() -> Result {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
