//! Tests that levada need not pass: one `FILE::TEST  reason` per line, `#` for comments.

use super::{COMPILES, Results};
use crate::Result;
use crate::libtest::Outcome;
use std::fs;
use std::path::Path;

/// Tests known to need tokio's internals.
pub(super) struct Skips(Vec<(String, String)>);

impl Skips {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text)
    }

    /// # Errors
    /// An entry without `FILE::TEST` or without a reason.
    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim);
        let entries = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let (test, reason) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let (file, name) = test.split_once("::").unwrap_or(("", test));
            if reason.is_empty() || file.is_empty() {
                return Err(format!("skip list: `{line}` is not `FILE::TEST  reason`").into());
            }
            Ok((file.to_owned(), name.to_owned()))
        });
        entries.collect::<Result<_>>().map(Self)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, file: &str, name: &str) -> bool {
        self.0.iter().any(|(f, n)| f == file && n == name)
    }

    /// Entries that say nothing any more: the test is gone, or it passes.
    pub(super) fn stale(&self, levada: &Results) -> Vec<String> {
        let mut stale = Vec::new();
        for (file, name) in &self.0 {
            let Some(outcomes) = levada.get(file) else {
                continue;
            };
            match outcomes.get(name) {
                Some(Outcome::Passed) => stale.push(format!("{file}::{name} passes now")),
                None if outcomes.get(COMPILES) != Some(&Outcome::Failed) => {
                    stale.push(format!("{file}::{name} does not exist"));
                }
                _ => {}
            }
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn wants_a_reason() {
        assert!(Skips::parse("sync_watch::a").is_err());
        assert!(Skips::parse("a reason").is_err());
        assert_eq!(
            Skips::parse("# text\n\nsync_watch::a  reads a tokio counter\n").unwrap().len(),
            1
        );
    }

    #[test]
    fn reports_stale_entries() {
        let skips = Skips::parse("f::passes  r\nf::fails  r\nf::gone  r\nother::x  r\n").unwrap();
        let outcomes = [("passes", Outcome::Passed), ("fails", Outcome::Failed)];
        let outcomes = outcomes.map(|(name, outcome)| (name.to_owned(), outcome));
        let results = BTreeMap::from([("f".to_owned(), BTreeMap::from(outcomes))]);
        assert_eq!(skips.stale(&results), ["f::passes passes now", "f::gone does not exist"]);
    }
}
