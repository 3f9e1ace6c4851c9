//! Commands that do not do what one would like.

use std::os::unix::fs::PermissionsExt;

use tokio::task::JoinSet;

use crate::support::{Notes, Server, until, until_dead};

#[tokio::test]
async fn ignoring_the_input_is_fine() {
    let body = vec![b'x'; 4 << 20];
    let silent = Server::start(&[], &["true"]);
    let answer = silent.post(body.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    let talking = Server::script(&[], "exec <&-; sleep 0.05; echo fine");
    assert_eq!(talking.post(body).await.text(), "fine\n");
}

#[tokio::test]
async fn all_three_pipes_move_at_the_same_time() {
    let server = Server::script(&[], "tee /dev/stderr");
    let body = vec![b'x'; 6 << 20];
    let answer = server.post(body.clone()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body == body);
}

#[tokio::test]
async fn flood_of_output_is_stopped() {
    let notes = Notes::new();
    // What the command writes after the signal to stop is kept, too.
    let script = format!(
        "echo $$ > {}; trap 'echo why >&2; exit 1' TERM; (trap '' TERM; yes); \
         while :; do sleep 0.01; done",
        notes.at("pids")
    );
    let server = Server::script(&["--max-output", "100KiB", "--grace", "60"], &script);
    let problem = server.post("").await.problem(500, "output-too-large");
    let tail = problem["stderr_tail"].as_str().unwrap();
    assert!(tail.ends_with("why\n"), "{tail:?}");
    until_dead(&notes.pids("pids", 1).await).await;

    let server = Server::start(&["--max-output", "5"], &["cat"]);
    assert_eq!(server.post("12345").await.text(), "12345");
    server.post("123456").await.problem(500, "output-too-large");
}

#[tokio::test]
async fn end_of_a_flood_of_errors_is_kept() {
    let script = "head -c 20000000 /dev/zero | tr '\\0' x >&2; printf 'the end' >&2; exit 3";
    let server = Server::script(&["--stderr-tail", "1KiB"], script);
    let problem = server.post("").await.problem(500, "command-failed");
    assert_eq!(problem["exit_code"], 3);
    assert_eq!(problem["attempt"], 1);
    let tail = problem["stderr_tail"].as_str().unwrap();
    assert_eq!(tail.len(), 1024);
    assert!(tail.starts_with("xxx") && tail.ends_with("xthe end"));
}

#[tokio::test]
async fn exit_codes_become_statuses() {
    let server = Server::script(&["--max-attempts", "1"], "read code; exit $code");
    let codes =
        [(1, 500), (64, 400), (65, 422), (66, 404), (69, 503), (75, 503), (77, 403), (255, 500)];
    for (code, status) in codes {
        let answer = server.post(format!("{code}\n")).await;
        let problem = answer.problem(status, "command-failed");
        assert_eq!(problem["exit_code"], code);
        assert_eq!(problem.get("signal"), None);
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
    }
}

#[tokio::test]
async fn signals_are_told() {
    let server = Server::script(&[], "echo dying >&2; kill -9 $$");
    let problem = server.post("").await.problem(500, "command-failed");
    assert_eq!(problem["signal"], 9);
    assert_eq!(problem.get("exit_code"), None);
    assert_eq!(problem["stderr_tail"], "dying\n");
}

#[tokio::test]
async fn grandchild_that_holds_the_pipes_is_not_waited_for() {
    let notes = Notes::new();
    let script = format!("sleep 600 & echo $! > {}; echo out", notes.at("pids"));
    let server = Server::script(&["--grace", "0.2"], &script);
    let answer = server.post("").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "out\n"));
    until_dead(&notes.pids("pids", 1).await).await;
}

#[tokio::test]
async fn grandchild_may_finish_within_the_grace() {
    let server = Server::script(&[], "(sleep 0.1; echo late) & echo early");
    assert_eq!(server.post("").await.text(), "early\nlate\n");
}

#[tokio::test]
async fn grandchild_without_pipes_ends_with_the_job() {
    let notes = Notes::new();
    let script =
        format!("sleep 600 </dev/null >/dev/null 2>&1 & echo $! > {}; echo out", notes.at("pids"));
    let server = Server::script(&[], &script);
    assert_eq!(server.post("").await.text(), "out\n");
    until_dead(&notes.pids("pids", 1).await).await;
}

#[tokio::test]
async fn process_that_left_the_group_does_not_hold_the_answer() {
    let notes = Notes::new();
    let script = format!("setsid sleep 30 & echo $! > {}; echo out", notes.at("pids"));
    let server = Server::script(&["--grace", "0.1"], &script);
    let answer = server.post("").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "out\n"));
    // It went out of reach on purpose; the test cleans up after itself.
    for pid in notes.pids("pids", 1).await {
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn command_that_never_ends_is_killed_with_its_group() {
    let notes = Notes::new();
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! >> {0}; echo $$ >> {0}; echo stuck >&2; \
         while :; do sleep 600; done",
        notes.at("pids")
    );
    let server = Server::script(&["--timeout", "0.3", "--grace", "0.2"], &script);
    let problem = server.post("").await.problem(504, "timeout");
    assert_eq!(problem["stderr_tail"], "stuck\n");
    until_dead(&notes.pids("pids", 2).await).await;
    server.until_progress(&[("failed", 1), ("running", 0)]).await;
}

#[tokio::test]
async fn command_may_clean_up_when_its_time_is_over() {
    let notes = Notes::new();
    let script = format!(
        "trap 'sleep 0.1; echo > {}; exit 0' TERM; while :; do sleep 0.01; done",
        notes.at("clean")
    );
    let server = Server::script(&["--timeout", "0.2", "--grace", "60"], &script);
    server.post("").await.problem(504, "timeout");
    assert!(notes.path("clean").exists(), "the clean-up was cut short");
}

#[tokio::test]
async fn stopped_process_is_killed_too() {
    let notes = Notes::new();
    let script = format!("echo $$ > {}; kill -STOP $$", notes.at("pids"));
    let server = Server::script(&["--timeout", "0.2", "--grace", "0.1"], &script);
    server.post("").await.problem(504, "timeout");
    until_dead(&notes.pids("pids", 1).await).await;
}

#[tokio::test]
async fn command_that_vanishes_is_a_problem_and_not_the_end() {
    let notes = Notes::new();
    let copy = notes.path("copy");
    std::fs::copy("/bin/cat", &copy).unwrap();
    let server = Server::start(&[], &[&copy]);
    assert_eq!(server.post("here").await.text(), "here");
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o644)).unwrap();
    let problem = server.post("forbidden").await.problem(500, "command-not-run");
    assert!(problem["detail"].as_str().unwrap().contains("Permission denied"), "{problem}");
    std::fs::remove_file(&copy).unwrap();
    let problem = server.post("gone").await.problem(500, "command-not-run");
    assert!(problem["detail"].as_str().unwrap().contains("No such file"), "{problem}");
    std::fs::copy("/bin/cat", &copy).unwrap();
    assert_eq!(server.post("back").await.text(), "back");
}

#[tokio::test]
async fn jobs_do_not_hold_each_other_up() {
    let notes = Notes::new();
    let script =
        format!("read kind; [ $kind = fast ] || sleep 600; echo $kind; echo > {}", notes.at("ran"));
    let server = Server::script(&["--workers", "2", "--timeout", "60"], &script);
    let mut slow = JoinSet::new();
    slow.spawn(server.request("POST", "/", "slow\n"));
    server.until_progress(&[("running", 1)]).await;
    for _ in 0..10 {
        assert_eq!(server.post("fast\n").await.text(), "fast\n");
    }
    until("a fast job", || notes.path("ran").exists()).await;
    slow.abort_all();
    server.until_progress(&[("running", 0)]).await;
}
