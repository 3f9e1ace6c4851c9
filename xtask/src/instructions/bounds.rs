//! The committed bounds, and what is wrong with a count.

use crate::Result;
use std::collections::BTreeMap;

/// How far a new bound is above the count, in parts of it: what a change may cost that is for
/// something else.
const ROOM: f64 = 0.03;

/// The least that it is above, in instructions.
const LEAST_ROOM: f64 = 2.0;

/// How far a count may be below its bound, in parts of that, before a loss could hide there.
const SLACK: f64 = 0.15;

/// The same in instructions, for the shapes that take few.
const LEAST_SLACK: f64 = 5.0;

/// How far a count may be above its bound with another compiler than that of the bounds, in parts
/// of the bound. Two versions of Rust differed by less than 3 % in every shape, but what is inlined
/// is a matter of thresholds.
const OTHER_COMPILER: f64 = 0.25;

const RENEW: &str = "`cargo xtask instructions --update` renews the bounds";

/// The most instructions that an operation of each shape may take.
pub(super) struct Bounds {
    /// The version of Rust that they were counted with.
    compiler: String,
    by_shape: BTreeMap<String, u64>,
}

impl Bounds {
    /// The bounds for what was counted.
    pub(super) fn of<'a>(compiler: String, counts: impl Iterator<Item = (&'a str, f64)>) -> Self {
        let bound = |count: f64| (count + (count * ROOM).max(LEAST_ROOM)).ceil() as u64;
        let by_shape = counts.map(|(shape, count)| (shape.to_owned(), bound(count))).collect();
        Self { compiler, by_shape }
    }

    /// Reads what [`text`](Self::text) has written.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next().and_then(|line| line.strip_prefix("shape,Rust "));
        let compiler = compiler.ok_or_else(|| format!("no head in bounds.csv; {RENEW}"))?;
        let mut by_shape = BTreeMap::new();
        for line in lines {
            let (shape, bound) = line.split_once(',').unwrap_or((line, ""));
            let bound = bound.parse().map_err(|_| format!("no bound in `{line}`; {RENEW}"))?;
            if by_shape.insert(shape.to_owned(), bound).is_some() {
                return Err(format!("two bounds for {shape}; {RENEW}").into());
            }
        }
        Ok(Self { compiler: compiler.to_owned(), by_shape })
    }

    /// As it is committed.
    pub(super) fn text(&self) -> String {
        let mut text = format!("# The most instructions of an operation; {RENEW}.\n");
        text += &format!("shape,Rust {}\n", self.compiler);
        for (shape, bound) in &self.by_shape {
            text += &format!("{shape},{bound}\n");
        }
        text
    }

    pub(super) fn get(&self, shape: &str) -> Option<u64> {
        self.by_shape.get(shape).copied()
    }

    /// What is wrong with a count, made with this compiler.
    pub(super) fn check(&self, shape: &str, count: f64, compiler: &str) -> Option<String> {
        let Some(bound) = self.get(shape) else {
            return Some(format!("{shape} has no bound; {RENEW}"));
        };
        let is_same = compiler == self.compiler;
        let (exact, its) = (bound as f64, &self.compiler);
        if is_same && count > exact {
            return Some(format!(
                "{shape} takes {count:.1} instructions and may take {bound}; if that is worth it, {RENEW}"
            ));
        }
        if !is_same && count > exact * (1.0 + OTHER_COMPILER) {
            let percent = OTHER_COMPILER * 100.0;
            return Some(format!(
                "{shape} takes {count:.1} instructions with Rust {compiler}, more than {percent:.0} % above the \
                 {bound} that it may take with Rust {its}; count again with that version, and {RENEW}"
            ));
        }
        let is_far_below = count + (exact * SLACK).max(LEAST_SLACK) < exact;
        (is_same && is_far_below).then(|| {
            format!("{shape} takes only {count:.1} instructions, its bound is {bound}: well done; {RENEW}")
        })
    }

    /// What is wrong with the bounds if these are all shapes.
    pub(super) fn without_shape(&self, shapes: &[&str]) -> Vec<String> {
        let lost = self.by_shape.keys().filter(|shape| !shapes.contains(&shape.as_str()));
        lost.map(|shape| format!("no shape is called {shape}, which has a bound; {RENEW}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(count: f64) -> Bounds {
        Bounds::of("1.0.0".to_owned(), [("a/b", count)].into_iter())
    }

    fn finding(bounds: &Bounds, count: f64, compiler: &str) -> String {
        bounds.check("a/b", count, compiler).unwrap_or_default()
    }

    #[test]
    fn a_bound_is_a_little_above_the_count() {
        assert_eq!(bounds(1000.1).get("a/b"), Some(1031));
        assert_eq!(bounds(100.0).get("a/b"), Some(103));
        assert_eq!(bounds(16.0).get("a/b"), Some(18));
        assert_eq!(bounds(16.2).get("a/b"), Some(19));
    }

    #[test]
    fn what_is_written_is_read() {
        let text = bounds(1000.0).text();
        let read = Bounds::parse(&text).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!((read.compiler.as_str(), read.get("a/b")), ("1.0.0", Some(1030)));
        let wrong =
            ["", "a/b,1\n", "shape,Rust 1\na/b", "shape,Rust 1\na/b,1.5", "shape,Rust 1\na,1\na,1"];
        for text in wrong {
            let error = Bounds::parse(text).err().unwrap().to_string();
            assert!(error.contains("--update"), "{error}");
        }
    }

    #[test]
    fn a_count_is_between_its_bound_and_well_below() {
        let bounds = bounds(1000.0);
        for count in [1030.0, 1000.0, 876.0] {
            assert_eq!(finding(&bounds, count, "1.0.0"), "");
        }
        assert!(
            finding(&bounds, 1030.1, "1.0.0").contains("1030.1 instructions and may take 1030")
        );
        assert!(finding(&bounds, 875.0, "1.0.0").contains("only 875.0 instructions"));
        assert!(bounds.check("a/c", 1.0, "1.0.0").unwrap().contains("a/c has no bound"));
    }

    #[test]
    fn few_instructions_may_be_fewer() {
        assert_eq!(finding(&bounds(16.0), 13.0, "1.0.0"), "");
        assert!(finding(&bounds(16.0), 12.0, "1.0.0").contains("only 12.0"));
    }

    #[test]
    fn another_compiler_may_take_more_or_less() {
        let bounds = bounds(1000.0);
        for count in [1287.0, 500.0] {
            assert_eq!(finding(&bounds, count, "1.1.0"), "");
        }
        assert!(finding(&bounds, 1288.0, "1.1.0").contains("more than 25 % above the 1030"));
    }

    #[test]
    fn a_bound_without_a_shape_is_found() {
        assert!(bounds(1.0).without_shape(&["a/b", "c"]).is_empty());
        assert_eq!(bounds(1.0).without_shape(&["c"]).len(), 1);
    }
}
