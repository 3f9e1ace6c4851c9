//! Files and command lines, read together.

mod documentation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use http::{HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::cli::tests::serve;

fn load(text: &str, arguments: &[&str]) -> Result<Loaded, Mistakes> {
    let mut line = vec!["--config", "levada.toml"];
    line.extend(arguments);
    serve(&line).unwrap().source().read(Some((Path::new("levada.toml"), text)))
}

fn read(text: &str, arguments: &[&str]) -> Result<Config, Mistakes> {
    load(text, arguments).map(|loaded| loaded.config)
}

fn mistakes(text: &str) -> Vec<String> {
    match read(text, &[]) {
        Ok(config) => panic!("{text:?} was read as {config:?}"),
        Err(mistakes) => mistakes.0,
    }
}

/// A queue `x` with these lines.
fn queue(lines: &str) -> Arc<QueueConfig> {
    let text = format!("[queue.x]\ncommand = [\"true\"]\n{lines}\n");
    Arc::clone(&read(&text, &[]).unwrap().queues["x"])
}

#[test]
fn queue_of_the_command_line_alone() {
    let line = ["--workers=2", "--wait=0", "--max-attempts=3", "--on-disconnect=finish"];
    let more = ["--priority=-5", "--keep-jobs=1h", "--quota=7", "--", "sh", "-c", "exit"];
    let args = serve(&[&line[..], &more[..]].concat()).unwrap();
    let config = args.source().load().unwrap().config;
    let queue = &config.queues[DEFAULT_QUEUE];
    assert_eq!(config.queues.len(), 1);
    assert_eq!((queue.workers, queue.capacity, queue.wait), (2, 64, Duration::ZERO));
    assert_eq!((queue.retry.max_attempts, queue.priority), (3, -5));
    assert_eq!(queue.on_disconnect, OnDisconnect::Finish);
    assert_eq!(queue.command, ["sh", "-c", "exit"]);
    assert!(queue.program.is_absolute() && queue.program.ends_with("sh"));
    let hour = Duration::from_secs(3600);
    assert_eq!(config.retention, Retention { jobs: hour, failed: hour, max_bytes: 1 << 30 });
    assert_eq!((config.quota, config.max_running), (Some(7), None));
}

#[test]
fn queues_take_what_they_do_not_say_from_the_defaults() {
    let text = r#"
        quota = 5
        [retention]
        jobs = "1h"
        [defaults]
        workers = 3
        environment = { A = "1", B = "2" }
        accept = ["text/*"]
        retry = { max_attempts = 5, backoff = "2s" }
        exit_codes = { 3 = "retry" }
        [queue.a]
        command = ["true"]
        environment = { B = "3" }
        retry.backoff = 0.5
        exit_codes = { 1 = "done", 65 = 409 }
        [queue.b]
        command = ["cat"]
        workers = 1
        accept = []
    "#;
    let config = read(text, &["--workers=7", "--quota=6", "--", "wc", "-c"]).unwrap();
    assert_eq!(config.queues.keys().collect::<Vec<_>>(), ["a", "b", DEFAULT_QUEUE]);
    let (a, b, c) = (&config.queues["a"], &config.queues["b"], &config.queues[DEFAULT_QUEUE]);
    assert_eq!([a.workers, b.workers, c.workers], [3, 1, 7]);
    assert_eq!(a.environment, BTreeMap::from([("A", "1"), ("B", "3")].map(owned)));
    assert_eq!(b.environment, BTreeMap::from([("A", "1"), ("B", "2")].map(owned)));
    assert_eq!([a.accept.len(), b.accept.len(), c.accept.len()], [1, 0, 1]);
    assert_eq!(a.retry.max_attempts, 5);
    assert_eq!(a.retry.backoff, Duration::from_millis(500));
    assert_eq!(c.retry.backoff, Duration::from_secs(2));
    let verdicts = [0, 1, 3, 65, 75].map(|code| a.retry.verdict(code));
    let conflict = Verdict::Fail(StatusCode::CONFLICT);
    assert_eq!(verdicts, [Verdict::Done, Verdict::Done, Verdict::Retry, conflict, Verdict::Retry]);
    assert_eq!(config.quota, Some(6), "the command line goes before the file");
    assert_eq!(config.retention.failed, Duration::from_secs(3600));
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn durations_and_sizes_are_texts_or_numbers() {
    let queue = queue(
        "timeout = \"1h30m\"\nwait = 0\ngrace = 0.25\nmax_body = 0x400\nmax_output = \"2KiB\"",
    );
    assert_eq!(queue.timeout, Duration::from_secs(5400));
    assert_eq!((queue.wait, queue.grace), (Duration::ZERO, Duration::from_millis(250)));
    assert_eq!((queue.max_body, queue.max_output), (1024, 2048));
}

#[test]
fn every_mistake_says_where_which_value_and_what_is_allowed() {
    for (line, expected) in [
        ("timeout = \"fast\"", "3:11: queue.x.timeout = \"fast\": give a duration"),
        ("timeout = 0", "3:11: queue.x.timeout = 0: give a duration"),
        ("timeout = true", "3:11: queue.x.timeout = true: give a duration"),
        ("wait = \"-1s\"", "3:8: queue.x.wait = \"-1s\": give 0 or a duration"),
        ("workers = 0", "3:1: queue.x.workers = 0: give a whole number from 1 to 4096"),
        ("workers = \"2\"", "3:11: queue.x.workers = \"2\": give a whole number from 0 to 4096"),
        ("capacity = 1.5", "3:12: queue.x.capacity = 1.5: give a whole number"),
        ("priority = 200", "3:12: queue.x.priority = 200: give a whole number from -128 to 127"),
        ("max_body = \"8MB\"", "3:12: queue.x.max_body = \"8MB\": give a size"),
        ("content_type = \"\"", "3:16: queue.x.content_type = \"\": give a content type"),
        ("accept = \"text/*\"", "3:10: queue.x.accept = \"text/*\": give a list"),
        ("accept = [\"text\"]", "3:10: queue.x.accept = [\"text\"]: give content types"),
        ("on_disconnect = \"stop\"", "queue.x.on_disconnect = \"stop\": give \"cancel\" or"),
        ("require_key = 1", "3:15: queue.x.require_key = 1: give true or false"),
        ("directory = 1", "3:13: queue.x.directory = 1: give the path"),
        ("retry = 3", "3:9: queue.x.retry = 3: give a table"),
        ("retry.factor = 0.5", "3:16: queue.x.retry.factor = 0.5: give a number from 1 to 100"),
        ("retry.jitter = nan", "3:16: queue.x.retry.jitter = nan: give a number from 0 to 1"),
        (
            "retry.backoff = \"1h\"",
            "queue.x.retry.max_backoff (300s) is shorter than backoff (3600s)",
        ),
        ("exit_codes = { 0 = \"retry\" }", "an exit code is a number from 1 to 255"),
        ("exit_codes = { 300 = 500 }", "queue.x.exit_codes.300 = 500: an exit code"),
        ("exit_codes = { 3 = 200 }", "queue.x.exit_codes.3 = 200: give \"done\", \"retry\", or"),
        ("tiemout = 1", "3:1: queue.x.tiemout: there is no such key; did you mean timeout?"),
        ("max-body = 1", "3:1: queue.x.max-body: there is no such key; did you mean max_body?"),
        ("directory = \"/no/such\"", "2:1: queue.x: the directory /no/such does not exist"),
    ] {
        let mistakes = mistakes(&format!("[queue.x]\ncommand = [\"true\"]\n{line}\n"));
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].starts_with("levada.toml:"), "{mistakes:?}");
        assert!(mistakes[0].contains(expected), "{mistakes:?} does not say {expected:?}");
    }
}

#[test]
fn commands_must_exist() {
    for (command, expected) in [
        ("[\"no-such-command-here\"]", "levada.toml:2:1: queue.x: cannot run no-such-command-here"),
        ("\"wc -c\"", "levada.toml:2:11: queue.x.command = \"wc -c\": give the command and its"),
        ("[]", "give the command and its arguments"),
    ] {
        let mistakes = mistakes(&format!("[queue.x]\ncommand = {command}"));
        assert!(mistakes.len() == 1 && mistakes[0].contains(expected), "{mistakes:?}");
    }
    let mistakes = mistakes("[queue.x]\nworkers = 1");
    assert_eq!(mistakes.len(), 1);
    assert!(
        mistakes[0].starts_with("levada.toml:1:8: queue.x: there is no command"),
        "{mistakes:?}"
    );
}

#[test]
fn paths_begin_where_the_file_is() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let (file, inner) = (directory.path().join("levada.toml"), directory.path().join("inner"));
    std::fs::create_dir(&inner).unwrap();
    for (name, mode) in [("run", 0o700), ("plain", 0o600)] {
        std::fs::write(inner.join(name), "").unwrap();
        std::fs::set_permissions(inner.join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let load = |command: &str, environment: &str| {
        let text = format!("command = [\"{command}\"]\nenvironment = {{ {environment} }}");
        let text = format!("[queue.x]\ndirectory = \"inner\"\n{text}");
        std::fs::write(&file, text).unwrap();
        serve(&["--config", file.to_str().unwrap()]).unwrap().source().load()
    };
    let path = format!("PATH = \"{}\"", inner.display());
    for (command, environment) in [("./run", ""), ("run", &*path)] {
        let queue = Arc::clone(&load(command, environment).unwrap().config.queues["x"]);
        assert_eq!(queue.directory.as_ref(), Some(&inner));
        let canonical = |path: &Path| std::fs::canonicalize(path).unwrap();
        assert_eq!(canonical(&queue.program), canonical(&inner.join("run")));
        assert!(queue.program.is_absolute());
    }
    for (command, environment) in [("run", ""), ("./plain", ""), ("./none", &path)] {
        let message = load(command, environment).unwrap_err().to_string();
        assert!(message.contains(&format!("3:1: queue.x: cannot run {command}: ")), "{message}");
    }
}

#[test]
fn queues_have_names_of_their_own() {
    for name in ["\"\"", "_a", "-a", "A", "\"a b\"", "\"\u{e4}\"", &"a".repeat(65)] {
        let mistakes = mistakes(&format!("[queue.{name}]\ncommand = [\"true\"]"));
        assert!(mistakes[0].contains("1 to 64 of a-z"), "{mistakes:?}");
    }
    for name in ["a", "0", "a_b-c", &"a".repeat(64)] {
        read(&format!("[queue.{name}]\ncommand = [\"true\"]"), &[]).unwrap();
    }
    let text = "[queue.default]\ncommand = [\"true\"]";
    assert!(read(text, &[]).is_ok());
    let Err(mistakes) = read(text, &["--", "true"]) else { panic!("two queues named default") };
    assert!(mistakes.0[0].starts_with("levada.toml:1:8: queue.default: the command after --"));
}

#[test]
fn file_without_queues_needs_a_command() {
    assert!(mistakes("")[0].contains("there is no queue"));
    assert!(read("", &["--", "true"]).is_ok());
    let args = serve(&["--config", "/no/such/file.toml"]).unwrap();
    assert!(
        args.source()
            .load()
            .unwrap_err()
            .to_string()
            .contains("/no/such/file.toml: cannot read it")
    );
}

#[test]
fn secrets_are_neither_printed_nor_in_mistakes() {
    let text = "[queue.x]\ncommand = [\"true\"]\nenvironment = { KEY = \"hunter2\" }";
    let printed = load(text, &[]).unwrap().to_toml();
    assert!(printed.contains("KEY = \"(hidden)\"") && !printed.contains("hunter2"), "{printed}");
    for (from, to, expected) in [
        ("\"hunter2\"", "[\"hunter2\"]", "queue.x.environment.KEY: give a string"),
        ("{ KEY = \"hunter2\" }", "\"hunter2\"", "queue.x.environment: give a table"),
    ] {
        let mistakes = mistakes(&text.replace(from, to));
        assert!(mistakes[0].contains(expected), "{mistakes:?}");
        assert!(!mistakes[0].contains("hunter2"), "{mistakes:?}");
    }
    // Where a table is wanted, what is there instead may have one in it.
    for (key, rest) in [("defaults", ""), ("queue", ""), ("queue", ".x"), ("queue", ".x.retry")] {
        let mistakes =
            mistakes(&format!("{key}{rest} = [{{ environment = {{ KEY = \"hunter2\" }} }}]"));
        assert!(mistakes.concat().contains(": give a table"), "{mistakes:?}");
        assert!(!mistakes.concat().contains("hunter2"), "{mistakes:?}");
    }
}

#[test]
fn what_is_printed_means_the_same() {
    let text = r#"
        quota = 5
        max_running = 9
        service = { store = "/var/lib/levada", tls_cert = "/c", tls_key = "/k", allow_host = ["a"] }
        retention = { jobs = "36h", failed = "90days", max_bytes = "1500KiB" }
        [queue.x]
        command = ["sh", "-c", "echo \"\\a\"\n"]
        directory = "/"
        timeout = "1h1ms"
        max_body = 1000
        accept = ["text/*", "image/png"]
        on_disconnect = "finish"
        mode = "lines"
        exit_codes = { 1 = "done", 2 = "retry", 64 = 404 }
        retry = { max_attempts = 4, jitter = 1, on_timeout = true }
        [queue.y]
        command = ["cat"]
        mode = "frames"
    "#;
    let loaded = load(text, &[]).unwrap();
    let printed = loaded.to_toml();
    assert_eq!(load(&printed, &[]).unwrap(), loaded, "{printed}");
}

#[test]
fn content_types() {
    let text = HeaderValue::from_static("text/csv");
    let any = queue("");
    assert!(any.accepts(None) && any.accepts(Some(&text)));
    let some = queue("accept = [\"text/*\"]");
    assert!(!some.accepts(None) && some.accepts(Some(&text)));
    assert!(queue("accept = [\"*/*\"]").accepts(None), "as application/octet-stream");
}

#[test]
fn every_value_of_an_enum_can_be_chosen() {
    fn names<T: ValueEnum>() -> Vec<String> {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        values.map(|value| value.get_name().to_owned()).collect()
    }
    for (key, names) in [("mode", names::<Mode>()), ("on_disconnect", names::<OnDisconnect>())] {
        for name in names {
            let printed =
                load(&format!("[queue.x]\ncommand = [\"true\"]\n{key} = \"{name}\""), &[])
                    .unwrap()
                    .to_toml();
            assert!(printed.contains(&format!("{key} = \"{name}\"")), "{printed}");
        }
    }
}

#[test]
fn command_line_goes_before_the_file() {
    let text = r#"
        max_running = 2
        [retention]
        jobs = "1h"
        failed = "2h"
        [service]
        store = "jobs"
        listen = "127.0.0.1:1"
        full_status = 429
        allow_host = ["a.example"]
        allow_anonymous = true
        max_connections = 7
        [queue.x]
        command = ["true"]
    "#;
    let Loaded { config, service } = load(text, &["--listen=[::1]:2", "--keep-jobs=3h"]).unwrap();
    assert_eq!(config.max_running, Some(2));
    let hours = Duration::from_secs(3 * 3600);
    assert_eq!((config.retention.jobs, config.retention.failed), (hours, hours));
    assert_eq!(service.listen.to_string(), "[::1]:2");
    assert_eq!(service.store, Storage::Directory("jobs".into()));
    assert_eq!(service.full_status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((service.allow_host.len(), service.max_connections), (1, 7));
    assert!(service.allow_anonymous && !service.allow_plain_http);
    let names = load(text, &["--allow-host=b", "--allow-host=c"]).unwrap().service.allow_host;
    assert_eq!(names, ["b", "c"]);
    for (line, expected) in [
        ("listen = 8080", "service.listen = 8080: "),
        ("listne = \"\"", "service.listne: there is no such key; did you mean listen?"),
        ("store = \"\"", "service.store = \"\": give a directory, or memory"),
        ("full_status = 500", "service.full_status = 500: give 503 or 429"),
        ("token_file = 1", "service.token_file = 1: give the path of a file"),
        ("allow_host = \"a\"", "service.allow_host = \"a\": give a list"),
    ] {
        let mistakes = mistakes(&format!("[service]\n{line}\n[queue.x]\ncommand = [\"true\"]"));
        assert!(mistakes.len() == 1 && mistakes[0].contains(expected), "{mistakes:?}");
    }
}

/// Texts that get past the parser more often than any text would.
fn nearly_toml() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "command",
        "directory",
        "environment",
        "environment.A",
        "workers",
        "wait",
        "timeout",
        "max_body",
        "priority",
        "accept",
        "retry.backoff",
        "retry.factor",
        "retry.jitter",
        "exit_codes",
        "exit_codes.3",
        "quota",
        "retention.jobs",
        "x",
        "\u{e4}",
        "\"\"",
        "content_type",
        "store",
        "full_status",
        "token_file",
        "allow_host",
        "allow_anonymous",
    ]);
    let value = prop_oneof![
        "[0-9a-z_.+-]{1,12}",
        "\"[ -!#-\\[\\]-~\u{e4}]{0,12}\"",
        "\\[(\"[a-z/*\\\\]{0,8}\",?){0,3}\\]",
        "\\{ *[a-z0-9]{1,3} *= *[0-9\"a-z]{1,5} *\\}",
        "\\PC{0,20}",
    ];
    let header = prop::sample::select(vec![
        "",
        "[queue.a]",
        "[defaults]",
        "[service]",
        "[queue.\"\"]",
        "[[queue]]",
    ]);
    let line = (header, key, value)
        .prop_map(|(header, key, value)| format!("{header}\n{key} = {value}\n"));
    prop::collection::vec(line, 0..5).prop_map(|lines| lines.concat())
}

/// The same cases in every run.
pub(super) fn same_cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: 1000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(same_cases())]

    #[test]
    fn no_text_panics(text in prop_oneof![nearly_toml(), "[\\PC\n]{0,200}"]) {
        if let Err(mistakes) = read(&text, &[]) {
            prop_assert!(!mistakes.0.is_empty());
            for mistake in mistakes.0 {
                prop_assert!(mistake.starts_with("levada.toml:"), "{}", mistake);
            }
        }
    }
}
