//! The cluster to try: its script keeps what it says, with the death of a process of each kind, and
//! what Docker Compose would start are command lines that work.

mod running;

use self::running::Running;
use super::{read, systemd};
use crate::toolchain::need_program;
use crate::{Result, nats, shell, venv};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Reads YAML, as Docker Compose does.
const YAML: &str = "PyYAML==6.0.4\n";
const TO_JSON: &str = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
/// How many jobs each front end gets while processes die.
const JOBS: usize = 12;
/// One of each kind.
const VICTIMS: [&str; 3] = ["worker-1", "front-end-2", "nats-3"];

pub(super) fn check(folder: &Path, levada: &Path, scratch: &Path) -> Result {
    need_program(&["bash"], "contrib/cluster/run is for it")?;
    let script = folder.join("cluster/run");
    shell::output(Command::new("bash").arg("-n").arg(&script))?;
    let text = read(&script)?;
    let version = format!("version={}\n", nats::NEWEST);
    if !text.contains(&version) {
        return Err(format!("contrib/cluster/run has no line `{version}`").into());
    }
    let server = nats::newest()?;
    compose(&folder.join("cluster/compose.yaml"), &server, levada, scratch)?;
    let start = || Running::start(&script, levada, &server, scratch);
    let first = deaths(&mut start()?, levada, folder, scratch)?;
    // What was there stays there.
    let mut again = start()?;
    again.result(levada, &first)?;
    again.stop()
}

/// Jobs arrive while processes die. The last of the jobs, and what it wrote.
fn deaths(
    running: &mut Running,
    levada: &Path,
    folder: &Path,
    scratch: &Path,
) -> Result<(String, String)> {
    let mut jobs = Vec::new();
    for victim in VICTIMS {
        for number in 0..JOBS {
            let input = format!("{victim} {number}");
            jobs.push((running.submit(levada, number, &input)?, input));
        }
        running.kill(victim)?;
    }
    for job in &jobs {
        running.result(levada, job)?;
    }
    if cfg!(target_os = "linux") {
        systemd::worker(folder, levada, scratch, &running.servers())?;
    }
    running.stop()?;
    jobs.pop().ok_or_else(|| "no job was submitted".into())
}

/// The file is YAML, the services of levada have command lines and environments that it takes, and
/// the servers have options that they know.
fn compose(file: &Path, server: &Path, levada: &Path, scratch: &Path) -> Result {
    let python = venv::program(&scratch.with_extension("venv"), YAML, "python")?;
    let mut command = Command::new(python);
    let json = shell::output(command.args(["-c", TO_JSON]).stdin(std::fs::File::open(file)?))?;
    let file: Value = serde_json::from_str(&json)?;
    let services = file["services"].as_object().ok_or("compose.yaml has no services")?;
    let help = shell::output(Command::new(server).arg("--help"))?;
    let (mut servers, mut members) = (0, 0);
    for (name, service) in services {
        let words = words(&service["command"]);
        if words.is_empty() {
            return Err(format!("compose.yaml: {name} has no command, as a list").into());
        }
        if words[0].starts_with('-') {
            for option in words.iter().filter(|word| word.starts_with("--")) {
                if !help.contains(&format!("{option} ")) {
                    return Err(format!("compose.yaml: {name}: nats-server has no {option}").into());
                }
            }
            let image = format!("nats:{}-alpine", nats::NEWEST);
            if service["image"] != image.as_str() {
                return Err(format!("compose.yaml: {name} is not of the image {image}").into());
            }
            servers += 1;
        } else {
            let mut command = Command::new(levada);
            command.arg(&words[0]).arg("--check").args(&words[1..]);
            shell::output(command.env("LEVADA_TOKEN", "0123456789abcdef"))
                .map_err(|error| format!("compose.yaml: {name}: {error}"))?;
            members += 1;
        }
    }
    if (servers, members) != (3, 2) {
        return Err(format!("compose.yaml has {servers} servers and {members} kinds more").into());
    }
    Ok(())
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words.filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_is_a_list_of_words() {
        assert_eq!(words(&json!(["serve", "--workers", "0"])), ["serve", "--workers", "0"]);
        assert!(words(&json!("serve --workers 0")).is_empty());
    }
}
