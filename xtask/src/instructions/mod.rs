//! `cargo xtask instructions`: what an operation of each channel takes when nobody else wants it,
//! counted by callgrind and held against the bounds in `tests/instructions`: without the feature
//! `observe`, and with it.
//!
//! Times differ by a fifth from run to run, and between machines. Instructions do not: a count is
//! the same to a tenth of one on every machine that has AVX2, of which valgrind makes one and the
//! same processor, for as long as the compiler is the same. So a bound is tight where the compiler
//! is the one that the bounds were counted with.

mod bounds;
mod callgrind;

use crate::Result;
use crate::cargo::root;
use crate::files::write_if_changed;
use crate::toolchain::{need_valgrind, release};
use bounds::Bounds;
use callgrind::{Count, Variant};

const UPDATE: &str = "--update";
const MALLOC: &str = "--malloc";

/// The bounds without the feature `observe`.
const PLAIN: &str = "bounds.csv";
/// The bounds with it.
const OBSERVED: &str = "bounds-observe.csv";

/// Counts the shapes whose names contain one of `words`, all if there is none, and compares them
/// with their bounds; or, with `--update`, makes the counts the new bounds. With `--malloc`, counts
/// with the system's allocator, for which there are no bounds.
pub(crate) fn run(words: &[String]) -> Result {
    if let Some(reason) = does_not_apply() {
        println!("the bounds do not apply here: {reason}");
        return Ok(());
    }
    let (options, filter): (Vec<_>, Vec<_>) =
        words.iter().cloned().partition(|word| word.starts_with('-'));
    need_valgrind()?;
    let update = match &options[..] {
        [] => false,
        [option] if option == MALLOC => {
            println!("{}", table(&counts(&filter, Variant::Malloc)?, &[]));
            return Ok(());
        }
        [option] if option == UPDATE && filter.is_empty() => true,
        [option] if option == UPDATE => {
            return Err("`--update` renews all bounds; no filter".into());
        }
        _ => return Err(format!("unknown options {options:?}; known: {UPDATE}, {MALLOC}").into()),
    };
    let plain = counts(&filter, Variant::Plain)?;
    let observed = counts(&filter, Variant::Observe)?;
    let mut findings = held_against(PLAIN, &plain, filter.is_empty(), update)?;
    findings.extend(held_against(OBSERVED, &observed, filter.is_empty(), update)?);
    println!("{}", table(&plain, &observed));
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("{count} findings\n  {}", findings.join("\n  ")).into()),
    }
}

fn counts(filter: &[String], variant: Variant) -> Result<Vec<Row>> {
    let counted = pair(callgrind::count(filter, variant)?);
    if counted.is_empty() {
        return Err(format!("no shape has any of {filter:?} in its name").into());
    }
    Ok(counted)
}

/// What is wrong with the counts, by the bounds in `file`, which `update` renews first.
fn held_against(file: &str, rows: &[Row], all: bool, update: bool) -> Result<Vec<String>> {
    let path = root().join("tests/instructions").join(file);
    let compiler = release()?;
    if update {
        let levada = rows.iter().map(|row| (row.shape.as_str(), row.levada.instructions));
        write_if_changed(&path, &Bounds::of(compiler.clone(), levada).text())?;
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let bounds = Bounds::parse(&text)?;
    let check = |row: &Row| bounds.check(&row.shape, row.levada.instructions, &compiler);
    let mut findings: Vec<_> = rows.iter().filter_map(check).collect();
    if all {
        let shapes: Vec<_> = rows.iter().map(|row| row.shape.as_str()).collect();
        findings.extend(bounds.without_shape(&shapes));
    }
    Ok(findings.into_iter().map(|finding| format!("{file}: {finding}")).collect())
}

/// Why there are no bounds for this machine, if so.
fn does_not_apply() -> Option<&'static str> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        return Some("they are for x86-64 Linux with glibc");
    }
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") {
        return Some("without AVX2 the C library copies in another way");
    }
    None
}

/// What was counted of one shape.
struct Row {
    shape: String,
    levada: Count,
    /// Nothing where tokio has no such channel.
    tokio: Option<Count>,
}

/// Puts the contenders side by side, in levada's order.
fn pair(counted: Vec<(String, Count)>) -> Vec<Row> {
    let of = |contender: &'static str| {
        let split =
            counted.iter().filter_map(|(name, count)| Some((name.split_once('/')?, *count)));
        split.filter(move |((owner, _), _)| *owner == contender)
    };
    let row = |((_, shape), levada): ((&str, &str), Count)| {
        let tokio = of("tokio").find(|((_, theirs), _)| *theirs == shape).map(|(_, count)| count);
        Row { shape: shape.to_owned(), levada, tokio }
    };
    of("levada").map(row).collect()
}

/// For people: instructions of an operation, and how many allocations are not in them.
fn table(plain: &[Row], observed: &[Row]) -> String {
    let mut text = format!(
        "{:<28}{:>9}{:>9}{:>9}{:>7}  {}\n",
        "instructions", "levada", "observe", "tokio", "ratio", "allocations (levada, tokio)"
    );
    for row in plain {
        let with = observed.iter().find(|with| with.shape == row.shape);
        let with =
            with.map_or("none".to_owned(), |with| format!("{:.1}", with.levada.instructions));
        let [count, ratio, allocations] = row.tokio.map_or(Default::default(), |tokio| {
            [
                format!("{:.1}", tokio.instructions),
                format!("{:.2}", row.levada.instructions / tokio.instructions),
                format!("{:.0}", tokio.allocations),
            ]
        });
        let line = format!(
            "{:<28}{:>9.1}{with:>9}{count:>9}{ratio:>7}  {:.0} {allocations}",
            row.shape, row.levada.instructions, row.levada.allocations
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(instructions: f64) -> Count {
        Count { instructions, allocations: 1.0 }
    }

    #[test]
    fn contenders_stand_side_by_side() {
        let counted =
            [("levada/mpsc/try", 100.0), ("levada/mpmc/try", 90.0), ("tokio/mpsc/try", 200.0)];
        let rows = pair(counted.map(|(name, figure)| (name.to_owned(), count(figure))).into());
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].tokio.map(|count| count.instructions), Some(200.0));
        assert!(rows[1].tokio.is_none());

        let observed = pair(vec![("levada/mpsc/try".to_owned(), count(103.0))]);
        let table = table(&rows, &observed);
        let words = |line: usize| -> Vec<_> {
            table.lines().nth(line).unwrap_or_default().split_whitespace().collect()
        };
        assert_eq!(words(1), ["mpsc/try", "100.0", "103.0", "200.0", "0.50", "1", "1"]);
        assert_eq!(words(2), ["mpmc/try", "90.0", "none", "1"]);
    }
}
