//! Everything CI runs, runnable at home: `cargo xtask NAME`.

mod api;
mod asan;
mod bench;
mod cargo;
mod ci;
mod clippy;
mod compat;
mod contrib;
mod deny;
mod doc;
mod docs_rs;
mod downstream;
mod features;
mod files;
mod fmt;
mod fuzz;
mod instructions;
mod kill;
mod leaks;
mod libtest;
mod linearizability;
mod loom;
mod minimal_versions;
mod miri;
mod msrv;
mod mutants;
mod nats;
mod openapi;
mod package;
mod page;
mod panic_abort;
mod proxy;
mod result;
mod sanitizer;
mod semver;
mod shell;
mod shuttle;
mod spec;
mod targets;
mod test;
mod tidy;
mod toolchain;
mod tsan;
mod valgrind;
mod venv;
mod windows;

use result::Result;
use std::process::ExitCode;

struct Command {
    name: &'static str,
    run: Run,
    about: &'static str,
}

#[derive(Clone, Copy)]
enum Run {
    Plain(fn() -> Result),
    /// Takes the words behind the command's name.
    WithOptions(fn(&[String]) -> Result),
    /// Takes what runs another command by its name.
    OfOthers(fn(fn(&str) -> Result) -> Result),
}

const COMMANDS: &[Command] = &[
    Command { name: "ci", run: Run::OfOthers(ci::run), about: "everything a change must pass" },
    plain("fmt", fmt::run, "formatting"),
    plain("tidy", tidy::run, "sizes, layers, ORDERING and SAFETY comments, stray files"),
    plain("clippy", clippy::run, "lints; a warning is an error"),
    plain("doc", doc::run, "the docs, public and private"),
    plain("test", test::run, "unit, integration and doc tests"),
    Command {
        name: "instructions",
        run: Run::WithOptions(instructions::run),
        about: "instructions of an operation against their bounds [FILTER..] [--update|--malloc]; wants valgrind",
    },
    Command {
        name: "openapi",
        run: Run::WithOptions(openapi::run),
        about: "the running service against its OpenAPI document [--seed N]; wants python3",
    },
    plain("page", page::run, "the service's page in a browser; wants chromium-driver"),
    plain("proxy", proxy::run, "the service behind nginx; wants nginx-light"),
    Command {
        name: "nats",
        run: Run::WithOptions(nats::run),
        about: "levada-nats on real servers [--deep] [--version V] [TEST..] [-- ..]; wants python3",
    },
    plain("contrib", contrib::run, "what operators copy from contrib; wants systemd on Linux"),
    Command {
        name: "package",
        run: Run::WithOptions(package::run),
        about: "every published crate, unpacked elsewhere and tested there [--all]",
    },
    plain("windows", windows::run, "the channels and the patterns, checked for Windows"),
    plain("features", features::run, "levada with each set of its features"),
    Command {
        name: "loom",
        run: Run::WithOptions(loom::run),
        about: "the models, over all interleavings [--deep] [--only NAME] [--limit SECONDS]",
    },
    Command {
        name: "shuttle",
        run: Run::WithOptions(shuttle::run),
        about: "whole channels, over random schedules [--deep] [--only NAME] [--seed SEED]",
    },
    Command {
        name: "linearizability",
        run: Run::WithOptions(linearizability::run),
        about: "recorded histories against sequential specifications [--deep] [--seed N]",
    },
    Command {
        name: "compat",
        run: Run::WithOptions(compat::run),
        about: "tokio's channel tests on levada [--only FILE,FILE] [--filter NAME] [--baseline]",
    },
    Command {
        name: "downstream",
        run: Run::WithOptions(downstream::run),
        about: "other crates' tests on levada [--only NAME,NAME] [--list] [--baseline], 30 minutes",
    },
    Command {
        name: "bench",
        run: Run::WithOptions(bench::run),
        about: "levada against its peers [FILTER..] [--smoke] [--quick] [--list], 10 minutes; \
                `bench service` records a cluster of the service, 8 minutes; \
                `bench observers` compares the tools that look into channels, 5 minutes",
    },
    Command {
        name: "api",
        run: Run::WithOptions(api::run),
        about: "every item of tokio's channels is in levada; prints levada's own [--update, wants nightly; --update-levada]",
    },
    Command {
        name: "kill",
        run: Run::WithOptions(kill::run),
        about: "the service, killed and kept busy [--deep] [--kills N] [--seed N]",
    },
    Command {
        name: "spec",
        run: Run::WithOptions(spec::run),
        about: "random operations against the sequential models [--deep]",
    },
    Command {
        name: "fuzz",
        run: Run::WithOptions(fuzz::run),
        about: "the same by libFuzzer [--only T] [--seconds N]; wants nightly and cargo-fuzz",
    },
    Command {
        name: "mutants",
        run: Run::WithOptions(mutants::run),
        about: "faults planted in the core, each caught by a test [--only NAME,NAME] [--list]",
    },
    Command {
        name: "miri",
        run: Run::WithOptions(miri::run),
        about: "levada's tests under Miri [--deep | --target TRIPLE]; wants nightly",
    },
    plain("tsan", tsan::run, "levada's tests under ThreadSanitizer; wants nightly"),
    plain("asan", asan::run, "levada's tests under AddressSanitizer; wants nightly"),
    plain("valgrind", valgrind::run, "levada's tests under memcheck; wants valgrind"),
    Command {
        name: "targets",
        run: Run::WithOptions(targets::run),
        about: "a program on other machines; with its tests [wasm32] [i686] [powerpc] [aarch64]",
    },
    plain("msrv", msrv::run, "the oldest Rust we support; wants that toolchain"),
    plain("minimal-versions", minimal_versions::run, "the oldest dependencies; wants nightly"),
    plain("panic-abort", panic_abort::run, "levada's tests without unwinding; wants nightly"),
    plain("docs-rs", docs_rs::run, "the docs as docs.rs builds them; wants nightly"),
    plain("semver", semver::run, "the last release's public items; wants cargo-semver-checks"),
    plain("deny", deny::run, "licences, advisories and sources; wants cargo-deny"),
];

const fn plain(name: &'static str, run: fn() -> Result, about: &'static str) -> Command {
    Command { name, run: Run::Plain(run), about }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, options)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    match run(name, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command by name.
fn run(name: &str, options: &[String]) -> Result {
    let command = COMMANDS.iter().find(|command| command.name == name);
    match command.ok_or_else(|| format!("no such command\n{}", usage()))?.run {
        Run::Plain(run) if options.is_empty() => run(),
        Run::OfOthers(run_with) if options.is_empty() => run_with(|name| run(name, &[])),
        Run::Plain(_) | Run::OfOthers(_) => {
            Err(format!("takes no options, not even {options:?}").into())
        }
        Run::WithOptions(run) => run(options),
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask NAME [OPTIONS]\n\n");
    for command in COMMANDS {
        text += &format!("  {:<16} {}\n", command.name, command.about);
    }
    text
}
