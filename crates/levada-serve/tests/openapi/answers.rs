//! What a running server answers, next to what the document says.

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::document::{document, operations, resolve};
use super::support::{Notes, Server, within};

/// `HEAD` comes with `GET`, and is documented in one sentence for all.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// A server with the queues `default`, which is quick, and `failing`.
fn server(notes: &Notes) -> Server {
    let file = notes.path("levada.toml");
    let command = r#"["sh", "-c", "echo oh >&2; exit 65"]"#;
    std::fs::write(&file, format!("[queue.failing]\ncommand = {command}\n")).unwrap();
    Server::start(&["--store", "memory", "--config", file.to_str().unwrap()], &["cat"])
}

/// Sends a request without a body, on a connection of its own.
async fn ask(server: &Server, method: &str, path: &str, headers: &str) -> TcpStream {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}");
    server.send(&format!("{request}Connection: close\r\nContent-Length: 0\r\n\r\n")).await
}

/// The status and the head of an answer, in lower case. Its body may be endless.
async fn head(mut stream: TcpStream) -> (u16, String) {
    let text = read_until(&mut stream, |text| text.contains("\r\n\r\n")).await;
    let head = text.split("\r\n\r\n").next().unwrap().to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

async fn read_until(stream: &mut TcpStream, done: impl Fn(&str) -> bool) -> String {
    let mut bytes = Vec::new();
    within(async {
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if done(&text) {
                return text.into_owned();
            }
            let read = stream.read_buf(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "ended early: {:?}", String::from_utf8_lossy(&bytes));
        }
    })
    .await
}

#[tokio::test]
async fn documented_operations_are_answered_and_no_others() {
    let notes = Notes::new();
    let server = server(&notes);
    let id = server.post("input").await.header("levada-job-id").to_owned();
    let document = document();
    let operations = operations(&document);
    let documented =
        |method: &str, path: &str| operations.iter().any(|((m, p), _)| m == method && p == path);
    for template in document["paths"].as_object().unwrap().keys() {
        let path = template.replace("{queue}", "default").replace("{id}", &id);
        for method in METHODS {
            let (status, head) = head(ask(&server, method, &path, "").await).await;
            if documented(method, template) {
                assert!(![404, 405].contains(&status), "{method} {template}: {head}");
                continue;
            }
            assert_eq!(status, 405, "{method} {template} is not documented: {head}");
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            let allow = head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap();
            let mut allowed: Vec<_> = allow.split(',').map(str::to_uppercase).collect();
            allowed.retain(|method| method != "HEAD");
            assert!(allowed.iter().all(|method| documented(method, template)), "{allowed:?}");
        }
        let (status, head) = head(ask(&server, "HEAD", &path, "").await).await;
        let expected = if documented("GET", template) { 200 } else { 405 };
        assert_eq!(status, expected, "HEAD {template}: {head}");
    }
}

#[tokio::test]
async fn caches_keep_nothing_but_the_page() {
    let notes = Notes::new();
    let server = server(&notes);
    let succeeded = server.post("input").await.header("levada-job-id").to_owned();
    let failed = within(server.request("POST", "/q/failing", "x")).await.unwrap();
    let failed = failed.header("levada-job-id").to_owned();
    let document = document();
    let mut checked = 0;
    for template in document["paths"].as_object().unwrap().keys() {
        for (id, queue) in [(&*succeeded, "default"), (&*failed, "failing"), ("x", "missing")] {
            let path = template.replace("{queue}", queue).replace("{id}", id);
            for method in METHODS.iter().chain(&["HEAD"]) {
                let (status, head) = head(ask(&server, method, &path, "").await).await;
                let expected = match (*method, &**template) {
                    ("GET" | "HEAD", "/") => "no-cache",
                    ("GET" | "HEAD", "/events") => "no-store, no-transform",
                    ("GET" | "HEAD", "/jobs/{id}/events") if status == 200 => {
                        "no-store, no-transform"
                    }
                    _ => "no-store",
                };
                let line = format!("\r\ncache-control: {expected}");
                assert!(
                    format!("{head}\r\n").contains(&format!("{line}\r\n")),
                    "{method} {path}: {head}"
                );
                assert_eq!(head.matches("cache-control").count(), 1, "{method} {path}: {head}");
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "{checked}");
    let page = server.get("/page/app.js").await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-cache"));
    let path = format!("/jobs/{succeeded}");
    let tag = server.get(&path).await.header("etag").to_owned();
    let known = within(server.request_with("GET", &path, &[("If-None-Match", &tag)], "")).await;
    let known = known.unwrap();
    assert_eq!((known.status.as_u16(), known.header("cache-control")), (304, "no-store"));
}

#[tokio::test]
async fn served_with_the_version() {
    let server = Server::start(&["--store", "memory"], &["cat"]);
    let answer = server.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let served: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(served["paths"], document()["paths"]);
}

/// Panics at a member that the schema does not know, and at one that it misses.
#[track_caller]
fn check(document: &Value, schema: &Value, value: &Value) {
    let schema = resolve(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        // Each of these knows a part of the members.
        let part = resolve(document, part);
        let known = value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| part["properties"].get(name).is_some());
        check(document, part, &known.map(|(name, value)| (name.clone(), value.clone())).collect());
    }
    if let (Some(members), true) = (value.as_object(), schema["properties"].is_object()) {
        for (name, value) in members {
            let member = &schema["properties"][name];
            assert!(member.is_object(), "{name:?} of {value} is not documented");
            check(document, member, value);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(name.as_str().unwrap()), "{name} is not in {value}");
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item);
    }
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{value} is not documented");
    }
}

/// Checks an answer of `GET` against the schema of this name.
async fn get_checked(server: &Server, path: &str, schema: &str) -> Value {
    let answer = server.get(path).await;
    let value = serde_json::from_slice(&answer.body).unwrap();
    let document = document();
    check(&document, &document["components"]["schemas"][schema], &value);
    value
}

#[tokio::test]
async fn members_are_documented() {
    let notes = Notes::new();
    let server = server(&notes);
    assert_eq!(server.post("input").await.status, 200);
    let failed = within(server.request("POST", "/q/failing", "x")).await.unwrap();
    let problem = failed.problem(422, "command-failed");
    let document = document();
    check(&document, &document["components"]["schemas"]["Problem"], &problem);

    let list = get_checked(&server, "/jobs?limit=1", "JobList").await;
    assert_eq!(list["jobs"][0]["id"], problem["job_id"]);
    assert_eq!(list["jobs"][0]["exit_code"], 65);
    let next = list["next"].as_str().unwrap();
    let list = get_checked(&server, next, "JobList").await;
    assert_eq!(list["jobs"][0]["state"], "succeeded");
    let id = list["jobs"][0]["id"].as_str().unwrap();
    assert_eq!(get_checked(&server, &format!("/jobs/{id}"), "JobState").await, list["jobs"][0]);
    let overview = get_checked(&server, "/queues", "Overview").await;
    assert_eq!(overview["queues"].as_array().unwrap().len(), 2);
    get_checked(&server, "/q/failing", "QueueState").await;
    get_checked(&server, "/q/missing", "Problem").await;
    get_checked(&server, "/health", "Health").await;
    get_checked(&server, "/ready", "Ready").await;
}

#[tokio::test]
async fn events_are_documented() {
    let notes = Notes::new();
    let server = server(&notes);
    let mut stream = ask(&server, "GET", "/events", "Last-Event-ID: of-another-process\r\n").await;
    read_until(&mut stream, |text| text.contains("event: queues")).await;
    server.post("input").await;
    drop(within(server.request("POST", "/q/failing", "")).await.unwrap());
    let (status, _) = head(ask(&server, "POST", "/q/missing", "").await).await;
    assert_eq!(status, 404);
    let text = read_until(&mut stream, |text| is_complete(text, "rejected")).await;
    let seen = check_events("ServiceEvent", &text);
    for name in ["accepted", "started", "finished", "rejected"] {
        assert!(seen.contains(&name), "{name} is not in {seen:?}");
    }
}

#[tokio::test]
async fn events_of_a_job_are_documented() {
    let notes = Notes::new();
    let script = format!(
        "until [ -e {} ]; do sleep 0.01; done; echo '::progress 40 half way' >&2; echo out",
        notes.at("gate")
    );
    let server = Server::script(&["--store", "memory"], &script);
    let submitted = ask(&server, "POST", "/", "Prefer: respond-async\r\n").await;
    let (status, head) = head(submitted).await;
    assert_eq!(status, 202, "{head}");
    let path = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let mut stream = ask(&server, "GET", &format!("{path}/events"), "").await;
    let mut text = read_until(&mut stream, |text| is_complete(text, "state")).await;
    notes.write("gate");
    text += &read_until(&mut stream, |text| is_complete(text, "finished")).await;
    let seen = check_events("JobEvent", &text);
    for name in ["state", "progress", "output", "finished"] {
        assert!(seen.contains(&name), "{name} is not in {seen:?}");
    }
}

/// Whether an event of this name is there to its end.
fn is_complete(stream: &str, name: &str) -> bool {
    stream.split_once(&format!("event: {name}\n")).is_some_and(|(_, rest)| rest.contains("\n\n"))
}

/// Checks each event against what a stream of this schema may carry. Their names.
fn check_events<'s>(schema: &str, stream: &'s str) -> Vec<&'s str> {
    let document = document();
    let events = document["components"]["schemas"][schema]["oneOf"].as_array().unwrap();
    let mut names = Vec::new();
    for line in stream.lines() {
        if let Some(name) = line.strip_prefix("event: ") {
            names.push(name);
        } else if let Some(data) = line.strip_prefix("data: ") {
            let name = *names.last().unwrap();
            let mut events = events.iter().map(|event| &resolve(&document, event)["properties"]);
            let event = events.find(|event| event["event"]["const"] == name);
            let event = event.unwrap_or_else(|| panic!("{name:?} is not documented"));
            check(&document, &event["data"]["contentSchema"], &serde_json::from_str(data).unwrap());
        }
    }
    names
}

#[tokio::test]
async fn a_name_that_is_no_text_is_a_problem() {
    let server = Server::start(&["--store", "memory"], &["cat"]);
    for path in ["/jobs/%FF", "/jobs/%FF/result", "/jobs/%FF/events", "/q/%FF"] {
        server.get(path).await.problem(404, "not-found");
    }
    for (method, path) in [("POST", "/q/%FF"), ("POST", "/q/%C3/retry"), ("DELETE", "/jobs/%FF")] {
        within(server.request(method, path, "")).await.unwrap().problem(404, "not-found");
    }
}

#[tokio::test]
async fn keys_are_those_of_the_pattern() {
    let server = Server::start(&["--store", "memory"], &["cat"]);
    let longest = "k".repeat(255);
    for (key, expected) in [
        ("key", 200),
        ("\"key\"", 200),
        ("k\"", 200),
        (&*longest, 200),
        (&*format!("\"{longest}\""), 200),
        ("", 400),
        ("\"", 400),
        ("\"\"", 400),
        ("\"key", 400),
        ("two words", 400),
        ("k\u{e9}y", 400),
        (&*format!("{longest}k"), 400),
    ] {
        let header = format!("Idempotency-Key: {key}\r\n");
        let (status, head) = head(ask(&server, "POST", "/", &header).await).await;
        assert_eq!(status, expected, "{key:?}: {head}");
    }
}

#[tokio::test]
async fn what_needs_a_token_is_documented() {
    let notes = Notes::new();
    let tokens = notes.path("tokens");
    std::fs::write(&tokens, "someone a-token-of-sufficient-length-0123456789\n").unwrap();
    std::fs::set_permissions(&tokens, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let options = ["--store", "memory", "--token-file", tokens.to_str().unwrap()];
    let server = Server::start(&options, &["cat"]);
    let document = document();
    for ((method, template), operation) in operations(&document) {
        let path = template.replace("{queue}", "default").replace("{id}", "x");
        let (status, head) = head(ask(&server, &method, &path, "").await).await;
        if operation["security"].is_array() {
            assert_eq!(status, 200, "{method} {template}: {head}");
        } else {
            assert_eq!(status, 401, "{method} {template}: {head}");
            assert!(head.contains("\r\nwww-authenticate: bearer"), "{head}");
        }
    }
}
