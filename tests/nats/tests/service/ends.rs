//! Ends of jobs whose event is missing: the process that stored one of them died before it
//! published the event.

use crate::site::Site;
use crate::sse::Event;
use levada_nats_test::{Server, request};

const STREAM: &str = "levada_service_events";

#[tokio::test]
async fn a_front_end_that_starts_publishes_the_end_that_has_no_event() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    let worker = site.worker(&server.url());
    let mut events = front_end.events("/events", None).await;
    let first = front_end.submit("first").await;
    let start = events.of("finished", &first).await.id.unwrap();
    let (missing, there) = (front_end.submit("missing").await, front_end.submit("there").await);
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let event = events.next().await.unwrap().unwrap();
        ends.extend(Some(event).filter(|event| event.name == "finished"));
    }
    front_end.kill();
    worker.kill();
    let end = ends.iter().find(|event| event.job() == missing).unwrap();
    let number = end.id.as_deref().unwrap().rsplit_once('-').unwrap().1;
    let subject = format!("$JS.API.STREAM.MSG.DELETE.{STREAM}");
    let deletion = format!(r#"{{"seq":{number}}}"#);
    request(&server.url(), &subject, &deletion).await.unwrap();
    // It forgets the ids of what it does not have.
    server.kill();
    server.restart().await;

    front_end.restart().await;
    let mut events = front_end.events("/events", Some(&start)).await;
    let mut finished = Vec::new();
    while !finished.iter().any(|event: &Event| event.job() == missing) {
        let event = events.next().await.unwrap().unwrap();
        finished.extend(Some(event).filter(|event| event.name == "finished"));
    }
    assert_eq!(finished.len(), 2, "{finished:?}");
    assert_eq!(finished[0].job(), there);
    assert_eq!(finished[1].data["state"], end.data["state"]);
}
