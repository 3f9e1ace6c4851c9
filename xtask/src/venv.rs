//! Programs of Python packages, each in an environment of its own below `target`.

use crate::toolchain::need_venv;
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program `name` of the packages in `requirements`, which is the text of a file for pip. They
/// are installed in the folder `venv` if these versions of them are not there yet.
pub(crate) fn program(venv: &Path, requirements: &str, name: &str) -> Result<PathBuf> {
    let program = venv.join("bin").join(name);
    // Written last: an installation that was interrupted begins again.
    let installed = venv.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return Ok(program);
    }
    need_venv()?;
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let wanted = venv.join("wanted.txt");
    fs::write(&wanted, requirements)?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::run(pip.arg(&wanted))?;
    fs::rename(wanted, installed)?;
    Ok(program)
}
