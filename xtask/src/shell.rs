//! Starting programs.

use crate::Result;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// Prints the command, runs it and reports failure with the command in the message.
pub(crate) fn run(command: &mut Command) -> Result {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command.status().map_err(|error| format!("cannot start `{line}`: {error}"))?;
    succeeded(&line, status)
}

/// As [`run`], and returns what it wrote to standard output, which is shown as well.
pub(crate) fn run_and_read(command: &mut Command) -> Result<Vec<String>> {
    let line = line(command);
    eprintln!("$ {line}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    let mut text = Vec::new();
    for read in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let read = read?;
        println!("{read}");
        text.push(read);
    }
    succeeded(&line, child.wait()?)?;
    Ok(text)
}

fn succeeded(line: &str, status: ExitStatus) -> Result {
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}").into()) }
}

/// Runs quietly and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.output().map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{line}` ended with {}:\n{stderr}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The command as a person would type it: changed environment first.
fn line(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={:?}", name.to_string_lossy(), value.to_string_lossy()));
        }
    }
    let program = std::path::Path::new(command.get_program());
    words.push(program.file_name().unwrap_or_default().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
