//! levada against its peers, shape by shape. `README.md` says how it measures.

mod allocator;
mod cell;
mod contenders;
mod driver;
mod kinds;
mod message;
mod registry;
mod report;
mod result;
mod results;
mod runtime;
mod shapes;
mod stats;

use clap::{Parser, Subcommand};
use driver::calibrate::Budget;
use driver::run::Settings;
use report::record::Record;
use result::Result;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// levada's channels against those of other crates.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    /// Only cells whose name contains one of these
    filters: Vec<String>,
    /// How many rounds count; one more warms up
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How long a round of tokio takes about; that of the slowest at most three times as long
    #[arg(long, default_value_t = 0.02)]
    seconds: f64,
    /// Only these contenders; can be given several times
    #[arg(long)]
    contender: Vec<String>,
    /// Show the cells and who takes part in them
    #[arg(long)]
    list: bool,
    /// Everything once with little work, no figures
    #[arg(long, conflicts_with_all = ["list", "record"])]
    smoke: bool,
    /// Write the figures, the tables and the plots into this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draw the plots of a record again
    Plot { dir: PathBuf },
    /// Does rounds as its standard input says
    #[command(hide = true)]
    Child { cell: String },
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut options: Options) -> Result {
    match options.command.take() {
        Some(Command::Plot { dir }) => report::plot::draw(&Record::read(&dir)?, &dir),
        Some(Command::Child { cell }) => {
            let cell = registry::cells().into_iter().find(|known| known.name == cell);
            contenders::set_up();
            driver::child::serve(&cell.ok_or("there is no such cell")?)
        }
        None => measure(&options),
    }
}

fn measure(options: &Options) -> Result {
    let mut cells = registry::cells();
    cells.retain(|cell| {
        options.filters.is_empty() || options.filters.iter().any(|part| cell.name.contains(part))
    });
    if !options.contender.is_empty() {
        for cell in &mut cells {
            cell.contenders.retain(|one| options.contender.iter().any(|name| name == one.name));
        }
        cells.retain(|cell| !cell.contenders.is_empty());
    }
    if cells.is_empty() {
        return Err("no cell has such a name and contender; `--list` shows them".into());
    }
    if options.list {
        for cell in cells {
            println!("{}\n    {}\n    {:?}", cell.name, cell.about, cell.contenders);
        }
        return Ok(());
    }
    if options.smoke {
        return driver::smoke::run(&cells);
    }
    let usual = Duration::try_from_secs_f64(options.seconds)
        .map_err(|error| format!("`--seconds {}`: {error}", options.seconds))?;
    let settings = Settings { rounds: options.rounds.max(1), budget: Budget { usual } };
    let mut record = Record::begin(settings);
    for cell in &cells {
        for line in driver::run::measure(cell, settings)? {
            println!("{}", report::table::of(&line));
            record.lines.push(line);
        }
    }
    record.end();
    println!("{}", report::table::closing(&record.lines));
    if let Some(dir) = &options.record {
        report::write(&record, dir)?;
    }
    match results::failed(&record.lines, results::LEVADA) {
        Some(line) => Err(format!("levada itself failed in {}", line.name).into()),
        None => Ok(()),
    }
}
