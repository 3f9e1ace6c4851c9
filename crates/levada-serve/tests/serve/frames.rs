//! Commands that stay: a frame in, a frame out.

use std::fs::File;
use std::process::Stdio;

use crate::reload::rewrite;
use crate::support::{Notes, Server, until_dead};

const FRAMES: [&str; 4] = ["--mode", "frames", "--workers", "1"];

/// Reads frames and has `answer(job, body)` write.
const READER: &str = r#"
import os, sys, time
def say(job, code, body):
    sys.stdout.buffer.write(b"%s %d %d\n" % (job, code, len(body)) + body)
    sys.stdout.buffer.flush()
def write(bytes):
    os.write(1, bytes)
last = b""
for header in iter(sys.stdin.buffer.readline, b""):
    job, length = header.split()
    body = sys.stdin.buffer.read(int(length))
"#;

fn python(notes: &Notes, answer: &str) -> [String; 2] {
    let answer: String = answer.lines().map(|line| format!("    {line}\n")).collect();
    let script = notes.at("command.py");
    std::fs::write(&script, format!("{READER}{answer}    last = job\n")).unwrap();
    ["python3".to_owned(), script]
}

#[tokio::test]
async fn any_bytes_in_and_out() {
    let notes = Notes::new();
    let server =
        Server::start(&FRAMES, &python(&notes, "say(job, 0, b'%d ' % os.getpid() + body)"));
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 4]).collect();
    let mut pids = std::collections::BTreeSet::new();
    for body in [&b""[..], b"\n", b"two\nlines\r\n", b"\0\xff", &large, b"last"] {
        let answer = server.post(body.to_vec()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let space = answer.body.iter().position(|byte| *byte == b' ').unwrap();
        assert!(answer.body[space + 1..] == *body);
        pids.insert(answer.body[..space].to_vec());
    }
    assert_eq!(pids.len(), 1);
}

#[tokio::test]
async fn a_process_fails_a_job_and_stays() {
    let notes = Notes::new();
    let answer = "print('no', body.decode(), file=sys.stderr, flush=True)
say(job, int(body), b'%d' % os.getpid())";
    let options = [&FRAMES[..], &["--max-attempts", "1"]].concat();
    let server = Server::start(&options, &python(&notes, answer));
    let pid = server.post("0").await;
    for (code, status) in [("65", 422), ("75", 503), ("1", 500), ("255", 500)] {
        let problem = server.post(code).await.problem(status, "command-failed");
        assert_eq!(problem["exit_code"].to_string(), code);
        assert_eq!(problem["stderr_tail"], format!("no {code}\n"));
        assert_eq!(server.post("0").await.body, pid.body, "the same process");
    }
}

#[tokio::test]
async fn a_job_is_tried_again_when_its_exit_code_says_so() {
    let notes = Notes::new();
    let config = format!(
        "[queue.default]\ncommand = {}\nmode = \"frames\"\nwait = 60\nretry = {{ max_attempts = 3, backoff = 0.01 }}\n",
        serde_json::json!(python(&notes, "say(job, 0 if job == last else 75, b'done')"))
    );
    let server = Server::configured(&notes, &[], &config);
    assert_eq!(server.post("").await.text(), "done");
    assert_eq!(server.get("/jobs").await.json()["jobs"][0]["attempt"], 2);
}

#[tokio::test]
async fn an_answer_that_is_not_this_jobs_is_nobodys() {
    let notes = Notes::new();
    // What a process writes that should answer B, after it answered A, and what is said of it.
    let cases = [
        ("say(last, 0, b'secret')", "the id of another job"),
        ("say(job[::-1], 0, b'secret')", "does not begin with a line"),
        ("write(b'secret\\n')", "does not begin with a line"),
        ("write(b'secret ' * 100)", "does not begin with a line"),
        ("write(job + b' 0\\n')", "does not begin with a line"),
        ("write(job + b' 256 0\\n')", "does not begin with a line"),
        ("write(job + b' 0 -1\\n')", "does not begin with a line"),
        ("write(job + b' 0 6\\r\\nsecret')", "does not begin with a line"),
        ("write(job + b'  0 6\\nsecret')", "does not begin with a line"),
    ];
    for (answer, fault) in cases {
        let log = notes.path("log");
        let answer = format!("if body == b'b': {answer}\nelse: say(job, 0, b'secret of ' + body)");
        let server = Server::start_as(&FRAMES, &python(&notes, &answer), |levada| {
            let log = File::create(&log).unwrap();
            levada.env("RUST_LOG", "warn").stderr(Stdio::from(log));
        });
        assert_eq!(server.post("a").await.text(), "secret of a");
        let b = server.post("b").await;
        let problem = b.problem(500, "command-out-of-step");
        assert!(problem["detail"].as_str().unwrap().contains(fault), "{answer}: {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
        let job = server.job(b.header("levada-job-id")).await;
        assert_eq!((&job["outcome"], &job["state"]), (&"out-of-step".into(), &"failed".into()));
        assert_eq!(server.post("c").await.text(), "secret of c", "by another process");
        let log = notes.read("log");
        assert_eq!(log.matches("out of step").count(), 1, "{log}");
        assert!(log.contains(b.header("levada-job-id")) && !log.contains("secret"), "{log}");
    }
}

#[tokio::test]
async fn an_answer_with_more_behind_it_is_good_and_its_process_is_not() {
    let notes = Notes::new();
    let cases = [
        // At once, and when the next job is there.
        "say(job, 0, b'%d ' % os.getpid() + body + b'\\n'); say(job, 0, b'secret')",
        "write(b'%s 0 %d\\n%d %s\\nsecret' % (job, len(b'%d' % os.getpid()) + 2 + len(body), os.getpid(), body))",
        "say(job, 0, b'%d ' % os.getpid() + body + b'\\n'); time.sleep(0.1); write(b'secret')",
    ];
    for answer in cases {
        let server = Server::start(&FRAMES, &python(&notes, answer));
        let mut pids = Vec::new();
        for body in ["a", "b", "c"] {
            let answer = server.post(body).await;
            if answer.status != 200 {
                let problem = answer.problem(500, "command-out-of-step");
                assert!(!problem.to_string().contains("secret"), "{problem}");
                continue;
            }
            let (pid, rest) = answer.text().split_once(' ').unwrap();
            assert_eq!(rest, format!("{body}\n"));
            pids.push(pid.parse().unwrap());
        }
        drop(server);
        until_dead(&pids).await;
        pids.dedup();
        assert!(pids.len() > 1, "{answer}: {pids:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_input_was_read() {
    let notes = Notes::new();
    let script = "
import os, time
while True:
    job = os.read(0, 36)
    if not job: break
    os.write(1, job + b' 0 %d\\n%d' % (len(str(os.getpid())), os.getpid()))
    time.sleep(600)
";
    std::fs::write(notes.path("early.py"), script).unwrap();
    let options = [&FRAMES[..], &["--grace", "0.5"]].concat();
    let server = Server::start(&options, &["python3".to_owned(), notes.at("early.py")]);
    // The header is unread; of the second one, more than the pipe holds.
    let pids = [server.post("").await, server.post(vec![b'x'; 1 << 20]).await];
    let pids = pids.map(|answer| answer.text().parse::<u32>().unwrap());
    assert_ne!(pids[0], pids[1]);
    until_dead(&pids).await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_breaks_off() {
    let notes = Notes::new();
    let answer = "if body == b'large': write(job + b' 0 5000\\n')
elif body == b'breaks off': write(job + b' 0 500\\nsecret'); sys.exit(3)
elif body == b'no answer': sys.exit(0)
elif body == b'header breaks off': write(job[:8]); sys.exit(0)
elif body == b'hangs': write(job + b' 0 500\\nsecret'); time.sleep(600)
else: say(job, 0, body)";
    let command = python(&notes, answer);
    let options = [&FRAMES[..], &["--timeout", "2", "--grace", "0.5"]].concat();
    let problem = Server::start(&options, &command).post("hangs").await.problem(504, "timeout");
    assert!(!problem.to_string().contains("secret"), "{problem}");
    let options = [&FRAMES[..], &["--max-output", "4999"]].concat();
    let server = Server::start(&options, &command);
    for (body, status, kind) in [
        ("large", 500, "output-too-large"),
        ("breaks off", 500, "command-failed"),
        ("header breaks off", 500, "command-not-run"),
    ] {
        assert_eq!(server.post("fine").await.text(), "fine");
        let problem = server.post(body).await.problem(status, kind);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    // A used process may have been done before it saw the job; the next one says the same.
    server.post("no answer").await.problem(500, "command-not-run");
    assert_eq!(server.post("x".repeat(4999)).await.body.len(), 4999);
}

#[tokio::test]
async fn a_process_of_one_mode_does_no_job_of_another() {
    let notes = Notes::new();
    // Answers in both modes.
    let script = r#"while read -r a b; do case $b in
        '') echo "$a";; *) head -c "$b" > /dev/null; printf '%s 0 5\nframe' "$a";; esac; done"#;
    let config = |mode: &str| {
        let command = serde_json::json!(["sh", "-c", script]);
        format!("[queue.default]\ncommand = {command}\nmode = \"{mode}\"\nworkers = 1\n")
    };
    let server = Server::configured(&notes, &[], &config("lines"));
    assert_eq!(server.post("line").await.text(), "line\n");
    rewrite(&notes, &config("frames"));
    while server.post("line").await.text() == "line\n" {}
    assert_eq!(server.post("two\nlines").await.text(), "frame");
}

/// The examples of the documentation, as they stand there.
#[tokio::test]
async fn documented_commands_work() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let (_, section) = docs.split_once("\n### Frames\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let notes = Notes::new();
    for (language, program) in [("sh", "sh"), ("python", "python3")] {
        let (_, block) = section.split_once(&format!("```{language}\n")).expect(language);
        let (script, _) = block.split_once("```").unwrap();
        std::fs::write(notes.path(language), script).unwrap();
        let server = Server::start(&FRAMES, &[program, &notes.at(language)]);
        for (body, answer) in [("hello", "HELLO"), ("two\nlines\n", "TWO\nLINES\n")] {
            assert_eq!(server.post(body).await.text(), answer, "{language}");
        }
        server.post("").await.problem(422, "command-failed");
        assert_eq!(server.post("again").await.text(), "AGAIN", "{language}");
    }
}
