//! `cargo xtask openapi`: the running service against its own OpenAPI document.
//!
//! schemathesis reads the document that the service serves, sends what it allows and what it does
//! not, goes from job to job by its links, and compares every answer with what the document says:
//! status, headers, type, schema, events. What it is asked, and what is no finding, is in
//! `schemathesis.toml`; the queues are in `levada.toml`.

pub(crate) mod service;

use crate::cargo::{Metadata, find, programs, root, shared_build};
use crate::{Result, shell, venv};
use service::Service;
use std::path::Path;
use std::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Decides what is sent. Any other number makes other requests.
const SEED: u64 = 1;

/// Asks a service whose jobs are in memory, and one whose jobs are on disk.
pub(crate) fn run(options: &[String]) -> Result {
    let seed = seed(options)?;
    let dir = Metadata::load()?.target_dir().join("openapi");
    let schemathesis = venv::program(&dir.join("venv"), REQUIREMENTS, "schemathesis")?;
    // The service of one machine, without the parts of a cluster.
    let mut build = shared_build();
    let levada = programs(build.args(["--no-default-features", "--bin", "levada"]))?;
    let levada = find("levada", levada)?;
    for store in ["memory", "disk"] {
        eprintln!("\n--- store: {store}");
        let mut service = Service::start(&levada, &dir, store)?;
        let asked = ask(&schemathesis, &dir, &service, seed);
        // Whatever was found: what the service says at its end tells more.
        let ended = service.stop();
        match (asked, ended) {
            (Ok(()), ended) => ended?,
            (asked, Ok(())) => asked?,
            (Err(asked), Err(ended)) => return Err(format!("{asked}\n{ended}").into()),
        }
    }
    Ok(())
}

fn seed(options: &[String]) -> Result<u64> {
    match options {
        [] => Ok(SEED),
        [name, number] if name == "--seed" => {
            number.parse().map_err(|error| format!("--seed {number}: {error}").into())
        }
        other => Err(format!("`{}`? It takes --seed N", other.join(" ")).into()),
    }
}

/// Whatever schemathesis leaves behind, it leaves in `dir`.
fn ask(schemathesis: &Path, dir: &Path, service: &Service, seed: u64) -> Result {
    let mut command = Command::new(schemathesis);
    command.current_dir(dir);
    command.arg("--config-file").arg(root().join("xtask/src/openapi/schemathesis.toml"));
    command.args(["run", &format!("--seed={seed}"), &format!("{}/openapi.json", service.url())]);
    shell::run(&mut command).map_err(|error| {
        let again = format!("`cargo xtask openapi --seed {seed}` begins with the same requests");
        format!("{error}\nthe service and openapi.json disagree, as said above; {again}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_seed_is_a_number() {
        assert_eq!(seed(&[]).unwrap(), SEED);
        assert_eq!(seed(&words(&["--seed", "17"])).unwrap(), 17);
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--seed", "-1"], &["--deep"]] {
            let error = seed(&words(wrong)).unwrap_err().to_string();
            assert!(error.contains("--seed"), "{error}");
        }
    }
}
