//! Which processes a cluster has, as its front ends show them.

use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Server, request, until};
use serde_json::Value;

/// The members at a front end, as soon as they are as they should be.
async fn members(front_end: &Member, is_right: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    until("the members of the cluster", async || {
        let queues = front_end.get("/queues").await.expect(200).json();
        let members = queues["cluster"]["members"].as_array().cloned();
        let members = members.unwrap_or_else(|| panic!("no members: {queues}"));
        if is_right(&members) { Ok(members) } else { Err(members) }
    })
    .await
}

/// Those that have these process ids, in this order.
fn are(members: &[Value], pids: &[u32]) -> bool {
    members.iter().map(|member| &member["pid"]).eq(pids)
}

/// What the bucket has of the worker that changed last: nothing if it left.
async fn lease_of_a_worker(url: &str) -> Option<Value> {
    let subject = "$JS.API.STREAM.MSG.GET.KV_levada_members_service";
    let last = r#"{"last_by_subj":"$KV.levada_members_service.receiver.*"}"#;
    let message = request(url, subject, last).await.ok()?["message"]["data"].clone();
    (!message.is_null() && message != "").then_some(message)
}

#[tokio::test]
async fn every_front_end_shows_all_processes_and_what_they_do() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let first = site.front_end(&server.url());
    first.ready().await;
    let worker = site.worker(&server.url());
    worker.ready().await;
    let second = site.front_end(&server.url());
    second.ready().await;
    let pids = [first.pid(), worker.pid(), second.pid()];
    for front_end in [&first, &second] {
        let members = members(front_end, |members| are(members, &pids)).await;
        let kinds: Vec<_> = members.iter().map(|member| member["kind"].clone()).collect();
        assert_eq!(kinds, ["front-end", "worker", "front-end"]);
        // Two for each of four queues, and six for that of the chaos runs.
        let seats: Vec<_> = members.iter().map(|member| member["seats"].clone()).collect();
        assert_eq!(seats, [0, 14, 0]);
        for member in &members {
            assert!(member["host"].as_str().is_some_and(|host| !host.is_empty()), "{member}");
            assert!(member["since"].as_str().is_some_and(|time| time.ends_with('Z')), "{member}");
            assert_eq!((&member["draining"], &member["running"]), (&false.into(), &0.into()));
        }
        let metrics = front_end.get("/metrics").await.expect(200).text();
        for line in [r#"levada_members{kind="front-end"} 2"#, r#"levada_members{kind="worker"} 1"#]
        {
            assert!(metrics.contains(line), "{metrics}");
        }
    }
    let queues = first.get("/queues").await.expect(200).json();
    assert_eq!(queues["cluster"]["name"], "levada");
    assert_eq!(queues["cluster"]["durability"], "lazy");

    let id = first.submit("one wait go").await;
    members(&second, |members| members.iter().any(|member| member["running"] == 1)).await;
    worker.terminate();
    members(&second, |members| members.iter().any(|member| member["draining"] == true)).await;
    site.let_go("go");
    assert_eq!(first.result(&id).await, "one 1");
}

#[tokio::test]
async fn a_process_that_is_killed_is_gone_after_its_lease_and_one_that_ends_in_order_at_once() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    front_end.ready().await;
    let (killed, drained) = (site.worker(&server.url()), site.worker(&server.url()));
    killed.ready().await;
    drained.ready().await;
    members(&front_end, |members| members.len() == 3).await;
    let (left, front) = (drained.pid(), front_end.pid());
    killed.kill();
    // Nothing of it says so: its lease ends by itself.
    members(&front_end, |members| are(members, &[front, left])).await;

    drained.terminate();
    assert!(drained.exit().await.success());
    // The servers know it before the process has ended.
    assert_eq!(lease_of_a_worker(&server.url()).await, None);
    members(&front_end, |members| are(members, &[front])).await;
}
