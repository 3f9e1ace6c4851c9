//! `cargo xtask downstream`: the tests of other people's crates, on tokio and on levada.
//!
//! A published package often carries its tests. The crates of the table in `suites` use tokio's
//! channels, directly or through others; their packages are copied below `target/downstream`, and
//! in their whole dependency graph `tokio` is a package that has levada's channels.

mod graph;
mod report;
mod scratch;
mod suites;

use crate::Result;
use crate::cargo::{self, Built, Metadata, Package};
use crate::compat::Flavour;
use crate::libtest::{Outcome, Program};
use report::Row;
use scratch::package_dir;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use suites::{SUITES, Suite};

/// How long the tests of one program may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// How long a test may take that is run again alone.
const ALONE_DEADLINE: Duration = Duration::from_secs(60);

/// What one suite did with one flavour.
#[derive(Debug, Default)]
struct Results {
    /// By `TARGET::TEST`.
    outcomes: BTreeMap<String, Outcome>,
    /// Passed, but only when it was run a second time, alone.
    again: Vec<String>,
    /// Not run: targets and tests of the suite's list.
    skipped: Vec<String>,
    programs: usize,
    /// Programs that contain code of levada.
    with_levada: usize,
    took: Duration,
}

impl Results {
    fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.values().filter(|of| **of == outcome).count()
    }
}

#[derive(Debug, Default)]
struct Options {
    only: Vec<String>,
    list: bool,
    baseline: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => {
                    let names = arguments.next().ok_or("--only needs NAME,NAME")?;
                    options.only.extend(names.split(',').map(String::from));
                }
                "--list" => options.list = true,
                "--baseline" => options.baseline = true,
                _ => {
                    return Err(format!(
                        "unknown option {argument}; known: --only NAME,NAME --list --baseline"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }

    fn flavours(&self) -> &'static [Flavour] {
        if self.baseline { &[Flavour::Tokio, Flavour::Levada] } else { &[Flavour::Levada] }
    }
}

/// Runs the suites, prints the totals and fails if levada differs from tokio.
pub(crate) fn run(arguments: &[String]) -> Result {
    let options = Options::parse(arguments)?;
    let suites = choose(&options.only)?;
    if options.list {
        print!("{}", report::list(&suites));
        return Ok(());
    }
    let ours = Metadata::load()?;
    let dir = ours.target_dir().join("downstream");
    let mut results = BTreeMap::new();
    for flavour in options.flavours() {
        let workspace = scratch::write(&dir, *flavour, &ours)?;
        let theirs = Metadata::of(&workspace)?;
        if *flavour == Flavour::Levada {
            graph::check(&workspace, &theirs, &suites)?;
        }
        let programs = build(&workspace, &dir.join("build"), &theirs, &suites)?;
        for suite in &suites {
            let of =
                run_suite(theirs.package_in(&package_dir(&workspace, suite))?, suite, &programs)?;
            println!("{}", report::line(suite, *flavour, &of));
            results.insert((suite.name, *flavour), of);
        }
    }
    let mut rows = Vec::new();
    for suite in suites {
        rows.push(Row {
            suite,
            mentions: report::mentions(&package_dir(&dir.join(Flavour::Levada.name()), suite))?,
            tokio: results.remove(&(suite.name, Flavour::Tokio)),
            levada: results.remove(&(suite.name, Flavour::Levada)).unwrap_or_default(),
        });
    }
    println!("{}", report::table(&rows));
    report::judge(&rows)
}

fn choose(only: &[String]) -> Result<Vec<&'static Suite>> {
    for name in only {
        if !SUITES.iter().any(|suite| suite.name == *name) {
            let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            return Err(format!("no crate `{name}`; there are {}", names.join(", ")).into());
        }
    }
    let chosen =
        SUITES.iter().filter(|suite| only.is_empty() || only.iter().any(|name| name == suite.name));
    Ok(chosen.collect())
}

/// Compiles the tests of all suites at once, so that what they share is compiled once.
fn build(root: &Path, to: &Path, theirs: &Metadata, suites: &[&Suite]) -> Result<Vec<Built>> {
    let mut command = cargo::cargo();
    // The code is not ours, and neither are its warnings.
    command.env("RUSTFLAGS", "--cap-lints=allow");
    command.args(["build", "--tests", "--keep-going", "--manifest-path"]);
    command.arg(root.join("Cargo.toml")).arg("--target-dir").arg(to);
    for suite in suites {
        let package = theirs.package_in(&package_dir(root, suite))?;
        command.args(["--package", package.id()]);
        for feature in suite.features {
            command.args(["--features", &format!("{}/{feature}", suite.name)]);
        }
    }
    cargo::test_programs(&mut command)
}

fn run_suite(package: Package<'_>, suite: &Suite, programs: &[Built]) -> Result<Results> {
    let mut results = Results::default();
    for built in programs.iter().filter(|built| built.package_id == package.id()) {
        results.programs += 1;
        results.with_levada += usize::from(graph::names_levada(&built.path)?);
        let program = Program { path: built.path.clone(), dir: package.dir() };
        let start = Instant::now();
        run_program(&program, &built.target, suite, &mut results)?;
        results.took += start.elapsed();
    }
    Ok(results)
}

/// Runs the tests of one program; those that do not pass are run once more, each alone, because
/// some depend on time and this runs many at once.
fn run_program(program: &Program, target: &str, suite: &Suite, results: &mut Results) -> Result {
    let full = |name: &str| format!("{target}::{name}");
    if suite.skips(target) {
        results.skipped.push(target.to_owned());
        return Ok(());
    }
    let (skipped, names): (Vec<_>, Vec<_>) =
        program.list()?.into_iter().partition(|name| suite.skips(&full(name)));
    results.skipped.extend(skipped.iter().map(|name| full(name)));
    let mut outcomes = program.run(&names, DEADLINE)?.outcomes;
    for (name, outcome) in &mut outcomes {
        if !matches!(outcome, Outcome::Failed | Outcome::Unfinished) {
            continue;
        }
        let alone = program.run(std::slice::from_ref(name), ALONE_DEADLINE)?;
        *outcome = alone.outcomes[name];
        if *outcome == Outcome::Passed {
            results.again.push(full(name));
        } else {
            println!("--- {} {}\n{}", suite.name, full(name), alone.output);
        }
    }
    let outcomes = outcomes.into_iter().map(|(name, outcome)| (full(&name), outcome));
    results.outcomes.extend(outcomes);
    Ok(())
}
