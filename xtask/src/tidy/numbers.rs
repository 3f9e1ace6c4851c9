//! A number that stands in several places is the same in all of them.

/// What the number is, and each place: a file, and the texts before and behind it.
type Number<'a> = (&'a str, &'a [(&'a str, &'a str, &'a str)]);

const NUMBERS: &[Number] = &[
    (
        "known bugs",
        &[
            ("docs/known-bugs.md", "\n", " bugs that channels"),
            ("docs/known-bugs.md", "`C1` to `C", "`;"),
            ("xtask/src/tidy/bugs.rs", "const ROWS: usize = ", ";"),
        ],
    ),
    (
        "bytes of an idle mpsc channel",
        &[
            ("crates/levada/src/mpsc/mod.rs", "is one allocation of ", " bytes"),
            ("docs/speed/mpsc.md", "bytes of an idle channel, any capacity | ", " |"),
        ],
    ),
    (
        "polls that a grant lasts at first",
        &[
            (
                "crates/levada/src/wait/permits/expiry.rs",
                "GRACE: u16 = if IS_LOOM { 2 } else { ",
                " }",
            ),
            ("tests/support/src/grace.rs", "GRACE: usize = ", ";"),
        ],
    ),
    (
        "attempts that a promise lasts at first",
        &[
            ("crates/levada/src/queue/many/line.rs", "} else { ", " << "),
            ("tests/support/src/grace.rs", "PATIENCE: usize = ", ";"),
        ],
    ),
    (
        "the oldest Rust for the channels",
        &[
            ("Cargo.toml", "rust-version = \"1.", "\""),
            ("benches/Cargo.toml", "rust-version = \"1.", "\""),
            ("README.md", "the channels alone: 1.", ")"),
        ],
    ),
    (
        "the oldest Rust for the service",
        &[
            ("crates/levada-serve/Cargo.toml", "rust-version = \"1.", "\""),
            ("README.md", "Rust 1.", " or newer"),
            ("CONTRIBUTING.md", "Rust 1.", " or newer"),
        ],
    ),
];

/// Compares the places. `text` reads a file.
pub(super) fn check<E>(text: impl Fn(&str) -> Result<String, E>) -> Result<Vec<String>, E> {
    let mut findings = Vec::new();
    for number in NUMBERS {
        findings.extend(compare(number, &text)?);
    }
    Ok(findings)
}

fn compare<E>(
    (name, places): &Number,
    text: &impl Fn(&str) -> Result<String, E>,
) -> Result<Option<String>, E> {
    let mut found = Vec::new();
    for (file, before, behind) in *places {
        match between(&text(file)?, before, behind) {
            Some(number) => found.push((*file, number)),
            None => {
                return Ok(Some(format!(
                    "{file}: no number between \"{before}\" and \"{behind}\"; see tidy/numbers"
                )));
            }
        }
    }
    let is_same = found.windows(2).all(|pair| pair[0].1 == pair[1].1);
    Ok((!is_same).then(|| format!("{name}: {found:?} are not the same")))
}

/// The first number that has these texts around it.
fn between(text: &str, before: &str, behind: &str) -> Option<u64> {
    text.match_indices(before).find_map(|(start, before)| {
        let rest = &text[start + before.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        rest[digits..].starts_with(behind).then(|| rest[..digits].parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: Number = ("cats", &[("a", "has ", " cats"), ("b", "CATS = ", ";")]);

    fn finding(a: &str, b: &str) -> Option<String> {
        let text = |file: &str| Ok::<_, ()>(if file == "a" { a.into() } else { b.into() });
        compare(&TOY, &text).unwrap()
    }

    #[test]
    fn numbers_are_compared() {
        assert_eq!(finding("has no dog and has 12 cats", "CATS = 12;"), None);
        let other = finding("has 12 cats", "CATS = 13;").unwrap();
        assert_eq!(other, "cats: [(\"a\", 12), (\"b\", 13)] are not the same");
        assert!(finding("has twelve cats", "CATS = 12;").unwrap().starts_with("a: no number"));
        assert!(finding("has 12 cats", "DOGS = 12;").unwrap().starts_with("b: no number"));
    }
}
