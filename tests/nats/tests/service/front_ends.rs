//! What one front end accepted, another one knows.

use crate::http::{Call, send};
use crate::site::{Site, until_dead};
use levada_nats_test::{Server, until};

/// The ids of all jobs, the newest first, as a front end lists them.
async fn list(front_end: &crate::member::Member) -> Vec<String> {
    let list = front_end.get("/jobs?limit=200").await.expect(200).json();
    let jobs = list["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_job_of_one_front_end_is_seen_and_waited_for_at_the_other() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let ids = [a.submit("one wait go").await, b.submit("two wait go").await];
    for front_end in [&a, &b] {
        for id in &ids {
            let job = front_end.job(id, &["running"]).await;
            assert_eq!(job["attempt"], 1, "{job}");
        }
    }
    let (at_a, at_b) = tokio::join!(async { a.result(&ids[1]).await }, async {
        site.until_effects("one", 1).await;
        site.let_go("go");
        b.result(&ids[0]).await
    });
    assert_eq!((at_a.as_str(), at_b.as_str()), ("two 1", "one 1"));
    until("two equal lists", async || {
        let lists = (list(&a).await, list(&b).await);
        if lists.0 == lists.1 && lists.0.len() == 2 { Ok(()) } else { Err(lists) }
    })
    .await;
    for id in &ids {
        assert_eq!(a.ended_job(id).await, b.ended_job(id).await);
    }
    assert_eq!(site.all_effects().len(), 2);
}

#[tokio::test]
async fn a_client_of_the_other_front_end_waits_for_its_own_job() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let answers = tokio::join!(a.send(Call::post("/", "x")), b.send(Call::post("/", "y")));
    assert_eq!(answers.0.expect(200).text(), "x 1");
    assert_eq!(answers.1.expect(200).text(), "y 1");
}

#[tokio::test]
async fn a_job_is_cancelled_and_run_again_at_another_front_end() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let id = a.submit("one wait go").await;
    b.job(&id, &["running"]).await;
    let first = site.until_effects("one", 1).await.remove(0);
    b.send(Call::new("DELETE", format!("/jobs/{id}"))).await.expect(202);
    for front_end in [&a, &b] {
        assert_eq!(front_end.ended_job(&id).await["state"], "cancelled");
    }
    until_dead(first.pid).await;
    a.send(Call::post(format!("/jobs/{id}/retry"), "")).await.expect(202);
    b.job(&id, &["queued", "running"]).await;
    site.let_go("go");
    assert_eq!(b.result(&id).await, "one 2");
    assert_eq!(a.result(&id).await, "one 2");
    assert_eq!(site.effects("one").len(), 2);
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_at_another_front_end_and_does_not_run() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let id = a.submit("never").await;
    b.job(&id, &["queued"]).await;
    let cancelled = b.send(Call::new("DELETE", format!("/jobs/{id}"))).await.expect(200);
    assert_eq!(cancelled.json()["state"], "cancelled");
    assert_eq!(a.ended_job(&id).await["state"], "cancelled");
    let _worker = site.worker(&server.url());
    // The queue is in order: when this one has run, the other one was taken.
    let after = a.submit("after").await;
    assert_eq!(b.result(&after).await, "after 1");
    assert!(site.effects("never").is_empty());
}

#[tokio::test]
async fn a_key_used_at_both_front_ends_at_once_is_one_job() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    for number in 0..20 {
        let name = format!("keyed-{number}");
        let call = Call::post("/", name.clone()).key(&name);
        let (at_a, at_b) = tokio::join!(a.send(call.clone()), b.send(call.clone()));
        assert_eq!(at_a.job(), at_b.job(), "{at_a:?} {at_b:?}");
        for answer in [at_a, at_b] {
            assert_eq!(answer.expect(200).text(), format!("{name} 1"));
        }
        assert_eq!(site.effects(&name).len(), 1);
    }
    let reused = Call::post("/", "another input").key("keyed-0");
    assert_eq!(b.send(reused).await.expect(422).problem(), "idempotency-key-reused");
}

#[tokio::test]
async fn a_front_end_that_starts_later_knows_what_was_before() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let a = site.front_end(&server.url());
    let worker = site.worker(&server.url());
    let (ended, failed) = (a.submit("ended").await, a.submit("failed exit 65").await);
    assert_eq!(a.result(&ended).await, "ended 1");
    assert_eq!(a.ended_job(&failed).await["exit_code"], 65);
    worker.kill();
    let waits = a.submit("waits").await;
    a.kill();
    let b = site.front_end(&server.url());
    assert_eq!(b.result(&ended).await, "ended 1");
    assert_eq!(b.ended_job(&failed).await["state"], "failed");
    assert_eq!(list(&b).await, [waits.as_str(), failed.as_str(), ended.as_str()]);
    worker.restart().await;
    assert_eq!(b.result(&waits).await, "waits 1");
}

#[tokio::test]
async fn the_client_of_a_killed_front_end_gets_its_result_at_the_other() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let call = Call::post("/", "one wait go").key("one");
    let address = a.ready().await;
    let waiting = tokio::spawn({
        let call = call.clone();
        async move { send(address, &call).await }
    });
    site.until_effects("one", 1).await;
    a.kill();
    waiting.await.unwrap().unwrap_err();
    site.let_go("go");
    assert_eq!(b.send(call).await.expect(200).text(), "one 1");
    assert_eq!(site.all_effects().len(), 1);
}

#[tokio::test]
async fn events_are_read_at_any_front_end_from_where_another_one_ended() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let (mut at_a, mut at_b) = (a.events("/events", None).await, b.events("/events", None).await);
    let first = b.submit("first").await;
    let end = at_a.of("finished", &first).await;
    assert_eq!(end, at_b.of("finished", &first).await);
    assert_eq!(end.data["state"], "succeeded", "{end:?}");
    drop((at_a, at_b));

    let second = a.submit("second").await;
    a.result(&second).await;
    let mut resumed = b.events("/events", end.id.as_deref()).await;
    let mut names = Vec::new();
    while !names.contains(&"finished".to_owned()) {
        let event = resumed.next().await.unwrap().unwrap();
        assert_eq!(event.job(), second, "only what was missed: {event:?}");
        names.push(event.name);
    }
    // The worker may be faster than the front end.
    names[..2].sort();
    assert_eq!(names, ["accepted", "started", "finished"]);
}

#[tokio::test]
async fn events_of_one_job_are_read_at_the_other_front_end() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    let id = a.submit("one wait go").await;
    b.job(&id, &["running"]).await;
    let mut events = b.events(&format!("/jobs/{id}/events"), None).await;
    let state = events.next().await.unwrap().unwrap();
    assert_eq!((state.name.as_str(), &state.data["state"]), ("state", &"running".into()));
    site.let_go("go");
    let end = events.of("finished", &id).await;
    assert_eq!(end.data["state"], "succeeded", "{end:?}");
    assert_eq!(events.next().await.unwrap(), None, "the stream ends with the job");
}
