//! Processes that a command starts: those of a command that is stopped end with it, wherever they
//! went; those that a command left behind on purpose stay.
#![cfg(target_os = "linux")]

use rustix::process::{Pid, Signal, kill_process};

use crate::shutdown::until_refused;
use crate::support::{Notes, Server, alive, until, until_dead};

/// The command is the script in its input.
const INPUT: [&str; 3] = ["bash", "-c", "eval \"$(cat)\""];

/// Scripts that go on for ever, with processes that leave the group and that SIGTERM does not end,
/// except for the first. Each writes the numbers of two processes to the file that has its name.
fn escapes(notes: &Notes) -> Vec<(&'static str, String)> {
    let ways = [
        ("timeout", "timeout 600 STAY"),
        ("deaf", "timeout 600 DEAF"),
        ("session", "setsid DEAF &"),
        ("silent", "setsid DEAF </dev/null >/dev/null 2>&1 &"),
        ("control", "set -m; DEAF &"),
        ("setpgid", "perl -e 'setpgrp; exec @ARGV' DEAF &"),
        ("orphan", "(setsid DEAF &)"),
        ("nothing", "setsid env -i PATH=$PATH DEAF &"),
        ("itself", "exec perl -e 'setpgrp(0, getpgrp(getppid())); exec @ARGV' DEAF"),
    ];
    let body = |name| {
        let file = notes.at(name);
        format!("sleep 600 & echo $! >> {file}; echo $$ >> {file}; while :; do sleep 600; done")
    };
    let script = |(name, way): (&'static str, &str)| {
        let (stay, deaf) = (format!("{name}-stay"), format!("{name}-deaf"));
        std::fs::write(notes.path(&stay), body(name)).unwrap();
        std::fs::write(notes.path(&deaf), format!("trap '' TERM HUP; {}", body(name))).unwrap();
        let way = way.replace("STAY", &format!("sh {}", notes.at(&stay)));
        let way = way.replace("DEAF", &format!("sh {}", notes.at(&deaf)));
        (name, format!("{way}\nwhile :; do sleep 600; done"))
    };
    ways.into_iter().map(script).collect()
}

/// Runs all of them, until they have escaped: the ids of the jobs, and the processes.
async fn escaped(server: &Server, notes: &Notes) -> (Vec<String>, Vec<u32>) {
    let (mut jobs, mut pids) = (Vec::new(), Vec::new());
    for (_, script) in escapes(notes) {
        jobs.push(server.submit(script).await);
    }
    for (name, _) in escapes(notes) {
        pids.extend(notes.pids(name, 2).await);
    }
    (jobs, pids)
}

fn options<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--workers", "16", "--grace", "0.2"], more].concat()
}

#[track_caller]
fn assert_gone(pids: &[u32]) {
    let alive = pids.iter().filter(|pid| alive(**pid));
    let named = alive.map(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")));
    let alive: Vec<_> = named.collect();
    assert!(alive.is_empty(), "{alive:#?}");
}

fn kill(pids: &[u32]) {
    for pid in pids {
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn timeout_stops_all_that_comes_from_the_command() {
    let notes = Notes::new();
    let server = Server::start(&options(&["--timeout", "3"]), &INPUT);
    let (jobs, pids) = escaped(&server, &notes).await;
    for job in &jobs {
        assert_eq!(server.until_job(job, "failed").await["outcome"], "timed-out");
    }
    // The workers are free only when nothing is left.
    assert_gone(&pids);
}

#[tokio::test]
async fn cancellation_stops_all_that_comes_from_the_command() {
    let notes = Notes::new();
    let server = Server::start(&options(&["--timeout", "600"]), &INPUT);
    let (jobs, pids) = escaped(&server, &notes).await;
    for job in &jobs {
        assert_eq!(server.ask("DELETE", &format!("/jobs/{job}"), &[], "").await.status, 202);
    }
    for job in &jobs {
        server.until_job(job, "cancelled").await;
    }
    assert_gone(&pids);
}

#[tokio::test]
async fn abort_stops_all_that_comes_from_the_command() {
    let notes = Notes::new();
    let mut server = Server::start(&options(&["--timeout", "600"]), &INPUT);
    let (_, pids) = escaped(&server, &notes).await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(143));
    assert_gone(&pids);
}

#[tokio::test]
async fn flood_stops_all_that_comes_from_the_command() {
    let notes = Notes::new();
    let server = Server::start(&options(&["--max-output", "10", "--timeout", "600"]), &INPUT);
    let script = format!("setsid sleep 600 & echo $! > {}; yes", notes.at("pids"));
    server.post(script).await.problem(500, "output-too-large");
    assert!(!alive(notes.pids("pids", 1).await[0]));
}

#[tokio::test]
async fn command_that_stays_takes_all_with_it() {
    let notes = Notes::new();
    let script = format!(
        "read line; (setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! >> {0}); echo $$ >> {0}; \
         while :; do sleep 600; done",
        notes.at("pids")
    );
    let options = ["--mode", "lines", "--timeout", "600", "--grace", "0.2"];
    let server = Server::script(&options, &script);
    let job = server.submit("x").await;
    let pids = notes.pids("pids", 2).await;
    assert_eq!(server.ask("DELETE", &format!("/jobs/{job}"), &[], "").await.status, 202);
    server.until_job(&job, "cancelled").await;
    assert_gone(&pids);
}

#[tokio::test]
async fn each_process_gets_the_signal_once() {
    let notes = Notes::new();
    let heed = |name: &str| {
        let (pids, terms) = (notes.at("pids"), notes.at(name));
        let script = format!(
            "trap 'echo >> {terms}; sleep 0.3; exit' TERM; echo $$ >> {pids}; \
             while :; do sleep 0.01; done"
        );
        let file = format!("{name}-script");
        std::fs::write(notes.path(&file), script).unwrap();
        format!("sh {}", notes.at(&file))
    };
    let (inside, outside, orphan) = (heed("inside"), heed("outside"), heed("orphan"));
    let script =
        format!("setsid {outside} & (setsid {orphan} &); {inside} & exec {}", heed("itself"));
    let server = Server::start(&["--grace", "60"], &INPUT);
    let job = server.submit(script).await;
    let pids = notes.pids("pids", 4).await;
    server.ask("DELETE", &format!("/jobs/{job}"), &[], "").await;
    server.until_job(&job, "cancelled").await;
    until_dead(&pids).await;
    for name in ["inside", "outside", "orphan", "itself"] {
        assert_eq!(notes.read(name), "\n", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_behind_on_purpose_stays() {
    const JOBS: usize = 100;
    let notes = Notes::new();
    let leave = |how: &str| {
        format!(
            "{how} sh -c 'echo $$ >> {}; exec sleep 600' </dev/null >/dev/null 2>&1",
            notes.at("pids")
        )
    };
    let options = ["--workers", "4", "--queue", "200", "--grace", "0.2", "--timeout", "600"];
    let mut server = Server::start(&options, &INPUT);
    let (behind, forked) = (format!("{} &", leave("setsid")), leave("setsid --fork"));
    for script in [behind, forked] {
        let mut jobs = Vec::new();
        for _ in 0..JOBS {
            jobs.push(server.submit(script.clone()).await);
        }
        for job in &jobs {
            server.until_job(job, "succeeded").await;
        }
    }
    let pids = notes.pids("pids", 2 * JOBS).await;
    // Neither another job that is stopped takes them with it, nor the end of the service.
    let job = server.submit("sleep 600").await;
    server.until_job(&job, "running").await;
    server.ask("DELETE", &format!("/jobs/{job}"), &[], "").await;
    server.until_job(&job, "cancelled").await;
    let job = server.submit("sleep 600").await;
    server.until_job(&job, "running").await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(143));
    let lost: Vec<_> = pids.iter().filter(|pid| !alive(**pid)).collect();
    kill(&pids);
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn what_holds_the_outputs_in_another_group_ends_with_the_job() {
    let notes = Notes::new();
    let server = Server::start(&["--grace", "0.2"], &INPUT);
    let script =
        format!("timeout 600 sh -c 'echo $$ > {}; sleep 600' & echo out", notes.at("pids"));
    // It is there in time, or is killed before it writes its number.
    let script = format!("{script}; {}", notes.wait_for("pids"));
    assert_eq!(server.post(script).await.text(), "out\n");
    assert!(!alive(notes.pids("pids", 1).await[0]));
}

/// The processes whose parent is this one, and whether each has ended.
fn children(of: u32) -> Vec<(u32, bool)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
        let (start, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        if fields[1] == of.to_string() {
            let id = start.split_once(' ').unwrap().0.parse().unwrap();
            found.push((id, fields[0] == "Z"));
        }
    }
    found
}

#[tokio::test]
async fn orphans_are_adopted_and_reaped() {
    let notes = Notes::new();
    let server = Server::start(&["--workers", "4"], &INPUT);
    let script = format!(
        "setsid sh -c 'echo $$ >> {}; {}' </dev/null >/dev/null 2>&1 &",
        notes.at("pids"),
        notes.wait_for("gate")
    );
    for _ in 0..20 {
        assert_eq!(server.post(script.clone()).await.status, 200);
    }
    let pids = notes.pids("pids", 20).await;
    let of_server = children(server.pid());
    assert!(pids.iter().all(|pid| of_server.contains(&(*pid, false))), "{of_server:?}");
    notes.write("gate");
    until("orphans to be reaped", || children(server.pid()).is_empty()).await;
    assert_eq!(server.post("echo still here").await.text(), "still here\n");
}
