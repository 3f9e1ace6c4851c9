//! The units: systemd understands them, their command lines start what they are for, and reload
//! and stop do what their comments say.

use super::{read, replaced};
use crate::openapi::service::Service;
use crate::toolchain::need_package;
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn check(folder: &Path, levada: &Path, scratch: &Path) -> Result {
    need_package("systemd", Command::new("systemd-analyze").arg("--version"))?;
    let unit = read(&folder.join("systemd/levada.service"))?;
    verify("levada.service", &unit, levada, scratch)?;
    let users = folder.join("systemd/levada.sysusers");
    shell::output(Command::new("systemd-sysusers").arg("--dry-run").arg(users))?;
    start(&unit, folder, levada, scratch)
}

/// The unit of a worker, which joins the cluster at these NATS servers.
pub(super) fn worker(folder: &Path, levada: &Path, scratch: &Path, servers: &str) -> Result {
    let unit = read(&folder.join("systemd/levada-work.service"))?;
    verify("levada-work.service", &unit, levada, scratch)?;
    let config = read(&folder.join("work.toml"))?;
    let nats = format!("nats = \"{servers}\"\ndurability = \"replicated\"");
    let moved = scratch.join("work.toml");
    fs::write(&moved, replaced(&config, "nats = \"nats://127.0.0.1:4222\"", &nats)?)?;
    let line = setting(&unit, "ExecStart")?;
    let line = replaced(line, "/usr/local/bin/levada", &levada.display().to_string())?;
    let line = replaced(&line, "/etc/levada/work.toml", &moved.display().to_string())?;
    obeys(&unit, &line, scratch.join("work.log"))
}

/// `systemd-analyze verify` finds nothing to say. It wants the program to be there.
fn verify(name: &str, unit: &str, levada: &Path, scratch: &Path) -> Result {
    let moved = scratch.join(name);
    let program = levada.display().to_string();
    fs::write(&moved, replaced(unit, "/usr/local/bin/levada", &program)?)?;
    let mut command = Command::new("systemd-analyze");
    let output = command.args(["verify", "--man=no"]).arg(&moved).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
    if !output.status.success() || !ours.is_empty() {
        return Err(format!("systemd-analyze verify {name}: {}\n{said}", output.status).into());
    }
    Ok(())
}

/// Starts what the unit starts, at other places, reloads it and stops it.
fn start(unit: &str, folder: &Path, levada: &Path, scratch: &Path) -> Result {
    let tokens = scratch.join("tokens");
    fs::write(&tokens, "me 0123456789abcdef\n")?;
    shell::output(Command::new("chmod").arg("640").arg(&tokens))?;
    let mut line = setting(unit, "ExecStart")?.to_owned();
    for (from, to) in [
        ("/usr/local/bin/levada", levada),
        ("/etc/levada/levada.toml", &folder.join("levada.toml")),
        ("/etc/levada/tokens", &tokens),
        ("/var/lib/levada/jobs", &scratch.join("unit")),
    ] {
        line = replaced(&line, from, &to.display().to_string())?;
    }
    obeys(unit, &line, scratch.join("unit.log"))
}

/// Starts a command line on a port that is free, reloads and stops it as the unit says.
fn obeys(unit: &str, line: &str, log: PathBuf) -> Result {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line} --listen 127.0.0.1:0")]).env("RUST_LOG", "info");
    let mut service = Service::start_as(&mut command, log)?;
    let reload = setting(unit, "ExecReload")?;
    let reload = replaced(reload, "$MAINPID", &service.id().to_string())?;
    shell::output(Command::new("sh").args(["-c", &reload]))?;
    service.stop()
}

/// The value of a setting that the unit has once.
fn setting<'a>(unit: &'a str, name: &str) -> Result<&'a str> {
    let mut values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(format!("the unit does not have one line {name}=..").into()),
    }
}
