//! Running the shapes of `tests/instructions` under callgrind, and reading what it has counted.

use crate::cargo::{Metadata, cargo, programs};
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

const PACKAGE: &str = "levada-instructions";

/// The function that the program calls before, between and behind what is compared; callgrind
/// writes down what it has counted whenever it is entered, and begins anew.
const MARK: &str = "*counted_operations*";

/// How the program is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Variant {
    Plain,
    /// With the feature `observe`: the shapes of levada only.
    Observe,
    /// With the system's allocator.
    Malloc,
}

impl Variant {
    fn feature(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Observe => Some("observe"),
            Self::Malloc => Some("malloc"),
        }
    }
}

/// What one operation takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count {
    pub(super) instructions: f64,
    pub(super) allocations: f64,
}

/// Counts the shapes whose names contain one of `filter`, or all, and gives them by name, in their
/// order.
pub(super) fn count(filter: &[String], variant: Variant) -> Result<Vec<(String, Count)>> {
    let program = build(variant)?;
    let names = shell::output(&mut Command::new(&program))?;
    let is_wanted =
        |name: &&str| filter.is_empty() || filter.iter().any(|word| name.contains(word));
    let is_in = |name: &&str| variant != Variant::Observe || name.starts_with("levada/");
    let names: Vec<_> = names.lines().filter(is_wanted).filter(is_in).collect();
    eprintln!("$ valgrind --tool=callgrind {PACKAGE} SHAPE, for {} shapes", names.len());
    let folder = Metadata::load()?.target_dir().join("callgrind");
    fs::create_dir_all(&folder)?;
    let shared = Shared { left: Mutex::new(names.iter().enumerate()), done: Mutex::default() };
    // Each has a process of its own, and what is counted does not depend on how long that takes.
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| shared.work(&program, &folder));
        }
    });
    let done = shared.done.into_inner().map_err(|_| "a thread has panicked")?;
    let mut counted = done.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    counted.sort_by_key(|(index, _)| *index);
    let counted = counted.into_iter().map(|(index, count)| (names[index].to_owned(), count));
    Ok(counted.collect())
}

/// The program, as every machine compiles it.
fn build(variant: Variant) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--package", PACKAGE, "--profile", "instructions"]);
    if let Some(feature) = variant.feature() {
        command.args(["--features", feature]);
    }
    // Nobody's own flags.
    command.env("CARGO_ENCODED_RUSTFLAGS", "").env("CARGO_INCREMENTAL", "0");
    let program = programs(&mut command)?.into_iter().find(|program| program.target == PACKAGE);
    Ok(program.ok_or("cargo built no program; its messages have changed")?.path)
}

/// What the threads share that run the shapes.
struct Shared<I> {
    /// The index and name of each shape that is left.
    left: Mutex<I>,
    done: Mutex<Vec<std::result::Result<(usize, Count), String>>>,
}

impl<'a, I: Iterator<Item = (usize, &'a &'a str)>> Shared<I> {
    /// Counts one shape after the other, for as long as any is left.
    fn work(&self, program: &Path, folder: &Path) {
        while let Some((index, name)) = self.next() {
            let count = count_one(program, folder, name);
            let count = count.map_err(|error| format!("{name}: {error}"));
            if let Ok(mut done) = self.done.lock() {
                done.push(count.map(|count| (index, count)));
            }
        }
    }

    fn next(&self) -> Option<(usize, &'a &'a str)> {
        self.left.lock().ok()?.next()
    }
}

fn count_one(program: &Path, folder: &Path, name: &str) -> Result<Count> {
    let file = folder.join(name.replace('/', "-"));
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--dump-before={MARK}"));
    command.arg(format!("--callgrind-out-file={}", file.display()));
    let said = shell::output(command.arg(program).arg(name))?;
    // The first ends where the first call begins, the next two where the calls end.
    let [once, twice] = ["2", "3"].map(|number| file.with_extension(number));
    per_operation(total(&once)?, total(&twice)?, &said)
}

/// What callgrind has counted in one of its files.
fn total(file: &Path) -> Result<u64> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("callgrind has not written {}: {error}", file.display()))?;
    fs::remove_file(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| format!("callgrind has written no total into {}", file.display()).into())
}

/// The difference between two calls, for each of the operations that one has more. How many those
/// are, and their allocations, the program `said`.
fn per_operation(once: u64, twice: u64, said: &str) -> Result<Count> {
    let words: Vec<_> = said.split_whitespace().collect();
    let ([operations, "operations,", allocations, "allocations"], true) =
        (&words[..], twice > once)
    else {
        return Err(format!("counted {once} and {twice} instructions, and read {said:?}").into());
    };
    let operations: f64 = operations.parse()?;
    let allocations: f64 = allocations.parse()?;
    Ok(Count {
        instructions: (twice - once) as f64 / operations,
        allocations: allocations / operations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_its_part_of_the_difference() {
        let count = per_operation(1_000, 3_000, "100 operations, 50 allocations\n").unwrap();
        assert_eq!(count, Count { instructions: 20.0, allocations: 0.5 });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(per_operation(1_000, 1_000, "100 operations, 0 allocations").is_err());
        assert!(per_operation(1_000, 2_000, "").is_err());
        assert!(per_operation(1_000, 2_000, "no operations, 0 allocations").is_err());
    }

    #[test]
    fn the_total_is_read_and_the_file_removed() {
        let file = std::env::temp_dir().join(format!("levada-callgrind-{}.2", std::process::id()));
        fs::write(&file, "events: Ir\nsummary: 12\n\ntotals: 12\n").unwrap();
        assert_eq!(total(&file).unwrap(), 12);
        assert!(total(&file).unwrap_err().to_string().contains("has not written"));
        fs::write(&file, "events: Ir\n").unwrap();
        assert!(total(&file).unwrap_err().to_string().contains("no total"));
    }
}
