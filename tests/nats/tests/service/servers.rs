//! NATS servers that are killed and started again.

use crate::http::{Call, send};
use crate::member::Member;
use crate::site::Site;
use futures_util::future::join_all;
use levada_nats_test::{Server, until};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many jobs each client has accepted.
const JOBS: usize = 60;

/// Submits jobs, each until it is accepted, and returns their ids and names.
async fn submit_all(
    client: usize,
    front_ends: &[Member; 2],
    accepted: &AtomicUsize,
) -> Vec<(String, String)> {
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let name = format!("c{client}-{number}");
        let call = Call::post("/", name.clone()).key(&name).without_waiting();
        let front_end = &front_ends[(client + number) % 2];
        // The process is the same all the time.
        let address = front_end.address().unwrap();
        let id = until(&format!("a place for {name}"), async || {
            let answer = send(address, &call).await.unwrap();
            if let (200 | 202, Some(id)) = (answer.status, answer.job()) {
                return Ok(id.to_owned());
            }
            assert!(answer.header("retry-after").is_some(), "{answer:?} {}", answer.text());
            Err(answer.text())
        })
        .await;
        jobs.push((id, name));
        // ORDERING: Relaxed, no pair: only a count.
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    jobs
}

#[tokio::test]
async fn all_recovers_from_a_killed_server_without_a_restart_of_its_own() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_ends = [site.front_end(&server.url()), site.front_end(&server.url())];
    let workers = [site.worker(&server.url()), site.worker(&server.url())];
    for member in front_ends.iter().chain(&workers) {
        member.ready().await;
    }
    let pids = || -> Vec<_> { front_ends.iter().chain(&workers).map(Member::pid).collect() };
    let before = pids();
    let accepted = AtomicUsize::new(0);
    let clients = join_all((0..4).map(|client| submit_all(client, &front_ends, &accepted)));
    let kills = async {
        for kill in 1..4 {
            until("jobs are accepted", async || {
                // ORDERING: as above.
                let accepted = accepted.load(Ordering::Relaxed);
                if accepted >= kill * JOBS / 2 { Ok(()) } else { Err(accepted) }
            })
            .await;
            server.kill();
            server.restart().await;
        }
    };
    let (jobs, ()) = tokio::join!(clients, kills);
    let jobs = jobs.concat();
    assert_eq!(jobs.len(), 4 * JOBS);
    for (id, name) in &jobs {
        for front_end in front_ends.iter() {
            let job = front_end.ended_job(id).await;
            assert_eq!(job["state"], "succeeded", "{name}: {job}");
        }
        assert!(!site.effects(name).is_empty(), "{name}");
    }
    for member in front_ends.iter().chain(&workers) {
        assert_eq!(member.ended(), None);
    }
    assert_eq!(pids(), before, "and nothing was started again");
}

#[tokio::test]
async fn what_is_accepted_survives_the_end_of_all_processes() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(front_end.submit(&format!("s-{number}")).await);
    }
    server.kill();
    front_end.kill();
    server.restart().await;
    front_end.restart().await;
    let _worker = site.worker(&server.url());
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(front_end.result(id).await, format!("s-{number} 1"));
    }
}
