//! What rustup installs beside the toolchain that runs xtask, and what a system has or lacks.
//! Whatever is missing is said with the command that gets it.

use crate::cargo::root;
use crate::{Result, shell};
use std::path::Path;
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
    about_rustc("host")
}

/// The compiler's version, as in `1.88.0`.
pub(crate) fn release() -> Result<String> {
    about_rustc("release")
}

/// What the compiler says about itself under `key`.
fn about_rustc(key: &str) -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV"))?;
    let mut lines = version.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(name, _)| *name == key);
    Ok(found.ok_or_else(|| format!("`rustc -vV` names no {key}"))?.1.to_owned())
}

/// Checks that one of these programs can be started, and gives it. `how` says how to get it.
pub(crate) fn need_program<'a>(programs: &[&'a str], how: &str) -> Result<&'a str> {
    let starts = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let found = programs.iter().find(starts).copied();
    found.ok_or_else(|| format!("`{}` is not installed; {how}", programs[0]).into())
}

/// Checks that valgrind can be started.
pub(crate) fn need_valgrind() -> Result {
    need_package("valgrind", Command::new("valgrind").arg("--version"))
}

/// Checks that Python can make environments with pip in them.
pub(crate) fn need_venv() -> Result {
    need_package("python3-venv", Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

/// Checks that there is a browser to be driven; its driver brings it.
pub(crate) fn need_browser() -> Result {
    need_package("chromium-driver", Command::new("chromedriver").arg("--version"))
}

/// Checks that there is an nginx.
pub(crate) fn need_nginx() -> Result {
    need_package("nginx-light", Command::new("nginx").arg("-v"))
}

/// Checks that there is a library that shows a program another time.
pub(crate) fn need_faketime() -> Result {
    let there = "ls /usr/lib/*/faketime/libfaketimeMT.so.1";
    need_package("libfaketime", Command::new("sh").args(["-c", there]))
}

/// Checks that the toolchain that runs xtask has the target's standard library. If not, rustup
/// installs it.
pub(crate) fn need_target(triple: &str) -> Result {
    let is_there = || -> Result<bool> {
        let mut rustc = Command::new("rustc");
        let libraries =
            shell::output(rustc.args(["--print", "target-libdir", "--target", triple]))?;
        Ok(Path::new(libraries.trim()).is_dir())
    };
    if is_there()? {
        return Ok(());
    }
    shell::run(Command::new("rustup").args(["target", "add", triple])).map_err(|error| {
        format!("the target {triple} is not installed, and that could not be mended: {error}")
            .into()
    })
}

/// Checks that this command of a package succeeds. If not, and this is Debian or one of its kind,
/// the package is installed, as root or where `sudo` asks nothing.
pub(crate) fn need_package(package: &str, check: &mut Command) -> Result {
    if shell::output(check).is_ok() {
        return Ok(());
    }
    for words in ["update", &format!("install --yes {package}")] {
        if let Err(error) = apt_get(words) {
            eprintln!("{package} is not installed, and that could not be mended: {error}");
            break;
        }
    }
    let how = format!("`apt-get install {package}`, or your system's package of that name");
    shell::output(check).map_err(|error| format!("{package} is not installed; {how} ({error})"))?;
    Ok(())
}

/// Runs `apt-get` with these words, by `sudo` if this is not root.
fn apt_get(words: &str) -> Result {
    need_program(&["apt-get"], "this is no Debian")?;
    let is_root = shell::output(Command::new("id").arg("-u"))?.trim() == "0";
    let mut command = if is_root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(command.args(words.split(' ')))
}
