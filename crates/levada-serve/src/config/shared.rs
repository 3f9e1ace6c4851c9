//! Settings of a queue that its front ends give to all workers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::{Table, Value};

use super::data::{Config, QueueConfig};
use super::document::Document;
use super::options::QUEUE;
use super::row::shown;

/// The settings of each queue that are the same wherever its jobs run, as TOML.
pub(crate) fn to_share(config: &Config) -> BTreeMap<String, String> {
    let of_queue =
        |(name, queue): (&String, &Arc<QueueConfig>)| (name.clone(), shared(queue).to_string());
    config.queues.iter().map(of_queue).collect()
}

fn shared(queue: &QueueConfig) -> Table {
    shown(QUEUE.iter().filter(|row| !row.is_of_workers()), &mut queue.clone())
}

/// A worker's queue with the settings that its front ends give to it.
///
/// # Errors
/// What the worker's own configuration contradicts: it has a value that is neither the built-in one
/// nor that of the front ends. Each with the key and both values.
pub(crate) fn adopt(own: &QueueConfig, given: &str) -> Result<QueueConfig, Vec<String>> {
    let given: Table = given.parse().map_err(|error| vec![format!("not readable: {error}")])?;
    let (mut adopted, mut contradictions) = (Table::new(), Vec::new());
    let (own_table, built_in) = (shared(own), shared(&QueueConfig::built_in()));
    for (key, given) in given {
        let own = own_table.get(&key);
        if own == Some(&given) {
            continue;
        }
        if own == built_in.get(&key) {
            adopted.insert(key, given);
        } else {
            let own = own.map_or_else(|| "nothing".to_owned(), Value::to_string);
            contradictions.push(format!("{key} is {own} here and {given} in the cluster"));
        }
    }
    if !contradictions.is_empty() {
        return Err(contradictions);
    }
    let text = adopted.to_string();
    let mut queue = own.clone();
    Document::new(Path::new("the cluster's settings"), &text)
        .read(|fields| QUEUE.iter().for_each(|row| row.read(fields, &mut queue)))
        .map_err(|mistakes| mistakes.0)?;
    Ok(queue)
}

/// Which settings of a queue differ, of those that two front ends give: each with both values.
pub(crate) fn differences(before: &str, after: &str) -> Vec<String> {
    let (Ok(before), Ok(after)) = (before.parse::<Table>(), after.parse::<Table>()) else {
        return vec!["they are of another version".to_owned()];
    };
    let differ = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let differ = differ.map(|(key, value)| {
        let before = before.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
        format!("{key} was {before} and is {value}")
    });
    differ.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn given(queue: &QueueConfig) -> String {
        shared(queue).to_string()
    }

    #[test]
    fn a_worker_takes_over_what_it_does_not_say_itself() {
        let own = QueueConfig { workers: 7, ..QueueConfig::for_tests(["true"]) };
        let front_end = QueueConfig {
            timeout: Duration::from_secs(5),
            capacity: 3,
            workers: 0,
            ..QueueConfig::for_tests(["false"])
        };
        let adopted = adopt(&own, &given(&front_end)).unwrap();
        assert_eq!((adopted.timeout, adopted.capacity), (Duration::from_secs(5), 3));
        assert_eq!((adopted.workers, &adopted.command), (7, &own.command));
        assert_eq!(adopt(&adopted, &given(&front_end)), Ok(adopted.clone()));
    }

    #[test]
    fn what_contradicts_is_named_with_both_values() {
        let timeout = |seconds| Duration::from_secs(seconds);
        let own = QueueConfig { timeout: timeout(7), ..QueueConfig::for_tests(["true"]) };
        let front_end = QueueConfig { timeout: timeout(5), ..QueueConfig::for_tests(["true"]) };
        let contradictions = adopt(&own, &given(&front_end)).unwrap_err();
        assert_eq!(contradictions, ["timeout is \"7s\" here and \"5s\" in the cluster"]);
    }

    #[test]
    fn differences_have_both_values() {
        let queue = QueueConfig::for_tests(["true"]);
        let other = QueueConfig { capacity: 3, ..queue.clone() };
        let found = differences(&given(&queue), &given(&other));
        assert_eq!(found, [format!("capacity was {} and is 3", queue.capacity)]);
    }

    #[test]
    fn settings_of_another_version_are_an_error() {
        let own = QueueConfig::for_tests(["true"]);
        assert!(adopt(&own, "no_such_key = 1").is_err());
        assert!(adopt(&own, "[").is_err());
    }
}
