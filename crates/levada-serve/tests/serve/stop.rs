//! A stop by the system, which signals commands as well: the jobs that it cuts off run again.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Notes, Server, within};

/// The ways in which one stop reaches the processes: each in its turn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    Service,
    Commands,
}

const ORDERS: [First; 2] = [First::Service, First::Commands];

/// What systemd does to all processes of a unit: this signal to the commands, and SIGTERM to the
/// service.
fn stop(server: &Server, commands: &[u32], signal: Signal, first: First) {
    if first == First::Service {
        server.signal(Signal::TERM);
    }
    for command in commands {
        let pid = Pid::from_raw(command.cast_signed()).unwrap();
        // One of them may have ended because of another.
        let _ = kill_process(pid, signal);
    }
    if first == First::Commands {
        server.signal(Signal::TERM);
    }
}

/// A script that does this until there is a file `gate`, and then what the input says.
fn script(notes: &Notes, meanwhile: &str) -> String {
    let (gate, pids) = (notes.at("gate"), notes.at("pids"));
    format!("[ -e {gate} ] && exec cat; echo $$ >> {pids}; {meanwhile}")
}

/// The system stops the service while this runs, and starts it again. The job has one attempt.
async fn runs_again(options: &[&str], meanwhile: &str, signal: Signal, first: First) {
    let notes = Notes::new();
    let store = notes.at("store");
    let options = [&["--store", &store, "--max-attempts", "1"], options].concat();
    let script = script(&notes, meanwhile);
    let mut server = Server::script(&options, &script);
    let client = tokio::spawn(server.request("POST", "/", "again\n"));
    let pids = notes.pids("pids", 1).await;
    server.until_progress(&[("running", 1)]).await;
    stop(&server, &pids, signal, first);
    let problem = within(client).await.unwrap().unwrap().problem(503, "interrupted");
    assert_eq!(server.exit().await.code(), Some(0));

    notes.write("gate");
    let server = Server::script(&options, &script);
    let id = problem["job_id"].as_str().unwrap();
    let job = server.until_job(id, "succeeded").await;
    assert_eq!(job.get("interruptions"), None, "{job}");
    assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "again\n");
}

#[tokio::test]
async fn a_command_that_the_stop_ends_runs_again() {
    for first in ORDERS {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::KILL] {
            runs_again(&[], "exec sleep 600", signal, first).await;
        }
    }
}

#[tokio::test]
async fn a_command_that_ends_with_the_code_of_the_signal_runs_again() {
    let meanwhile = "trap 'exit 143' TERM; while :; do sleep 0.01; done";
    for first in ORDERS {
        runs_again(&[], meanwhile, Signal::TERM, first).await;
    }
}

#[tokio::test]
async fn a_shell_whose_child_the_stop_ends_runs_again() {
    // The signal goes to the child only; the shell ends with its code.
    let notes = Notes::new();
    let meanwhile = format!("sleep 600 & echo $! > {}; wait $!; exit $?", notes.at("child"));
    let store = notes.at("store");
    let options = ["--store", &store, "--max-attempts", "1"];
    for first in ORDERS {
        let mut server = Server::script(&options, &meanwhile);
        let client = tokio::spawn(server.request("POST", "/", ""));
        let child = notes.pids("child", 1).await;
        stop(&server, &child, Signal::TERM, first);
        within(client).await.unwrap().unwrap().problem(503, "interrupted");
        assert_eq!(server.exit().await.code(), Some(0));
        std::fs::remove_file(notes.path("child")).unwrap();
        std::fs::remove_dir_all(&store).unwrap();
    }
}

/// As ffmpeg (255) and rsync (20) do.
#[tokio::test]
async fn a_command_that_ends_with_a_code_of_its_own_runs_again() {
    let meanwhile = "trap 'exit 255' TERM; while :; do sleep 0.01; done";
    runs_again(&[], meanwhile, Signal::TERM, First::Service).await;
}

#[tokio::test]
async fn a_process_that_stays_is_no_exception() {
    let lines = ["--mode", "lines"];
    let killed = "while read -r line; do exec sleep 600; done";
    // It handles the signal, and ends in order.
    let tidy = "trap 'exit 0' TERM; while read -r line; do while :; do sleep 0.01; done; done";
    for first in ORDERS {
        for meanwhile in [killed, tidy] {
            runs_again(&lines, meanwhile, Signal::TERM, first).await;
        }
    }
}

#[tokio::test]
async fn processes_that_wait_for_a_job_end_unseen() {
    for first in ORDERS {
        let notes = Notes::new();
        let script = format!(
            "echo $$ >> {}; while read -r line; do while [ ! -e {} ]; do sleep 0.01; done; echo \"$line\"; done",
            notes.at("pids"),
            notes.at("gate"),
        );
        let options = ["--mode", "lines", "--workers", "3"];
        let mut server = Server::script(&options, &script);
        let clients: Vec<_> =
            (0..3).map(|_| tokio::spawn(server.request("POST", "/", "line"))).collect();
        let pids = notes.pids("pids", 3).await;
        notes.write("gate");
        for client in clients {
            assert_eq!(within(client).await.unwrap().unwrap().text(), "line\n");
        }
        stop(&server, &pids, Signal::TERM, first);
        assert_eq!(server.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn what_is_only_in_memory_is_said_to_be_lost() {
    for first in ORDERS {
        let notes = Notes::new();
        let script = script(&notes, "exec sleep 600");
        let mut server = Server::script(&["--store", "memory"], &script);
        let client = tokio::spawn(server.request("POST", "/", ""));
        let pids = notes.pids("pids", 1).await;
        stop(&server, &pids, Signal::TERM, first);
        let problem = within(client).await.unwrap().unwrap().problem(503, "interrupted");
        assert!(problem["detail"].as_str().unwrap().contains("lost"), "{problem}");
        assert_eq!(server.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn what_a_command_does_itself_is_its_own_while_the_service_drains() {
    for (ending, status, member, value) in [
        ("kill -SEGV $$", 500, "signal", 11),
        ("kill -ABRT $$", 500, "signal", 6),
        ("exit 65", 422, "exit_code", 65),
        ("exit 77", 403, "exit_code", 77),
    ] {
        let notes = Notes::new();
        let script = script(&notes, &format!("{}; {ending}", notes.wait_for("go")));
        let mut server = Server::script(&[], &script);
        let client = tokio::spawn(server.request("POST", "/", ""));
        notes.pids("pids", 1).await;
        server.signal(Signal::TERM);
        crate::shutdown::until_refused(&server).await;
        notes.write("go");
        let answer = within(client).await.unwrap().unwrap();
        assert_eq!(answer.problem(status, "command-failed")[member], value, "{ending}");
        assert_eq!(server.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_signal_without_a_stop_fails_the_job() {
    let server = Server::script(&[], "kill -TERM $$");
    assert_eq!(server.post("").await.problem(500, "command-failed")["signal"], 15);
    let server = Server::script(&[], "exit 143");
    assert_eq!(server.post("").await.problem(500, "command-failed")["exit_code"], 143);
}
