//! `cargo xtask fuzz`: libFuzzer with AddressSanitizer, against the sequential models.

use crate::Result;
use crate::cargo::root;
use crate::shell;
use std::process::Command;

/// How long each target runs unless told otherwise, in seconds.
const SECONDS: u32 = 60;

/// What to run, and for how long.
#[derive(Debug, PartialEq)]
struct Options {
    only: Option<String>,
    seconds: u32,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { only: None, seconds: SECONDS };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value behind it"))?;
            match word.as_str() {
                "--only" => options.only = Some(value.clone()),
                "--seconds" => {
                    let wrong =
                        |error| format!("`--seconds {value}`: {error}; give a whole number");
                    options.seconds = value.parse().map_err(wrong)?;
                }
                _ => return Err(format!("takes `--only T` and `--seconds N`, not `{word}`").into()),
            }
        }
        Ok(options)
    }
}

/// Runs each target, or one.
pub(crate) fn run(words: &[String]) -> Result {
    let options = Options::parse(words)?;
    let list = shell::output(fuzz().arg("list")).map_err(|error| {
        format!("{error}; it needs nightly and `cargo install cargo-fuzz` (a C++ compiler, too)")
    })?;
    let is_chosen = |target: &&str| options.only.as_deref().is_none_or(|only| only == *target);
    let targets: Vec<_> = list.lines().filter(is_chosen).collect();
    if targets.is_empty() {
        return Err(format!("no such target; there are\n{list}").into());
    }
    for target in &targets {
        let mut command = fuzz();
        command.args(["run", target, "--", "-print_final_stats=1", "-timeout=60"]);
        // About a hundred operations, from the beginning.
        command.args(["-max_len=512", "-len_control=10"]);
        // Futures that are forgotten are leaked: that is one of the operations.
        command.arg("-rss_limit_mb=8192").env("ASAN_OPTIONS", "detect_leaks=0");
        shell::run(command.arg(format!("-max_total_time={}", options.seconds)))?;
    }
    println!("{} targets, {} seconds each", targets.len(), options.seconds);
    Ok(())
}

/// cargo-fuzz, by rustup's `cargo`, which understands `+nightly`.
fn fuzz() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["+nightly", "fuzz"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options> {
        Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options() {
        assert_eq!(parse("").unwrap(), Options { only: None, seconds: SECONDS });
        let both = parse("--only watch --seconds 5").unwrap();
        assert_eq!(both, Options { only: Some("watch".into()), seconds: 5 });
        for wrong in ["--only", "--seconds soon", "--what 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
