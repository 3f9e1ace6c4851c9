//! A configuration as a file that says everything: what `--check` prints.

use std::time::Duration;

use toml::{Table, Value};

use super::{Config, Mode, OnDisconnect, QueueConfig, Retention, RetryPolicy, Verdict};

/// Every key with its value. The values of environment variables are hidden.
pub(crate) fn to_toml(config: &Config) -> String {
    let mut root = Table::new();
    if let Some(quota) = config.quota {
        put(&mut root, "quota", integer(quota));
    }
    if let Some(max_running) = config.max_running {
        put(&mut root, "max_running", integer(max_running));
    }
    put(&mut root, "retention", retention(&config.retention));
    let queues =
        config.queues.iter().map(|(name, config)| (name.clone(), Value::from(queue(config))));
    put(&mut root, "queue", queues.collect::<Table>());
    root.to_string()
}

fn retention(retention: &Retention) -> Table {
    let mut table = Table::new();
    put(&mut table, "jobs", duration(retention.jobs));
    put(&mut table, "failed", duration(retention.failed));
    put(&mut table, "max_bytes", size(retention.max_bytes));
    table
}

fn queue(queue: &QueueConfig) -> Table {
    let mut table = Table::new();
    let command = queue.command.iter().map(|word| Value::from(word.to_string_lossy().into_owned()));
    put(&mut table, "command", command.collect::<Vec<_>>());
    if let Some(directory) = &queue.directory {
        put(&mut table, "directory", directory.to_string_lossy().into_owned());
    }
    let hidden = |name: &String| (name.clone(), Value::from("(hidden)"));
    put(&mut table, "environment", queue.environment.keys().map(hidden).collect::<Table>());
    put(&mut table, "workers", integer(queue.workers));
    put(&mut table, "capacity", integer(queue.capacity));
    put(&mut table, "wait", duration(queue.wait));
    put(&mut table, "timeout", duration(queue.timeout));
    put(&mut table, "grace", duration(queue.grace));
    put(&mut table, "priority", i64::from(queue.priority));
    put(&mut table, "max_body", size(queue.max_body as u64));
    put(&mut table, "max_output", size(queue.max_output as u64));
    put(&mut table, "stderr_tail", size(queue.stderr_tail as u64));
    let content_type = String::from_utf8_lossy(queue.content_type.as_bytes()).into_owned();
    put(&mut table, "content_type", content_type);
    let accept = queue.accept.iter().map(|range| Value::from(range.to_string()));
    put(&mut table, "accept", accept.collect::<Vec<_>>());
    let mode = match queue.mode {
        Mode::Process => "process",
        Mode::Lines => "lines",
        Mode::Frames => "frames",
    };
    put(&mut table, "mode", mode);
    let on_disconnect = match queue.on_disconnect {
        OnDisconnect::Cancel => "cancel",
        OnDisconnect::Finish => "finish",
    };
    put(&mut table, "on_disconnect", on_disconnect);
    put(&mut table, "require_key", queue.require_key);
    put(&mut table, "retry", retry(&queue.retry));
    put(&mut table, "exit_codes", exit_codes(&queue.retry));
    table
}

fn retry(retry: &RetryPolicy) -> Table {
    let mut table = Table::new();
    put(&mut table, "max_attempts", i64::from(retry.max_attempts));
    put(&mut table, "max_interruptions", i64::from(retry.max_interruptions));
    put(&mut table, "backoff", duration(retry.backoff));
    put(&mut table, "max_backoff", duration(retry.max_backoff));
    put(&mut table, "factor", retry.factor);
    put(&mut table, "jitter", retry.jitter);
    put(&mut table, "on_timeout", retry.on_timeout);
    table
}

fn exit_codes(retry: &RetryPolicy) -> Table {
    // 0 cannot be given another meaning.
    let codes = retry.exit_codes.iter().filter(|(code, _)| **code > 0);
    let entry = |(code, verdict): (&u8, &Verdict)| {
        let value = match verdict {
            Verdict::Done => Value::from("done"),
            Verdict::Retry => Value::from("retry"),
            Verdict::Fail(status) => Value::from(i64::from(status.as_u16())),
        };
        (code.to_string(), value)
    };
    codes.map(entry).collect()
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn integer(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// With the largest unit that leaves a whole number.
fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(power, _)| bytes > 0 && bytes.is_multiple_of(1 << power)) {
        Some((power, unit)) => format!("{}{unit}", bytes >> power),
        None => bytes.to_string(),
    }
}
