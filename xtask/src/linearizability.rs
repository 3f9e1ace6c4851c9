//! `cargo xtask linearizability`: recorded histories of the channels against their specifications.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Histories of each channel, with `--deep`. The default is the tests' own.
const DEEP_SEEDS: &str = "300000";

/// Checks histories from seed 0, or from the one that is given.
pub(crate) fn run(options: &[String]) -> Result {
    let mut command = cargo();
    command.args(["test", "--package", "levada-linearizability", "--test", "channels"]);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--deep" => command.arg("--release").env("LINEARIZABILITY_SEEDS", DEEP_SEEDS),
            "--seed" => command.env("LINEARIZABILITY_SEED", seed(words.next())?),
            other => return Err(format!("`{other}`? It takes --deep and --seed N").into()),
        };
    }
    shell::run(command.args(["--", "--nocapture"]))
}

fn seed(word: Option<&String>) -> Result<String> {
    let word = word.ok_or("--seed wants a number behind it: the first seed")?;
    let seed: u64 = word.parse().map_err(|error| format!("--seed {word}: {error}"))?;
    Ok(seed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number() {
        assert_eq!(seed(Some(&"17".to_owned())).unwrap(), "17");
        for wrong in [None, Some(&"x".to_owned()), Some(&"-1".to_owned())] {
            assert!(seed(wrong).unwrap_err().to_string().starts_with("--seed"), "{wrong:?}");
        }
    }

    #[test]
    fn an_unknown_option_is_named() {
        let error = run(&["--fast".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("--fast") && error.contains("--deep"), "{error}");
    }
}
