//! The keys of a configuration file, and what the command line adds.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use toml::de::DeValue;

use super::document::{Document, Fields, Mistakes, Shown, number_of, text_of};
use super::values::{
    MAX_ATTEMPTS, MAX_CAPACITY, MAX_WORKERS, count, duration, duration_or_zero, factor, kept_size,
    share, size,
};
use super::{
    Config, DEFAULT_QUEUE, Mode, OnDisconnect, QueueConfig, Retention, RetryPolicy, Verdict,
};
use crate::cli::serve::ServeArgs;

/// What this file and this command line ask for. Paths in the file begin where the file is.
pub(super) fn config(file: Option<(&Path, &str)>, args: &ServeArgs) -> Result<Config, Mistakes> {
    let mut base = QueueConfig::built_in();
    let mut config = Config {
        queues: Default::default(),
        retention: Retention::built_in(),
        quota: None,
        max_running: None,
    };
    if let Some((file, text)) = file {
        let here = file.parent().unwrap_or_else(|| Path::new(""));
        let document = Document::new(file.display().to_string(), text);
        document.read(|fields| root(fields, &mut config, &mut base, here, args))?;
    }
    args.apply(&mut config);
    if !args.command.is_empty() {
        args.queue.apply(&mut base);
        base.command.clone_from(&args.command);
        base.find_program().map_err(Mistakes::one)?;
        config.queues.insert(DEFAULT_QUEUE.to_owned(), Arc::new(base));
    }
    if config.queues.is_empty() {
        return Err(Mistakes::one(match file {
            Some((file, _)) => format!(
                "{}: there is no queue; add [queue.NAME] with a command, or give a command \
                 after --",
                file.display()
            ),
            None => "there is no queue; give a command after --, or --config FILE".to_owned(),
        }));
    }
    Ok(config)
}

fn root(
    fields: &mut Fields<'_, '_>,
    config: &mut Config,
    base: &mut QueueConfig,
    here: &Path,
    args: &ServeArgs,
) {
    fields.set("quota", &mut config.quota, |value| whole(value, MAX_CAPACITY).map(Some));
    fields.set("max_running", &mut config.max_running, |value| whole(value, MAX_WORKERS).map(Some));
    fields.table("retention", |fields| retention(fields, &mut config.retention));
    fields.table("defaults", |fields| queue(fields, base, here));
    fields.tables("queue", |name, place, fields| {
        let mut queue_config = base.clone();
        queue(fields, &mut queue_config, here);
        if !is_name(name) {
            fields.mistake(
                place.clone(),
                format!(
                    "queue.{name:?}: a queue's name has 1 to 64 of a-z, 0-9, _ and -, and begins \
                     with a letter or digit"
                ),
            );
        }
        if name == DEFAULT_QUEUE && !args.command.is_empty() {
            fields.mistake(
                place.clone(),
                "queue.default: the command after -- is the queue default already; remove one of \
                 them, or rename this queue",
            );
        }
        // A command that cannot be read was reported above.
        let command = fields.place_of("command");
        if (!queue_config.command.is_empty() || command.is_none())
            && let Err(mistake) = queue_config.find_program()
        {
            fields.mistake(command.unwrap_or(place), format!("queue.{name}: {mistake}"));
        }
        config.queues.insert(name.to_owned(), Arc::new(queue_config));
    });
}

fn is_name(name: &str) -> bool {
    let is_inner = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(is_inner) && !name.starts_with(['_', '-'])
}

fn retention(fields: &mut Fields<'_, '_>, retention: &mut Retention) {
    fields.set("jobs", &mut retention.jobs, |value| text(value, duration));
    retention.failed = retention.jobs;
    fields.set("failed", &mut retention.failed, |value| text(value, duration));
    fields.set("max_bytes", &mut retention.max_bytes, |value| text(value, kept_size));
}

/// The keys of `[defaults]` and of each `[queue.NAME]`.
fn queue(fields: &mut Fields<'_, '_>, queue: &mut QueueConfig, here: &Path) {
    fields.set("command", &mut queue.command, command);
    fields.set("directory", &mut queue.directory, |value| directory(value, here).map(Some));
    let environment = &mut queue.environment;
    fields.entries("environment", Shown::Secret, variable, |(name, value)| {
        environment.insert(name, value);
    });
    fields.set("workers", &mut queue.workers, |value| whole(value, MAX_WORKERS));
    fields.set("capacity", &mut queue.capacity, |value| whole(value, MAX_CAPACITY));
    fields.set("wait", &mut queue.wait, |value| text(value, duration_or_zero));
    fields.set("timeout", &mut queue.timeout, |value| text(value, duration));
    fields.set("grace", &mut queue.grace, |value| text(value, duration));
    fields.set("priority", &mut queue.priority, priority);
    fields.set("max_body", &mut queue.max_body, |value| text(value, size));
    fields.set("max_output", &mut queue.max_output, |value| text(value, size));
    fields.set("stderr_tail", &mut queue.stderr_tail, |value| text(value, size));
    fields.set("content_type", &mut queue.content_type, content_type);
    fields.set("accept", &mut queue.accept, accept);
    fields.set("mode", &mut queue.mode, mode);
    fields.set("on_disconnect", &mut queue.on_disconnect, on_disconnect);
    fields.set("require_key", &mut queue.require_key, flag);
    fields.table("retry", |fields| retry(fields, &mut queue.retry));
    let exit_codes = &mut queue.retry.exit_codes;
    fields.entries("exit_codes", Shown::Yes, exit_code, |(code, verdict)| {
        exit_codes.insert(code, verdict);
    });
}

fn retry(fields: &mut Fields<'_, '_>, retry: &mut RetryPolicy) {
    let times = |value: &DeValue<'_>| {
        whole(value, MAX_ATTEMPTS).map(|times| u32::try_from(times).unwrap_or(u32::MAX))
    };
    fields.set("max_attempts", &mut retry.max_attempts, times);
    fields.set("max_interruptions", &mut retry.max_interruptions, times);
    fields.set("backoff", &mut retry.backoff, |value| text(value, duration_or_zero));
    fields.set("max_backoff", &mut retry.max_backoff, |value| text(value, duration_or_zero));
    fields.set("factor", &mut retry.factor, |value| number(value, factor));
    fields.set("jitter", &mut retry.jitter, |value| number(value, share));
    fields.set("on_timeout", &mut retry.on_timeout, flag);
    let place: Option<Range<usize>> =
        fields.place_of("max_backoff").or_else(|| fields.place_of("backoff"));
    if let (true, Some(place)) = (retry.max_backoff < retry.backoff, place) {
        let (backoff, max) = (retry.backoff, retry.max_backoff);
        let name = fields.name("max_backoff");
        fields.mistake(
            place,
            format!(
                "{name} ({max:?}) is shorter than backoff ({backoff:?}); give it at least as much"
            ),
        );
    }
}

/// What the command line would read in the same way.
fn text<T>(value: &DeValue<'_>, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, String> {
    read(text_of(value).as_deref().unwrap_or(""))
}

fn number<T>(
    value: &DeValue<'_>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, String> {
    read(number_of(value).as_deref().unwrap_or(""))
}

fn whole(value: &DeValue<'_>, max: usize) -> Result<usize, String> {
    number(value, count(max))
}

fn priority(value: &DeValue<'_>) -> Result<i8, String> {
    let number = number_of(value).and_then(|number| number.parse().ok());
    number.ok_or_else(|| "give a whole number from -128 to 127; the greatest goes first".to_owned())
}

fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "give true or false".to_owned())
}

fn command(value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    let words = strings(value).filter(|words| {
        words.first().is_some_and(|name| !name.is_empty())
            && words.iter().all(|word| !word.contains('\0'))
    });
    words.map(|words| words.into_iter().map(OsString::from).collect()).ok_or_else(|| {
        "give the command and its arguments, for example [\"wc\", \"-c\"]; no shell is involved"
            .to_owned()
    })
}

fn strings<'v>(value: &'v DeValue<'_>) -> Option<Vec<&'v str>> {
    value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
}

fn directory(value: &DeValue<'_>, here: &Path) -> Result<PathBuf, String> {
    let path = value.as_str().filter(|path| !path.is_empty() && !path.contains('\0'));
    path.and_then(|path| std::path::absolute(here.join(path)).ok())
        .ok_or_else(|| "give the path of a directory".to_owned())
}

fn variable(name: &str, value: &DeValue<'_>) -> Result<(String, String), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("the name of a variable is not empty and has no = in it".to_owned());
    }
    match value.as_str().filter(|value| !value.contains('\0')) {
        Some(value) => Ok((name.to_owned(), value.to_owned())),
        None => Err("give a string; numbers and flags need quotes, too".to_owned()),
    }
}

fn content_type(value: &DeValue<'_>) -> Result<HeaderValue, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.and_then(|text| HeaderValue::from_str(text).ok())
        .ok_or_else(|| "give a content type, for example \"text/plain; charset=utf-8\"".to_owned())
}

fn accept(value: &DeValue<'_>) -> Result<Vec<super::MediaRange>, String> {
    let ranges = strings(value).ok_or("give a list, for example [\"image/png\", \"text/*\"]")?;
    ranges.into_iter().map(str::parse).collect()
}

fn mode(value: &DeValue<'_>) -> Result<Mode, String> {
    match value.as_str() {
        Some("process") => Ok(Mode::Process),
        Some("lines") => Ok(Mode::Lines),
        Some("frames") => Ok(Mode::Frames),
        _ => Err("give \"process\", \"lines\" or \"frames\"".to_owned()),
    }
}

fn on_disconnect(value: &DeValue<'_>) -> Result<OnDisconnect, String> {
    match value.as_str() {
        Some("cancel") => Ok(OnDisconnect::Cancel),
        Some("finish") => Ok(OnDisconnect::Finish),
        _ => Err("give \"cancel\" or \"finish\"".to_owned()),
    }
}

fn exit_code(code: &str, value: &DeValue<'_>) -> Result<(u8, Verdict), String> {
    let code = code
        .parse()
        .ok()
        .filter(|number: &u8| *number > 0 && number.to_string() == code)
        .ok_or("an exit code is a number from 1 to 255 (0 is always \"done\")")?;
    let verdict = match (value.as_str(), number_of(value).and_then(|n| n.parse::<u16>().ok())) {
        (Some("done"), _) => Some(Verdict::Done),
        (Some("retry"), _) => Some(Verdict::Retry),
        (_, Some(status @ 400..=599)) => StatusCode::from_u16(status).ok().map(Verdict::Fail),
        _ => None,
    };
    verdict.map(|verdict| (code, verdict)).ok_or_else(|| {
        "give \"done\", \"retry\", or the status of a failure, 400 to 599".to_owned()
    })
}
