//! What rustup installs beside the toolchain that runs xtask, and what a system has or lacks. Whatever
//! is missing is said with the command that gets it.

use crate::cargo::root;
use crate::{Result, shell};
use std::process::Command;

/// A rustup toolchain by name: `nightly`, `1.88`.
pub(crate) struct Toolchain<'a>(pub(crate) &'a str);

impl Toolchain<'_> {
    /// Checks that the toolchain is there, with these components and targets.
    pub(crate) fn need(&self, components: &[&str], targets: &[&str]) -> Result {
        let name = self.0;
        let version = shell::output(Command::new("rustc").args([&format!("+{name}"), "--version"]));
        version.map_err(|error| {
            format!("no toolchain `{name}`; `rustup toolchain install {name} --profile minimal` ({error})")
        })?;
        self.need_all("component", components)?;
        self.need_all("target", targets)
    }

    /// Checks what `rustup component` or `rustup target` lists as installed.
    fn need_all(&self, kind: &str, names: &[&str]) -> Result {
        let name = self.0;
        let mut list = Command::new("rustup");
        let list = shell::output(list.args([kind, "list", "--installed", "--toolchain", name]))?;
        let is_installed = |wanted: &&&str| list.lines().any(|line| line.starts_with(**wanted));
        match names.iter().find(|wanted| !is_installed(wanted)) {
            None => Ok(()),
            Some(missing) => Err(format!(
                "toolchain `{name}` lacks `{missing}`; `rustup {kind} add {missing} --toolchain {name}`"
            )
            .into()),
        }
    }

    /// Its cargo, by rustup's, which understands `+NAME`; the one that runs xtask does not.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(root()).arg(format!("+{}", self.0));
        command
    }
}

/// The target that this machine's toolchain compiles for.
pub(crate) fn host() -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("`rustc -vV` names no host")?.to_owned())
}

/// Checks that one of these programs can be started, and gives it. `how` says how to get it.
pub(crate) fn need_program<'a>(programs: &[&'a str], how: &str) -> Result<&'a str> {
    let starts = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let found = programs.iter().find(starts).copied();
    found.ok_or_else(|| format!("`{}` is not installed; {how}", programs[0]).into())
}
