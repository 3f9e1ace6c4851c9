//! What a command finds in its environment, and where it runs.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Notes, Server, sh};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What an output of `env` has of this variable.
fn variable<'a>(output: &'a str, name: &str) -> Option<&'a str> {
    output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[tokio::test]
async fn command_is_told_about_its_job() {
    let notes = Notes::new();
    std::fs::create_dir(notes.path("place")).unwrap();
    std::fs::copy("/bin/sh", notes.path("place/mine")).unwrap();
    let config = "[defaults]\nenvironment = { A = \"a\", B = \"b\" }\n\
         [queue.x]\ncommand = [\"./mine\", \"-c\", \"env; pwd\"]\ndirectory = \"place\"\ntimeout = 100\n\
         environment = { B = \"${A} $HOME\", LEVADA_JOB_ID = \"mine\" }\n";
    let server = Server::configured(&notes, &[], config);
    let headers = [("Content-Type", "text/x; y=\"z\""), ("traceparent", TRACE)];
    let answer = server.ask("POST", "/q/x", &headers, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let output = answer.text();
    for (name, value) in [
        ("LEVADA_JOB_ID", answer.header("levada-job-id")),
        ("LEVADA_QUEUE", "x"),
        ("LEVADA_ATTEMPT", "1"),
        ("LEVADA_CONTENT_TYPE", "text/x; y=\"z\""),
        ("TRACEPARENT", TRACE),
        ("A", "a"),
        ("B", "${A} $HOME"),
    ] {
        assert_eq!(variable(output, name), Some(value), "{name}");
    }
    assert!(variable(output, "PATH").is_some(), "it has the environment of the service");
    let deadline: u64 = variable(output, "LEVADA_DEADLINE").unwrap().parse().unwrap();
    assert!((now + 40..=now + 100).contains(&deadline), "{deadline} is not {now} + 100");
    let place = std::fs::canonicalize(notes.path("place")).unwrap();
    assert_eq!(output.lines().last().unwrap(), place.to_str().unwrap());
}

#[tokio::test]
async fn what_a_request_does_not_say_is_not_there() {
    let server = Server::start_as(&[], &["env"], |levada| {
        levada.env("TRACEPARENT", "stale").env("LEVADA_CONTENT_TYPE", "stale");
    });
    let malformed = [
        "not a trace; at all",
        "\u{e4}",
        "abc",
        "",
        &TRACE.to_uppercase(),
        &TRACE[1..],
        &format!("{TRACE}-01"),
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    ];
    for trace in malformed.map(Some).into_iter().chain([None]) {
        let headers: Vec<_> = trace.map(|trace| ("traceparent", trace)).into_iter().collect();
        let answer = server.ask("POST", "/", &headers, "").await;
        assert_eq!(variable(answer.text(), "TRACEPARENT"), None, "{trace:?}");
        assert_eq!(variable(answer.text(), "LEVADA_CONTENT_TYPE"), None);
        assert_eq!(variable(answer.text(), "LEVADA_QUEUE"), Some("default"));
    }
}

#[tokio::test]
async fn trace_of_a_later_version_may_say_more() {
    let server = Server::start(&[], &["env"]);
    let later = TRACE.replacen("00", "01", 1) + "-more";
    let answer = server.ask("POST", "/", &[("traceparent", &later)], "").await;
    assert_eq!(variable(answer.text(), "TRACEPARENT"), Some(&*later));
}

#[tokio::test]
async fn values_from_the_file_are_never_shown() {
    let notes = Notes::new();
    let config = format!(
        "[queue.x]\n{}\nenvironment = {{ SECRET = \"hunter2\" }}\n",
        sh("[ $SECRET = hunter2 ] || exit 1; exit 65")
    );
    let server = Server::configured(&notes, &[], &config);
    let answer = server.ask("POST", "/q/x", &[], "").await;
    answer.problem(422, "command-failed");
    for path in ["/queues", "/q/x", "/jobs", "/metrics", "/openapi.json"] {
        assert!(!server.get(path).await.text().contains("hunter2"), "{path}");
    }
}
