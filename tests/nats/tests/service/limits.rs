//! Full queues, large bodies, retries.

use crate::http::Call;
use crate::member::Member;
use crate::site::Site;
use levada_nats_test::Server;
use std::fs;

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for number in 0..20 {
        let front_end = if number % 2 == 0 { &a } else { &b };
        let name = format!("s-{number}");
        let call = Call::post("/q/small", name.clone()).without_waiting();
        let answer = front_end.send(call).await;
        if answer.status == 202 {
            accepted.push((answer.job().unwrap().to_owned(), name));
        } else {
            assert_eq!(answer.clone().expect(503).problem(), "queue-full");
            let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(after >= 1, "{answer:?}");
            assert_eq!(answer.job(), None);
            refused += 1;
        }
    }
    // Each front end hears of what the other one accepted a moment later.
    assert!((3..=6).contains(&accepted.len()), "{accepted:?}");
    assert_eq!(accepted.len() + refused, 20);
    let _worker = site.worker(&server.url());
    for (id, name) in &accepted {
        assert_eq!(b.result(id).await, format!("{name} 1"));
    }
    assert_eq!(site.all_effects().len(), accepted.len(), "what was refused does not run");
    let after = a.submit_to("/q/small", "after").await;
    assert_eq!(a.result(&after).await, "after 1");
}

#[tokio::test]
async fn large_inputs_and_outputs_pass_in_pieces() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _worker = site.worker(&server.url());
    // Larger than what a message may have (1 MiB), at the edge of a piece, and nothing.
    for len in [3 << 20, (3 << 20) + 1, 512 << 10, 0] {
        let body: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let answer = a.send(Call::post("/q/cat", body.clone())).await.expect(200);
        assert!(answer.body == body, "{} bytes for {len}", answer.body.len());
        let id = answer.job().unwrap();
        let there = b.ended_job(id).await;
        assert_eq!((&there["input_bytes"], &there["output_bytes"]), (&len.into(), &len.into()));
        let other = b.get(format!("/jobs/{id}/result")).await.expect(200);
        assert!(other.body == body, "{} bytes for {len}", other.body.len());
    }
}

/// The most memory that a process had at once, in bytes.
fn peak_memory(member: &Member) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", member.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn a_large_body_costs_a_front_end_and_a_worker_a_few_pieces_of_memory() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let worker = site.worker(&server.url());
    let body = |len: usize| -> Vec<u8> { (0..len).map(|at| (at % 251) as u8).collect() };
    // What they need for a body of a few pieces.
    front_end.send(Call::post("/q/cat", body(4 << 20))).await.expect(200);
    let members = [&front_end, &worker];
    let before = members.map(peak_memory);
    let large = body(48 << 20);
    let call = Call::post("/q/cat", large.clone()).without_waiting();
    let id = front_end.send(call).await.expect(202).job().unwrap().to_owned();
    front_end.ended_job(&id).await;
    let answer = front_end.get(format!("/jobs/{id}/result")).await.expect(200);
    assert!(answer.body == large, "{} bytes", answer.body.len());
    for (member, before) in members.into_iter().zip(before) {
        let more = peak_memory(member).saturating_sub(before);
        assert!(more < 12 << 20, "{more} bytes more than {before} of {}", member.pid());
    }
}

#[tokio::test]
async fn exit_codes_that_ask_for_it_run_the_job_again_after_a_pause() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let _workers = [site.worker(&server.url()), site.worker(&server.url())];
    let mut events = b.events("/events", None).await;
    let id = a.submit("third attempts 3").await;
    for attempt in 1..3 {
        let event = events.of("retrying", &id).await;
        assert_eq!(event.data["attempt"], attempt, "{event:?}");
        assert_eq!(event.data["exit_code"], 75, "{event:?}");
        // What is left of it when that is recorded.
        let pause = event.data["retry_in_ms"].as_u64().unwrap();
        assert!((1..=100).contains(&pause), "{event:?}");
    }
    events.of("finished", &id).await;
    assert_eq!(b.result(&id).await, "third 3");
    let job = a.ended_job(&id).await;
    assert_eq!(job["attempt"], 3, "{job}");
    assert!(job["interruptions"].is_null(), "{job}");

    let never = Call::post("/", "never exit 75");
    assert_eq!(a.send(never).await.expect(503).problem(), "command-failed");
    assert_eq!(site.effects("never").len(), 3);
    let wrong = Call::post("/", "wrong exit 65");
    assert_eq!(a.send(wrong).await.expect(422).problem(), "command-failed");
    assert_eq!(site.effects("wrong").len(), 1);
}
