//! docs/config.md, and what `--help` says, beside the table of options.

use std::time::Duration;

use super::super::data::{Config, Retention};
use super::super::options;
use super::super::row::Row;
use super::{mistakes, read};
use crate::config::{QueueConfig, RetryPolicy, Service, Verdict};

fn documentation() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn documented_example_is_a_configuration() {
    let text = documentation();
    let (_, after) = text.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let config = read(example, &[]).unwrap();
    assert_eq!(config.queues.len(), 3);
    let sort = &config.queues["sort"];
    assert_eq!((sort.wait, sort.priority, sort.retry.max_attempts), (Duration::ZERO, -10, 5));
    assert_eq!(config.queues["find"].retry.verdict(1), Verdict::Done);

    let wrong = example.replace("\"1h30m\"", "\"fast\"").replace("\npriority", "\nprioritty");
    let (_, after) = text.split_once("```text\n").unwrap();
    let (told, _) = after.split_once("\n```").unwrap();
    assert_eq!(mistakes(&wrong).join("\n"), told);
}

/// The rows of a table in the documentation.
fn rows<C: 'static>(
    rows: impl IntoIterator<Item = &'static &'static dyn Row<C>>,
    mut defaults: C,
) -> String {
    let rows = rows.into_iter().filter_map(|row| row.documented(&mut defaults));
    rows.map(|row| row + "\n").collect()
}

#[test]
fn documentation_has_the_table_of_options() {
    let documentation = documentation();
    let tables = [
        rows(options::LIMITS, Config::built_in()),
        rows(options::RETENTION, Retention::built_in()),
        rows(options::QUEUE, QueueConfig::built_in()),
        rows(options::RETRY, RetryPolicy::built_in()),
        rows(options::service(), Service::built_in()),
    ];
    let head = "| key | option | default | |\n|---|---|---|---|\n";
    let missing = tables.iter().map(|rows| format!("{head}{rows}\n"));
    let missing: String = missing.filter(|table| !documentation.contains(table)).collect();
    assert!(missing.is_empty(), "docs/config.md does not have these tables:\n{missing}");
    let documented = documentation.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(documented, tables.concat().lines().count(), "a row is left over");
}

#[test]
fn help_names_the_defaults_that_hold() {
    let help = <crate::cli::Cli as clap::CommandFactory>::command()
        .find_subcommand_mut("serve")
        .unwrap()
        .render_help()
        .to_string();
    for (flag, default) in [
        ("queue", "64"),
        ("timeout", "1m"),
        ("max-body", "8MiB"),
        ("mode", "process"),
        ("workers", "the number of CPUs"),
        ("keep-jobs", "7days"),
        ("listen", "127.0.0.1:8080"),
        ("full-status", "503"),
    ] {
        let (_, after) = help.split_once(&format!("      --{flag} <")).expect(flag);
        let (text, _) = after.split_once("\n\n").unwrap_or((after, ""));
        let text: Vec<_> = text.split_whitespace().collect();
        assert!(text.join(" ").contains(&format!("[default: {default}]")), "{flag}: {text:?}");
    }
}
