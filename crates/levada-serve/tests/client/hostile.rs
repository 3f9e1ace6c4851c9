//! What a server says is shown, not obeyed; and not everything that answers is a levada server.

use crate::support::{Ran, Server, answer, fake, levada, run};

/// Clears the screen, sets the title, and the same in one character; as JSON has them.
const EVIL: &str = r"\u001b[2J\u001b]0;title\u0007\u009b2J\r\n\u202e";
const SHOWN: &str = "␛[2J␛]0;title␇\u{fffd}2J␍␊\u{fffd}";

fn ask(url: &str, args: &[&str]) -> Ran {
    run(levada().args(args).env("LEVADA_SERVER", url), b"")
}

#[track_caller]
fn is_clean(text: &str) {
    let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!text.contains(obeyed), "{text:?}");
}

fn job(state: &str) -> String {
    format!(
        r#"{{"id":"{EVIL}","queue":"{EVIL}","state":"{state}","attempt":1,"max_attempts":1,
        "progress":{{"percent":1,"message":"{EVIL}"}},"outcome":"{EVIL}","stderr_tail":"{EVIL}",
        "input_bytes":1,"input_type":"{EVIL}","created_at":"{EVIL}"}}"#
    )
    .replace('\n', "")
}

#[test]
fn tables_and_details() {
    let url = fake(|head| {
        let job = job("running");
        let body = if head.starts_with("get /jobs?") {
            format!(r#"{{"jobs":[{job}]}}"#)
        } else if head.starts_with("get /queues") {
            format!(
                r#"{{"version":"{EVIL}","status":"{EVIL}","store":"{EVIL}","queues":[{{"name":"{EVIL}","status":"{EVIL}"}}]}}"#
            )
        } else {
            job
        };
        answer("200 OK", "application/json", &body)
    });
    for args in [&["status"][..], &["status", "x"], &["queues"], &["cancel", "x"], &["retry", "x"]]
    {
        let ran = ask(&url, args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.text().contains(SHOWN), "{ran:?}");
        is_clean(ran.text());
        is_clean(&ran.err);
    }
    // With `--json`, the program prints the answer as it came.
    assert_eq!(ask(&url, &["status", "--json", "x"]).line(), job("running"));
    assert_eq!(ask(&url, &["status", "--json"]).line(), job("running"));
}

#[test]
fn problems() {
    let body = format!(
        r#"{{"type":"urn:levada:problem:command-failed","title":"{EVIL}","detail":"{EVIL}","job_id":"{EVIL}","exit_code":5,"stderr_tail":"{EVIL}"}}"#
    );
    let body_again = body.clone();
    let url = fake(move |_| answer("500 Error", "application/problem+json", &body_again));
    let ran = ask(&url, &["result", "x"]);
    ran.says(5, &[SHOWN]);
    is_clean(&ran.err);
    let ran = ask(&url, &["result", "x", "--json"]);
    assert_eq!((ran.code, ran.line(), ran.err.as_str()), (5, body, ""));
}

#[test]
fn output_is_not_touched() {
    let server = Server::script(&[], r"printf '\033[31mred\233\r\n\000'");
    let ran = server.run(&["submit", "--data", ""]);
    assert_eq!(&ran.out[..], b"\x1b[31mred\x9b\r\n\0");
}

#[test]
fn messages_of_commands() {
    let server = Server::script(&[], r"printf '\033]0;title\007\n' >&2; exit 1");
    let ran = server.run(&["submit", "--data", "", "--follow"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("␛]0;title␇\n"), "{ran:?}");
    is_clean(&ran.err);
}

#[test]
fn others_answer() {
    let url = fake(|_| answer("503 Unavailable", "text/html", "<h1>Un\x1b[31mavailable</h1>"));
    for args in [&["status"][..], &["queues"], &["submit", "--data", "x"], &["cancel", "x"]] {
        let ran = ask(&url, args);
        ran.says(69, &["behind", &url, "503", "available", "--server"]);
        is_clean(&ran.err);
    }
    let url = fake(|_| answer("403 Forbidden", "text/html", "<h1>For\x1b[31mbidden</h1>"));
    let ran = ask(&url, &["submit", "--data", "x"]);
    ran.says(77, &["not from levada", "403", "bidden", "--server"]);
    is_clean(&ran.err);
    for (kind, body) in [
        ("text/html", "<h1>Hello</h1>"),
        ("text/html", ""),
        ("application/json", r#"{"Hello":1}"#),
        ("application/json", r#"{"id":"","state":"","jobs":[{"Hello":1}],"queues":[{}]}"#),
        ("application/json", r#"{"id":1,"state":"queued","jobs":[[]],"queues":1}"#),
        ("text/event-stream", "data: Hello\n\n"),
    ] {
        for status in ["200 OK", "202 Accepted"] {
            let url = fake(move |_| answer(status, kind, body));
            for args in [
                &["submit", "--data", "x"][..],
                &["submit", "--data", "x", "--no-wait"],
                &["submit", "--data", "x", "--json"],
                &["status"],
                &["status", "x"],
                &["status", "x", "y"],
                &["status", "--watch", "x"],
                &["result", "x", "--wait", "1h"],
                &["result", "x", "--stderr"],
                &["cancel", "x"],
                &["retry", "x"],
                &["retry", "--all-failed"],
                &["queues"],
                &["queues", "--watch"],
            ] {
                let ran = ask(&url, args);
                ran.says(1, &["not from levada", "--server"]);
                let shows = body.is_empty() || ran.err.contains("Hello") || body.contains("queued");
                assert!(shows && ran.text().is_empty(), "{args:?}: {ran:?}");
            }
        }
    }
    let url = fake(|_| "220 mail.example ESMTP\r\n".to_owned());
    ask(&url, &["queues"]).says(69, &["does not speak HTTP"]);
}

#[test]
fn a_token_is_not_sent_elsewhere() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let to = elsewhere.local_addr().unwrap();
    let url = fake(move |_| {
        format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{to}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    });
    let ran =
        run(levada().arg("queues").env("LEVADA_SERVER", &url).env("LEVADA_TOKEN", "secret"), b"");
    ran.says(1, &["not from levada", "302"]);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn numbers_without_bounds() {
    let most = u64::MAX;
    let url = fake(move |head| {
        if head.starts_with("post") {
            let body = r#"{"type":"urn:levada:problem:queue-full"}"#;
            let full = answer("503 Full", "application/problem+json", body);
            return full.replacen("\r\n", &format!("\r\nRetry-After: {most}\r\n"), 1);
        }
        let job = format!(
            r#"{{"id":"x","state":"retrying","attempt":{},"input_bytes":{most},"position":{most},"retry_at":"9999-12-31T23:59:59Z","created_at":"9999-12-31T23:59:59Z","started_at":"1970-01-01T00:00:00Z","progress":{{"percent":1e300}}}}"#,
            u32::MAX
        );
        let queue = format!(
            r#"{{"name":"x","capacity":{most},"queued":{most},"oldest_seconds":1e300,"jobs_per_second":1e300}}"#
        );
        let body = match head {
            _ if head.starts_with("get /jobs?") => {
                r#"{"jobs":[],"next":"/jobs?limit=1"}"#.to_owned()
            }
            _ if head.starts_with("get /jobs/") => job,
            _ => format!(r#"{{"uptime_seconds":1e300,"queues":[{queue}]}}"#),
        };
        answer("200 OK", "application/json", &body)
    });
    for (args, code) in [
        (&["status", "x"][..], 0),
        (&["status", "x", "y"], 0),
        (&["status", "--limit", "9"], 0),
        (&["queues"], 0),
        (&["submit", "--data", "x"], 75),
        (&["submit", "--data", "x", "--max-wait", "1s"], 75),
    ] {
        let ran = ask(&url, args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    }
}
