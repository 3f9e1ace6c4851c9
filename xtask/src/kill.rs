//! `cargo xtask kill`: the service is killed, filled up and kept busy, and loses nothing.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// How often the service is killed and how many jobs it does without a rest, with `--deep`. The
/// default is the tests' own.
const DEEP_KILLS: &str = "400";
const DEEP_JOBS: &str = "200000";

/// Runs the tests of `crates/levada-serve/tests/durable`.
pub(crate) fn run(options: &[String]) -> Result {
    let mut command = cargo();
    command.args(["test", "--package", "levada-serve", "--test", "durable"]);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--deep" => command.env("LEVADA_KILLS", DEEP_KILLS).env("LEVADA_JOBS", DEEP_JOBS),
            "--kills" => command.env("LEVADA_KILLS", number(word, words.next())?),
            "--seed" => command.env("LEVADA_SEED", number(word, words.next())?),
            other => {
                return Err(format!("`{other}`? It takes --deep, --kills N and --seed N").into());
            }
        };
    }
    shell::run(command.args(["--", "--nocapture", "--test-threads=1"]))
}

fn number(option: &str, word: Option<&String>) -> Result<String> {
    let word = word.ok_or_else(|| format!("{option} wants a number behind it"))?;
    let number: u64 = word.parse().map_err(|error| format!("{option} {word}: {error}"))?;
    Ok(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_wrong_are_named() {
        for wrong in [&["--fast"][..], &["--seed"], &["--kills", "many"]] {
            let words: Vec<String> = wrong.iter().map(|word| (*word).to_owned()).collect();
            let error = run(&words).unwrap_err().to_string();
            assert!(error.contains(wrong[0]), "{error}");
        }
    }
}
