//! `docs/known-bugs.md` has a row for every bug, and the tests that it names exist.

use super::File;

/// The table, relative to the root.
pub(super) const TABLE: &str = "docs/known-bugs.md";

/// The rows are C1 to C213.
const ROWS: usize = 230;

/// The folder that the table's files are relative to, unless they are to the root.
const CRATE: &str = "crates/levada";

pub(super) fn check(table: &str, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut expected = 1;
    for (index, line) in table.lines().enumerate() {
        let at = |message: String| format!("{TABLE}:{}: {message}", index + 1);
        let tests: Vec<_> = tests(line).collect();
        if let Some(number) = row_number(line) {
            if number != expected {
                findings.push(at(format!("row C{number} stands where C{expected} belongs")));
            }
            expected = number + 1;
            if tests.is_empty() {
                findings.push(at(format!("C{number} names no test (`FILE.rs::NAME`)")));
            }
        }
        let lost = tests.iter().filter(|(path, name)| !exists(files, path, name));
        findings.extend(lost.map(|(path, name)| at(format!("no test {name} in {path}"))));
    }
    if expected != ROWS + 1 {
        findings.push(format!("{TABLE}: the rows end with C{}, not C{ROWS}", expected - 1));
    }
    findings
}

/// The number in `| C12 | …`.
fn row_number(line: &str) -> Option<usize> {
    line.strip_prefix("| C")?.split_once(' ')?.0.parse().ok()
}

/// File and name of each `` `FILE.rs::NAME` `` in a line.
fn tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let in_code = line.split('`').skip(1).step_by(2);
    in_code.filter_map(|code| code.split_once("::")).filter(|(path, _)| path.ends_with(".rs"))
}

/// Whether the file has a function of this name with an attribute that makes it a test, or one that
/// a test without a harness lists as a `scene`.
fn exists(files: &[File], path: &str, name: &str) -> bool {
    let in_crate = format!("{CRATE}/{path}");
    let Some(file) = files.iter().find(|file| file.path == in_crate || file.path == path) else {
        return false;
    };
    let (declared, listed) = (format!("fn {name}("), format!(", {name})"));
    let is_listed = |code: &str| code.contains("scene(") && code.contains(&listed);
    if file.lines.iter().any(|line| is_listed(&line.code)) {
        return file.lines.iter().any(|line| line.code.contains(&declared));
    }
    file.lines.iter().enumerate().any(|(index, line)| {
        line.code.contains(&declared)
            && (file.lines[..index].iter().rev())
                .take_while(|line| line.code.trim_start().starts_with("#["))
                .any(|line| line.code.contains("test]") || line.code.contains("::test("))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: std::ops::RangeInclusive<usize>) -> String {
        rows.map(|row| format!("| C{row} | what | where | `tests/a.rs::one` |\n")).collect()
    }

    fn files() -> [File; 1] {
        let text = "#[test]\n#[cfg(x)]\nfn one() {}\n#[tokio::test(a = 1)]\nasync fn two() {}\nfn no() {}\n\
             scene(\"three\", three);\nfn three() {}\nscene(\"four\", four)";
        [File::new("crates/levada/tests/a.rs", text)]
    }

    #[test]
    fn a_whole_table_passes() {
        let more = "| | | `tests/a.rs::two`, `tests/a.rs::three`, `levada::mpsc` and `a::b` |\n";
        assert_eq!(check(&(table(1..=ROWS) + more), &files()), Vec::<String>::new());
    }

    #[test]
    fn finds_rows_that_are_missing() {
        let short = check(&table(1..=ROWS - 1), &files());
        let ends = format!("docs/known-bugs.md: the rows end with C{}, not C{ROWS}", ROWS - 1);
        assert_eq!(short, [ends]);
        let gap = check(&(table(1..=9) + &table(11..=ROWS)), &files());
        assert_eq!(gap, ["docs/known-bugs.md:10: row C11 stands where C10 belongs"]);
        let untested = table(1..=ROWS - 1) + &format!("| C{ROWS} | what | where | by design |");
        assert_eq!(check(&untested, &files()).len(), 1);
    }

    #[test]
    fn finds_tests_that_are_missing() {
        for lost in ["tests/a.rs::no", "tests/a.rs::four", "tests/b.rs::one"] {
            let findings = check(&(table(1..=ROWS) + &format!("`{lost}`")), &files());
            assert_eq!(findings.len(), 1, "{lost}");
            let line = ROWS + 1;
            assert!(findings[0].starts_with(&format!("docs/known-bugs.md:{line}: no test ")));
        }
    }
}
