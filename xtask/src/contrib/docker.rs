//! The image, as far as it can be checked without Docker: its entry point starts the service, and
//! its health check tells a running service from a stopped one.

use super::{read, replaced};
use crate::cargo::{Metadata, root};
use crate::openapi::service::Service;
use crate::{Result, shell};
use std::path::Path;
use std::process::Command;

/// What the page says to add behind the image's name.
const ARGUMENTS: [&str; 4] = ["--allow-plain-http", "--", "wc", "-c"];

pub(super) fn check(folder: &Path, levada: &Path, scratch: &Path) -> Result {
    let file = read(&folder.join("Dockerfile"))?;
    context(&read(&folder.join("Dockerfile.dockerignore"))?)?;
    let entry = words(&file, "ENTRYPOINT ")?;
    let health = words(&file, "CMD ")?;
    let store = scratch.join("image");
    let entry = replaced(&entry.join("\n"), "0.0.0.0:8080", "127.0.0.1:0")?;
    let entry = replaced(&entry, "/var/lib/levada/jobs", &store.display().to_string())?;
    let mut command = Command::new(levada);
    command.args(entry.lines().skip(1)).args(ARGUMENTS);
    command.env("LEVADA_TOKEN", "0123456789abcdef");
    let mut service = Service::start_as(&mut command, scratch.join("image.log"))?;
    let port = service.url().rsplit(':').next().unwrap_or_default().trim_end_matches('/');
    let health = replaced(&health.join("\n"), "/127.0.0.1/8080", &format!("/127.0.0.1/{port}"))?;
    let is_healthy = || {
        let mut words = health.lines();
        let program = words.next().ok_or("the health check is empty")?;
        shell::output(Command::new(program).args(words))
    };
    is_healthy()?;
    service.stop()?;
    match is_healthy() {
        Ok(_) => Err("the health check of the image does not notice a stopped service".into()),
        Err(_) => Ok(()),
    }
}

/// The words of an instruction in its JSON form, the last of that name.
fn words(file: &str, instruction: &str) -> Result<Vec<String>> {
    let mut lines = file.lines().rev().map(str::trim_start);
    let line = lines.find_map(|line| line.strip_prefix(instruction));
    let line = line.ok_or_else(|| format!("the Dockerfile has no line {instruction}[..]"))?;
    Ok(serde_json::from_str(line)?)
}

/// What the build needs reaches it: the packages of the workspace, for cargo reads all of their
/// manifests, and what is named there exists.
fn context(ignored: &str) -> Result {
    let kept: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    if let Some(missing) = kept.iter().find(|name| !root().join(name).exists()) {
        return Err(format!("Dockerfile.dockerignore: there is no `{missing}`").into());
    }
    let metadata = Metadata::load()?;
    let root = root();
    for member in metadata.members() {
        let dir = member.dir();
        let below = dir.strip_prefix(&root)?;
        if !kept.iter().any(|name| below.starts_with(name)) {
            let below = below.display();
            return Err(format!("Dockerfile.dockerignore keeps {below} from the build").into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instruction_counts() {
        let file = "RUN x\nCMD [\"a\"]\nHEALTHCHECK \\\n    CMD [\"b\", \"c \\\\n\"]\n";
        assert_eq!(words(file, "CMD ").unwrap(), ["b", "c \\n"]);
        assert!(words(file, "ENTRYPOINT ").is_err());
    }
}
