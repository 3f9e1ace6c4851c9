//! Streams that are deleted by hand.

use crate::http::{Call, send};
use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Server, request, until};

async fn delete(server: &Server, stream: &str) {
    let subject = format!("$JS.API.STREAM.DELETE.{stream}");
    request(&server.url(), &subject, "").await.unwrap();
}

/// Has a job accepted as soon as that is possible. Before, it is refused for a while.
async fn submit_again(front_end: &Member, input: &str) -> String {
    let call = Call::post("/", input.to_owned()).key(input).without_waiting();
    until("a job that is accepted", async || {
        let answer = send(front_end.address().unwrap(), &call).await.unwrap();
        if let (200 | 202, Some(id)) = (answer.status, answer.job()) {
            return Ok(id.to_owned());
        }
        assert_eq!(answer.clone().expect(503).problem(), "store-away", "{}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        Err(answer.text())
    })
    .await
}

#[tokio::test]
async fn a_queue_whose_stream_was_deleted_is_made_again_and_loses_no_job() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_ends = [site.front_end(&server.url()), site.front_end(&server.url())];
    let worker = site.worker(&server.url());
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(front_ends[number % 2].submit(&format!("j-{number} wait go")).await);
    }
    for name in ["j-0", "j-1"] {
        site.until_effects(name, 1).await;
    }
    delete(&server, "levada_queue_default").await;
    for (number, front_end) in front_ends.iter().enumerate() {
        ids.push(submit_again(front_end, &format!("new-{number}")).await);
    }
    let mut logs = front_ends.iter().map(Member::log);
    assert!(logs.any(|log| log.contains("stream of the queue was deleted")));
    // Those that ran lose their leases, and run again.
    until("lost leases", async || {
        let log = worker.log();
        if log.matches("lease of a job is lost").count() == 2 { Ok(()) } else { Err(log) }
    })
    .await;
    site.let_go("go");
    for name in ["j-0", "j-1"] {
        site.until_effects(name, 2).await;
    }
    for front_end in &front_ends {
        for id in &ids {
            let job = front_end.ended_job(id).await;
            assert_eq!(job["state"], "succeeded", "{job}");
        }
    }
    for number in 2..6 {
        assert!(!site.effects(&format!("j-{number}")).is_empty());
    }
    assert_eq!(worker.ended(), None);
}

/// What is lost with the stream is lost: but it is not silent, and a restart mends it.
async fn is_refused_until_a_restart(stream: &str) {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_ends = [site.front_end(&server.url()), site.front_end(&server.url())];
    let worker = site.worker(&server.url());
    let before = front_ends[0].submit("before").await;
    assert_eq!(front_ends[1].result(&before).await, "before 1");
    delete(&server, stream).await;
    for front_end in &front_ends {
        let call = Call::post("/", "refused").without_waiting();
        let answer = send(front_end.address().unwrap(), &call).await.unwrap().expect(503);
        assert_eq!(answer.problem(), "store-away", "{}", answer.text());
    }
    for front_end in &front_ends {
        front_end.kill();
        front_end.restart().await;
    }
    for (number, front_end) in front_ends.iter().enumerate() {
        let id = front_end.submit(&format!("after-{number}")).await;
        assert_eq!(front_ends[1 - number].result(&id).await, format!("after-{number} 1"));
    }
    assert_eq!(worker.ended(), None);
}

#[tokio::test]
async fn without_the_records_jobs_are_refused_until_the_front_ends_start_again() {
    is_refused_until_a_restart("levada_service_records").await;
}

#[tokio::test]
async fn without_the_bodies_jobs_are_refused_until_the_front_ends_start_again() {
    is_refused_until_a_restart("levada_service_bodies").await;
}
