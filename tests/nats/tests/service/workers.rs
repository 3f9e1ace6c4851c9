//! Workers that are killed, stopped, paused and cut off.

use crate::member::Member;
use crate::site::{Site, until_dead};
use futures_util::future::join_all;
use levada_nats_test::{Proxy, Server, request, until};
use std::time::Duration;
use tokio::time::sleep;

/// Waits until the job of this id has begun, and returns the process of its command.
async fn began(site: &Site, front_end: &Member, id: &str, name: &str) -> u32 {
    front_end.job(id, &["running"]).await;
    site.until_effects(name, 1).await[0].pid
}

#[tokio::test]
async fn the_job_of_a_killed_worker_runs_again() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let worker = site.worker(&server.url());
    let id = front_end.submit("one wait go").await;
    began(&site, &front_end, &id, "one").await;
    worker.kill();
    let _other = site.worker(&server.url());
    site.until_effects("one", 2).await;
    let job = front_end.job(&id, &["running"]).await;
    assert_eq!(job["interruptions"], 1, "{job}");
    site.let_go("go");
    assert_eq!(front_end.result(&id).await, "one 2");
    let job = front_end.ended_job(&id).await;
    assert_eq!((&job["state"], &job["attempt"]), (&"succeeded".into(), &2.into()), "{job}");
    assert_eq!(site.all_effects().len(), 2);
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_ends_what_it_runs_and_takes_nothing_more() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let stopped = site.worker(&server.url());
    stopped.ready().await;
    let running = [front_end.submit("a wait go").await, front_end.submit("b wait go").await];
    for (id, name) in running.iter().zip(["a", "b"]) {
        began(&site, &front_end, id, name).await;
    }
    let mut waiting = Vec::new();
    for number in 0..10 {
        waiting.push(front_end.submit(&format!("w-{number}")).await);
    }
    stopped.terminate();
    let _other = site.worker(&server.url());
    for (number, id) in waiting.iter().enumerate() {
        assert_eq!(front_end.result(id).await, format!("w-{number} 1"));
    }
    assert_eq!(stopped.ended(), None, "it waits for its commands");
    site.let_go("go");
    assert_eq!(stopped.exit().await.code(), Some(0));
    for (id, name) in running.iter().zip(["a", "b"]) {
        assert_eq!(front_end.result(id).await, format!("{name} 1"));
        let job = front_end.ended_job(id).await;
        assert!(job["interruptions"].is_null(), "{job}");
    }
    assert_eq!(site.all_effects().len(), 12, "each once");
}

#[tokio::test]
async fn a_worker_that_was_paused_beyond_its_lease_records_nothing_and_kills_its_command() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let paused = site.worker(&server.url());
    let runs = front_end.submit("runs wait runs").await;
    let ended = front_end.submit("ended wait ended").await;
    let old = began(&site, &front_end, &runs, "runs").await;
    let gone = began(&site, &front_end, &ended, "ended").await;
    paused.pause();
    // This command ends while its worker is paused: its result is ready when that continues.
    site.let_go("ended.1");
    until_dead(gone).await;
    let _other = site.worker(&server.url());
    site.until_effects("runs", 2).await;
    site.until_effects("ended", 2).await;
    for id in [&runs, &ended] {
        front_end.job(id, &["running"]).await;
    }
    paused.resume();
    until_dead(old).await;
    until("the worker notices", async || {
        let log = paused.log();
        if log.matches("lease of a job is lost").count() == 2 { Ok(()) } else { Err(log) }
    })
    .await;
    for id in [&runs, &ended] {
        assert_eq!(front_end.job(id, &["running"]).await["attempt"], 2);
    }
    site.let_go("runs.2");
    site.let_go("ended.2");
    assert_eq!(front_end.result(&runs).await, "runs 2");
    assert_eq!(front_end.result(&ended).await, "ended 2");
    assert_eq!(site.all_effects().len(), 4);
    // It goes on working.
    let next = [front_end.submit("x").await, front_end.submit("y").await];
    for id in next {
        assert_eq!(front_end.ended_job(&id).await["state"], "succeeded");
    }
}

/// What a worker does that no server reaches: `break_it` breaks its connection.
async fn cut_off(break_it: fn(&Proxy)) {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let proxy = Proxy::start(server.port());
    let lonely = site.worker(&proxy.url());
    let id = front_end.submit("one wait go").await;
    let pid = began(&site, &front_end, &id, "one").await;
    break_it(&proxy);
    // It cannot renew its lease, and knows when that ends.
    until_dead(pid).await;
    let other = site.worker(&server.url());
    site.until_effects("one", 2).await;
    proxy.heal();
    site.let_go("go");
    assert_eq!(front_end.result(&id).await, "one 2");
    // It is back when it does all the work.
    other.kill();
    let next = front_end.submit("two").await;
    assert_eq!(front_end.result(&next).await, "two 1");
    assert_eq!(lonely.ended(), None);
    assert_eq!(site.all_effects().len(), 3);
}

#[tokio::test]
async fn a_worker_without_a_connection_kills_its_command_when_its_lease_ends() {
    cut_off(Proxy::cut).await;
}

#[tokio::test]
async fn a_worker_with_a_half_open_connection_kills_its_command_when_its_lease_ends() {
    cut_off(Proxy::freeze).await;
}

/// Each time all leases are lost, and both workers have the same jobs again, while their first runs
/// are about to end.
#[tokio::test]
async fn a_consumer_that_is_deleted_under_load_ends_no_job() {
    const JOBS: usize = 120;
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let _workers = [site.worker(&server.url()), site.worker(&server.url())];
    let submit = async |number: usize| {
        let what = if number.is_multiple_of(2) { " attempts 2" } else { "" };
        front_end.submit_to("/q/chaos", &format!("j-{number}{what}")).await
    };
    let ids = join_all((0..JOBS).map(submit)).await;
    let delete = "$JS.API.CONSUMER.DELETE.levada_queue_chaos.receivers";
    for share in 1..8 {
        until("effects", async || {
            let effects = site.all_effects().len();
            if effects >= share * JOBS / 8 { Ok(()) } else { Err(effects) }
        })
        .await;
        // It may not be made again yet.
        drop(request(&server.url(), delete, "").await);
    }
    for id in &ids {
        let job = front_end.ended_job(id).await;
        assert_eq!(job["state"], "succeeded", "{job}");
    }
}

#[tokio::test]
async fn a_worker_whose_connection_breaks_again_and_again_still_takes_jobs() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let proxy = Proxy::start(server.port());
    let front_end = site.front_end(&server.url());
    front_end.ready().await;
    let worker = site.worker(&proxy.url());
    worker.ready().await;
    for round in 0..5 {
        for _ in 0..4 {
            proxy.cut();
            proxy.heal();
            sleep(Duration::from_millis(300)).await;
        }
        let id = front_end.submit(&format!("job-{round}")).await;
        assert!(front_end.result(&id).await.starts_with(&format!("job-{round} ")));
    }
}

#[tokio::test]
async fn a_worker_that_drains_for_longer_than_a_lease_keeps_its_job() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let drained = site.worker(&server.url());
    drained.ready().await;
    let id = front_end.submit("one nap 25").await;
    began(&site, &front_end, &id, "one").await;
    let _other = site.worker(&server.url());
    drained.terminate();
    assert_eq!(front_end.result(&id).await, "one 1");
    assert!(drained.exit().await.success());
    let job = front_end.ended_job(&id).await;
    assert!(job["interruptions"].is_null(), "{job}");
    assert_eq!(site.effects("one").len(), 1);
}

#[tokio::test]
async fn a_worker_with_a_half_open_connection_ends_when_it_is_asked_to() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let proxy = Proxy::start(server.port());
    let front_end = site.front_end(&server.url());
    front_end.ready().await;
    let worker = site.worker(&proxy.url());
    worker.ready().await;
    proxy.freeze();
    worker.terminate();
    worker.exit().await;
}

#[tokio::test]
async fn a_process_that_waits_for_a_server_at_its_start_ends_when_it_is_asked_to() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let proxy = Proxy::start(server.port());
    proxy.freeze();
    let member = site.front_end(&proxy.url());
    until("its handler of signals", async || {
        // Bit 14 of the caught signals is SIGTERM.
        let status = std::fs::read_to_string(format!("/proc/{}/status", member.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        let caught = u64::from_str_radix(caught, 16).unwrap();
        if caught & (1 << 14) != 0 { Ok(()) } else { Err(status) }
    })
    .await;
    member.terminate();
    // A start that fails has code 1.
    assert_eq!(member.exit().await.code(), Some(0), "{}", member.log());
}

#[tokio::test]
async fn a_worker_shows_its_channels() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let worker = site.worker(&server.url());
    let id = front_end.submit("one").await;
    assert_eq!(front_end.result(&id).await, "one 1");
    for member in [&worker, &front_end] {
        let report = member.get("/channels").await.expect(200).json();
        assert_eq!(report["program"]["name"], "levada", "{report}");
        let channels = report["channels"].as_array().unwrap();
        assert!(!channels.is_empty(), "{report}");
        // Those of levada-nats are its own, and have lines instead.
        let text = member.get("/channels?format=text").await.expect(200).text();
        let name = channels.iter().find_map(|channel| channel["name"].as_str()).unwrap();
        assert!(text.contains(name), "{name} is not in {text}");
    }
}
