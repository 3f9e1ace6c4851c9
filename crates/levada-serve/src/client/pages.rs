//! `levada completions` and `levada man`: made from the command line's own description.

use std::fs;
use std::io;

use clap::CommandFactory;
use clap_mangen::Man;

use super::failure::{Done, Failure};
use crate::cli::Cli;
use crate::cli::completions::CompletionsArgs;
use crate::cli::man::ManArgs;

pub(super) fn completions(args: &CompletionsArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "levada", &mut script);
    output(&script)
}

pub(super) fn man(args: &ManArgs) -> Done {
    let mut command = Cli::command();
    // Gives the subcommands their full names.
    command.build();
    if let Some(directory) = &args.output_dir {
        let written = fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
        return written.map_err(|error| Failure::file("write to", directory, &error));
    }
    let command = match &args.subcommand {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                let names = command.get_subcommands().map(clap::Command::get_name);
                let names = names.collect::<Vec<_>>().join(", ");
                Failure::usage(format!("{name:?} is not a subcommand; the subcommands are {names}"))
            })?
        }
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|error| Failure::output(&error))?;
    output(&page)
}

fn output(bytes: &[u8]) -> Done {
    let mut out = io::stdout().lock();
    io::Write::write_all(&mut out, bytes)
        .and_then(|()| io::Write::flush(&mut out))
        .map_err(|error| Failure::output(&error))
}
