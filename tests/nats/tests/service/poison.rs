//! A job that kills its worker.

use crate::http::Call;
use crate::site::Site;
use levada_nats_test::{Server, until};

#[tokio::test]
async fn a_job_that_kills_its_workers_fails_and_the_others_go_on() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let workers: Vec<_> = (0..4).map(|_| site.worker(&server.url())).collect();
    for worker in &workers {
        worker.ready().await;
    }
    let poison = front_end.submit("poison poison").await;
    let mut others = Vec::new();
    for number in 0..20 {
        others.push(front_end.submit(&format!("o-{number} nap 0.2")).await);
    }
    // Three leases, one after the other.
    let job = until("the end of the poison", async || {
        let job = front_end.get(format!("/jobs/{poison}")).await.json();
        if job["state"] == "failed" { Ok(job) } else { Err(job) }
    })
    .await;
    assert_eq!((&job["interruptions"], &job["attempt"]), (&3.into(), &3.into()), "{job}");
    let result = front_end.send(Call::get(format!("/jobs/{poison}/result"))).await.expect(500);
    assert_eq!(result.problem(), "interrupted-too-often");
    assert_eq!(site.effects("poison").len(), 3);
    let dead = workers.iter().filter(|worker| worker.ended().is_some()).count();
    assert_eq!(dead, 3, "and it kills no fourth one");
    for id in &others {
        assert_eq!(front_end.ended_job(id).await["state"], "succeeded");
    }
}
