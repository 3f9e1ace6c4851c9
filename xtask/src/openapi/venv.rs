//! schemathesis, in an environment of its own below `target`.

use crate::toolchain::need_venv;
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The program, which is installed if this version of it is not there yet.
pub(super) fn schemathesis(venv: &Path) -> Result<PathBuf> {
    let program = venv.join("bin/schemathesis");
    // Written last: whoever was interrupted begins again.
    let installed = venv.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(program);
    }
    need_venv()?;
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let wanted = venv.join("wanted.txt");
    fs::write(&wanted, REQUIREMENTS)?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::run(pip.arg(&wanted))?;
    fs::rename(wanted, installed)?;
    Ok(program)
}
