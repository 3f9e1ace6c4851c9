//! One server.

use crate::support::{create, messages, store};
use levada_nats_test::{Server, request, until};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_killed_server_keeps_its_port_and_its_messages() {
    let server = Server::start().await;
    let (url, pid) = (server.url(), server.pid());
    create(&url, "S", 1).await;
    store(&url, "S").await.unwrap();
    server.kill();
    request(&url, "$JS.API.INFO", "").await.unwrap_err();
    server.restart().await;
    assert_ne!(server.pid(), pid);
    assert_eq!(messages(&url, "S").await.unwrap(), 1);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = Server::start().await;
    let port = server.port();
    connect(port).await.unwrap();
    drop(server);
    assert_eq!(connect(port).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

/// Connects to a port: a process that is dead, and that no process has waited for, has none.
async fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
}

#[tokio::test]
async fn a_paused_server_answers_when_it_is_resumed() {
    let server = Server::start().await;
    let url = server.url();
    server.pause();
    let asked = tokio::spawn(async move { request(&url, "$JS.API.INFO", "").await });
    // It accepts connections: the kernel does that. A second is long for an answer.
    timeout(Duration::from_secs(1), asked).await.unwrap_err();
    server.resume();
    request(&server.url(), "$JS.API.INFO", "").await.unwrap();
}

#[tokio::test]
async fn a_lame_duck_says_so() {
    let server = Server::start().await;
    server.lame_duck();
    until("the log to say it", async || {
        if server.log().contains("lame duck mode") { Ok(()) } else { Err(server.log()) }
    })
    .await;
}

#[tokio::test]
async fn settings_are_those_of_the_server() {
    let server = Server::builder()
        .user("alice", "secret")
        .max_payload(2048)
        .sync_always()
        .config("ping_interval: \"7s\"")
        .start()
        .await;
    let refused = request(&server.url(), "$JS.API.INFO", "").await.unwrap_err();
    assert!(refused.to_string().contains("Authorization Violation"), "{refused}");
    let url = server.url().replace("//", "//alice:secret@");
    request(&url, "$JS.API.INFO", "").await.unwrap();
    let varz = server.monitor("/varz").await.unwrap();
    assert_eq!(varz["max_payload"], 2048);
    assert_eq!(varz["ping_interval"], 7_000_000_000_u64);
    assert_eq!(varz["jetstream"]["config"]["sync_always"], true);
}

#[tokio::test]
async fn without_jetstream_nothing_replies() {
    let server = Server::builder().without_jetstream().start().await;
    let error = request(&server.url(), "$JS.API.INFO", "").await.unwrap_err();
    assert!(error.to_string().contains("no responders"), "{error}");
}

#[tokio::test]
async fn tls_has_certificates_that_exist() {
    let server = Server::builder().tls_for_both().start().await;
    assert!(server.url().starts_with("tls://localhost:"));
    let files = server.certificates();
    for file in [&files.authority, &files.client, &files.client_key] {
        assert!(file.is_file(), "{}", file.display());
    }
    // Only a client that speaks TLS is served.
    request(&server.url(), "$JS.API.INFO", "").await.unwrap_err();
    let varz = server.monitor("/varz").await.unwrap();
    assert_eq!((&varz["tls_required"], &varz["tls_verify"]), (&true.into(), &true.into()));
}

#[tokio::test]
async fn old_versions_start_as_well() {
    for version in ["2.11.11", "2.12.8", "2.14.6"] {
        let server = Server::builder().version(version).start().await;
        assert_eq!(server.monitor("/varz").await.unwrap()["version"], version);
    }
}

/// Starts a server, says its port, and waits to be killed: not a test of its own.
#[tokio::test]
#[ignore = "`no_server_outlives_a_killed_process` starts it"]
async fn hold_a_server_until_killed() {
    let Some(path) = std::env::var_os("LEVADA_NATS_TEST_PORT") else { return };
    let server = Server::start().await;
    let hidden = Path::new(&path).with_extension("new");
    std::fs::write(&hidden, server.port().to_string()).unwrap();
    std::fs::rename(hidden, path).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn no_server_outlives_a_killed_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("port");
    let mut test = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "server::hold_a_server_until_killed"])
        .env("LEVADA_NATS_TEST_PORT", &file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let port: u16 = until("the server of the other process", async || {
        assert!(test.try_wait().unwrap().is_none(), "the other process has ended");
        std::fs::read_to_string(&file).map(|text| text.parse().unwrap())
    })
    .await;
    connect(port).await.unwrap();
    test.kill().unwrap();
    test.wait().unwrap();
    until("its end", async || match connect(port).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        other => Err(other),
    })
    .await;
}
