//! The examples in a source's doc comments, as a file of tests.
//!
//! rustdoc links one program per example; one program for all of a source's examples says the
//! same in a twentieth of the time.

use crate::Result;
use std::fmt::Write;

/// A fenced block of Rust in a doc comment.
#[derive(Debug, PartialEq)]
pub(super) struct Example {
    /// Line of the opening fence, counted from 1, as rustdoc names examples.
    line: usize,
    mode: Mode,
    code: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Run,
    ShouldPanic,
    /// Compiled, not run.
    NoRun,
    /// Neither Rust nor meant for this target.
    Skip,
}

impl Example {
    pub(super) fn uses_channels(&self) -> bool {
        ["mpsc", "oneshot", "broadcast", "watch"].iter().any(|kind| self.code.contains(kind))
    }

    /// Whether the example brings its own `main`, outside every block.
    fn has_main(&self) -> bool {
        let mut depth = 0_i32;
        for line in self.code.lines() {
            if depth == 0 && line.contains("fn main()") {
                return true;
            }
            depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
        }
        false
    }

    /// The example as a module with one test.
    fn module(&self) -> String {
        let attribute = match self.mode {
            Mode::Run => "#[test]",
            Mode::ShouldPanic => "#[test]\n#[should_panic]",
            Mode::NoRun | Mode::Skip => "#[allow(dead_code)]",
        };
        let program = if self.has_main() {
            self.code.clone()
        } else {
            format!("fn main() {{\n{}}}\n", self.code)
        };
        format!(
            "mod line_{} {{\n{program}\n{attribute}\nfn example() {{\nlet () = main();\n}}\n}}\n",
            self.line
        )
    }
}

/// Rust source with one module per example.
pub(super) fn test_file(examples: &[Example]) -> String {
    let mut text = String::new();
    for example in examples {
        let _ = writeln!(text, "{}", example.module());
    }
    text
}

/// All examples of `source` that a compiler should see.
///
/// # Errors
/// A fence with a word that is not known here, or one that is never closed.
pub(super) fn extract(source: &str) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    let mut open: Option<Example> = None;
    for (index, line) in source.lines().enumerate() {
        let Some(doc) = doc_text(line) else {
            if let Some(example) = open {
                return Err(format!("the fence in line {} is not closed", example.line).into());
            }
            continue;
        };
        match (open.take(), doc.trim_start().strip_prefix("```")) {
            (None, None) => {}
            (None, Some(words)) => {
                let mode = mode(words).map_err(|error| format!("line {}: {error}", index + 1))?;
                open = Some(Example { line: index + 1, mode, code: String::new() });
            }
            (Some(example), Some(_)) => {
                if example.mode != Mode::Skip {
                    examples.push(example);
                }
            }
            (Some(mut example), None) => {
                example.code.push_str(shown(doc));
                example.code.push('\n');
                open = Some(example);
            }
        }
    }
    Ok(examples)
}

/// What a doc comment says in this line.
fn doc_text(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// A line of an example without the mark that hides it from readers.
fn shown(line: &str) -> &str {
    let code = line.trim_start();
    if code == "#" {
        return "";
    }
    code.strip_prefix("# ").unwrap_or(line)
}

/// What the words behind an opening fence ask for.
fn mode(words: &str) -> Result<Mode> {
    let mut mode = Mode::Run;
    for word in words.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "rust" | "edition2021" => {}
            "should_panic" => mode = Mode::ShouldPanic,
            "no_run" => mode = Mode::NoRun,
            "text" | "ignore" => return Ok(Mode::Skip),
            _ => match word.strip_prefix("ignore-") {
                Some(target) if !is_this_target(target) => {}
                Some(_) => return Ok(Mode::Skip),
                None => return Err(format!("unknown word `{word}` behind a fence").into()),
            },
        }
    }
    Ok(mode)
}

fn is_this_target(part: &str) -> bool {
    use std::env::consts::{ARCH, FAMILY, OS};
    [ARCH, FAMILY, OS].iter().any(|name| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
/// Text.
///
/// ```
/// # hidden();
/// shown();
/// ```
impl X {
    /// ```should_panic,ignore-wasm
    /// async fn main() {
    ///     body();
    /// }
    /// ```
    ///
    /// ```text
    /// no code
    /// ```
    fn f() {}
}
";

    #[test]
    fn finds_examples_with_line_and_mode() {
        let examples = extract(SOURCE).unwrap();
        let found: Vec<_> = examples.iter().map(|example| (example.line, example.mode)).collect();
        assert_eq!(found, [(4, Mode::Run), (9, Mode::ShouldPanic)]);
        assert_eq!(examples[0].code, "hidden();\nshown();\n");
    }

    #[test]
    fn wraps_only_what_lacks_a_main() {
        let examples = extract(SOURCE).unwrap();
        assert!(examples[0].module().contains("fn main() {\nhidden();"));
        assert_eq!(examples[1].module().matches("fn main").count(), 1);
    }

    #[test]
    fn a_main_inside_a_block_does_not_count() {
        let text = "/// ```\n/// # {\n/// fn main() {}\n/// # }\n/// ```\n";
        assert!(!extract(text).unwrap()[0].has_main());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(extract("/// ```compile_fail\n/// ```\n").is_err());
        assert!(extract("/// ```\nfn f() {}\n").is_err());
    }
}
