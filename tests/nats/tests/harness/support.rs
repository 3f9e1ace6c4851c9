//! Streams, by hand.

use levada_nats_test::request;
use std::io;

/// Makes a stream of this name.
pub(crate) async fn create(url: &str, stream: &str, replicas: u32) {
    let config = serde_json::json!({
        "name": stream, "subjects": [format!("{stream}.>")], "storage": "file",
        "num_replicas": replicas,
    });
    let subject = format!("$JS.API.STREAM.CREATE.{stream}");
    request(url, &subject, &config.to_string()).await.unwrap();
}

/// Stores one message.
pub(crate) async fn store(url: &str, stream: &str) -> io::Result<()> {
    let stored = request(url, &format!("{stream}.a"), "hello").await?;
    assert_eq!(stored["stream"], stream);
    Ok(())
}

/// How many messages a stream has.
pub(crate) async fn messages(url: &str, stream: &str) -> io::Result<u64> {
    let info = request(url, &format!("$JS.API.STREAM.INFO.{stream}"), "").await?;
    Ok(info["state"]["messages"].as_u64().unwrap())
}
