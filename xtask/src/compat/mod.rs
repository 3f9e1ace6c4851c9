//! `cargo xtask compat`: tokio's own tests and examples, on tokio and on levada.
//!
//! tokio's published crate carries its tests. They are compiled where cargo unpacked them, twice:
//! against tokio, which shows that this runner works, and against the shim in `tests/tokio-shim`,
//! a crate that is called `tokio` and has levada's channels.

mod examples;
mod project;
mod report;
mod skip;
mod suite;

use crate::Result;
use crate::cargo::{Metadata, root};
use crate::libtest::{Outcome, Program};
pub(crate) use project::Flavour;
use project::Programs;
use skip::Skips;
use std::collections::BTreeMap;
use std::time::Duration;

/// Outcomes by test name.
type Outcomes = BTreeMap<String, Outcome>;
/// Outcomes by file name.
type Results = BTreeMap<String, Outcomes>;

/// Stands for a file's compilation where no test of it can stand: none ran, or it has none.
const COMPILES: &str = "(compile)";

/// Fewer tests than this passing on tokio means that the runner lost some (tokio 1.54.1 has 707).
const MINIMUM: usize = 690;

/// How long one file's tests may take; the slowest takes about 8 s.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long a test of the skip list may take, which may hang.
const SKIPPED_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Options {
    only: Vec<String>,
    filter: Option<String>,
    baseline: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--only" => options.only.extend(value()?.split(',').map(String::from)),
                "--filter" => options.filter = Some(value()?.clone()),
                "--baseline" => options.baseline = true,
                _ => {
                    return Err(format!(
                        "unknown option {argument}; known: --only FILE,FILE --filter NAME --baseline"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }

    fn is_whole(&self) -> bool {
        self.only.is_empty() && self.filter.is_none()
    }

    fn flavours(&self) -> &'static [Flavour] {
        if self.is_whole() || self.baseline {
            &[Flavour::Tokio, Flavour::Levada]
        } else {
            &[Flavour::Levada]
        }
    }
}

/// Runs the suite, prints the totals and fails if levada differs from tokio.
pub(crate) fn run(arguments: &[String]) -> Result {
    let options = Options::parse(arguments)?;
    let metadata = Metadata::load()?;
    let tokio = metadata.package("tokio")?;
    let skips = Skips::read(&root().join("tests/tokio-compat/skip.txt"))?;
    let dir = metadata.target_dir().join("compat");
    let files = suite::collect(&tokio, &dir.join("examples"))?;
    project::write(&dir, &metadata, &files)?;
    let chosen = choose(&files, &options.only)?;
    let programs = project::build(&dir, &metadata.target_dir(), options.flavours(), &chosen)?;
    let mut results = BTreeMap::new();
    for flavour in options.flavours() {
        let skips = (*flavour == Flavour::Levada).then_some(&skips);
        results.insert(*flavour, run_flavour(*flavour, &chosen, &programs, &options, skips)?);
    }
    let columns: Vec<_> = results.iter().map(|(flavour, of)| (flavour.name(), of)).collect();
    println!("{}", report::table(&columns));
    println!("tokio {}, {} skipped by tests/tokio-compat/skip.txt", tokio.version(), skips.len());
    judge(&results, &skips, &options)
}

fn choose<'a>(files: &'a [suite::File], only: &[String]) -> Result<Vec<&'a suite::File>> {
    for name in only {
        if !files.iter().any(|file| file.name == *name) {
            let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
            return Err(format!("no file `{name}`; there are {}", names.join(", ")).into());
        }
    }
    let chosen = files.iter().filter(|file| only.is_empty() || only.contains(&file.name));
    Ok(chosen.collect())
}

fn run_flavour(
    flavour: Flavour,
    files: &[&suite::File],
    programs: &Programs,
    options: &Options,
    skips: Option<&Skips>,
) -> Result<Results> {
    let mut results = Results::new();
    for file in files {
        let outcomes = match programs.get(&(flavour, file.name.clone())) {
            Some(program) => run_file(program, file, options, skips)?,
            None => Outcomes::from([(COMPILES.to_owned(), Outcome::Failed)]),
        };
        results.insert(file.name.clone(), outcomes);
    }
    Ok(results)
}

fn run_file(
    program: &Program,
    file: &suite::File,
    options: &Options,
    skips: Option<&Skips>,
) -> Result<Outcomes> {
    let mut names = program.list()?;
    if names.is_empty() && options.filter.is_none() {
        return Ok(Outcomes::from([(COMPILES.to_owned(), Outcome::Passed)]));
    }
    names.retain(|name| options.filter.as_ref().is_none_or(|filter| name.contains(filter)));
    let (skipped, names): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|name| skips.is_some_and(|skips| skips.contains(&file.name, name)));
    let run = program.run(&names, DEADLINE)?;
    let bad = |outcome: &Outcome| matches!(outcome, Outcome::Failed | Outcome::Unfinished);
    if run.outcomes.values().any(bad) {
        println!("--- {}\n{}", file.name, run.output);
    }
    let mut outcomes = run.outcomes;
    for name in skipped {
        outcomes.extend(program.run(&[name], SKIPPED_DEADLINE)?.outcomes);
    }
    Ok(outcomes)
}

/// Turns everything that is wrong into one error.
fn judge(results: &BTreeMap<Flavour, Results>, skips: &Skips, options: &Options) -> Result {
    let mut wrong = Vec::new();
    if let Some(tokio) = results.get(&Flavour::Tokio) {
        wrong.extend(prefixed("tokio", report::failures(tokio, None)));
        let passed = report::passed(tokio);
        if options.is_whole() && passed < MINIMUM {
            wrong.push(format!("only {passed} tests passed on tokio, expected {MINIMUM} or more"));
        }
    }
    let levada = &results[&Flavour::Levada];
    wrong.extend(prefixed("levada", report::failures(levada, Some(skips))));
    if let Some(tokio) = results.get(&Flavour::Tokio) {
        wrong.extend(prefixed("levada", report::missing(tokio, levada)));
    }
    if options.filter.is_none() {
        wrong.extend(prefixed("skip list", skips.stale(levada)));
    } else if report::passed(levada) == 0 && wrong.is_empty() {
        wrong.push("the filter matches no test".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("\n  {}", wrong.join("\n  ")).into()) }
}

fn prefixed(prefix: &str, lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(move |line| format!("{prefix}: {line}"))
}
