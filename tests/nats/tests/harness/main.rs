//! The harness does what it says.

use levada_nats_test::{Server, request};

/// Stores one message in a stream of this name, which exists afterwards.
async fn store(url: &str, stream: &str) {
    let config = format!(r#"{{"name":"{stream}","subjects":["{stream}.>"],"storage":"file"}}"#);
    request(url, &format!("$JS.API.STREAM.CREATE.{stream}"), &config).await.unwrap();
    let stored = request(url, &format!("{stream}.a"), "hello").await.unwrap();
    assert_eq!(stored["stream"], stream);
}

/// How many messages a stream has.
async fn messages(url: &str, stream: &str) -> u64 {
    let info = request(url, &format!("$JS.API.STREAM.INFO.{stream}"), "").await.unwrap();
    info["state"]["messages"].as_u64().unwrap()
}

#[tokio::test]
async fn a_killed_server_keeps_its_port_and_its_messages() {
    let server = Server::start().await;
    let (url, pid) = (server.url(), server.pid());
    store(&url, "S").await;
    server.kill();
    request(&url, "$JS.API.INFO", "").await.unwrap_err();
    server.restart().await;
    assert_ne!(server.pid(), pid);
    assert_eq!(messages(&url, "S").await, 1);
}
