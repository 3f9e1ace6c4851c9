//! Which servers levada-nats takes, by servers of those versions.
#![forbid(unsafe_code)]

use levada_nats::{ConnectError, connect};
use levada_nats_test::{Server, request, until};

#[tokio::test]
async fn servers_with_known_faults_are_refused_and_nothing_is_left() {
    for version in ["2.11.11", "2.12.8"] {
        let server = Server::builder().version(version).start().await;
        let error = connect(&server.url()).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Version { version: found } if found == version));
        let text = error.to_string();
        for part in [version, "2.12.9 or newer", "upgrade the server"] {
            assert!(text.contains(part), "{text}");
        }
        until("the end of the connection", async || match server.monitor("/connz").await {
            Ok(info) if info["num_connections"] == 0 => Ok(()),
            other => Err(other),
        })
        .await;
        let account = request(&server.url(), "$JS.API.INFO", "").await.unwrap();
        assert_eq!(account["streams"], 0);
    }
}

#[tokio::test]
async fn the_newest_of_a_release_is_taken() {
    let server = Server::builder().version("2.14.6").start().await;
    let connection = connect(&server.url()).await.unwrap();
    assert_eq!(connection.server_version(), "2.14.6");
    assert!(connection.state().borrow().is_connected());
}
