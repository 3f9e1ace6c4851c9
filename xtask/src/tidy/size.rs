//! A file that outgrows one sitting is two files. (A function's limit is in `clippy.toml`.)

use super::File;

/// Lines of code, not counting blank lines, comments and the unit tests at the end.
const LIMIT: usize = 400;

pub(super) fn check(file: &File) -> Option<String> {
    let count = file.shipped().iter().filter(|line| line.has_code()).count();
    (count > LIMIT).then(|| format!("{}: {count} lines of code, limit {LIMIT}", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_only() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "b();\n".repeat(LIMIT));
        let at_limit = format!("{}\n// c\n\n", "a();\n".repeat(LIMIT - 1)) + &tests;
        assert_eq!(check(&File::new("f.rs", &at_limit)), None);
        assert!(check(&File::new("f.rs", &format!("a();\na();\n{at_limit}"))).is_some());
    }
}
