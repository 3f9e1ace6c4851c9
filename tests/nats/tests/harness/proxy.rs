//! The proxy, in front of a server that sends back what it reads.

use levada_nats_test::{Proxy, until};
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long for a byte on this machine.
const LONG: Duration = Duration::from_millis(500);

/// Sends back what it reads, on a port of its own.
async fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    port
}

async fn connect(proxy: &Proxy) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await
}

/// Sends four bytes, and returns what comes back.
async fn ask(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
    stream.write_all(b"ping").await?;
    answer(stream).await
}

async fn answer(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn everything_passes_and_is_counted() {
    let proxy = Proxy::start(echo().await);
    let mut stream = connect(&proxy).await.unwrap();
    assert_eq!(&ask(&mut stream).await.unwrap(), b"ping");
    let counts = until("the counts", async || {
        let counts = proxy.counts();
        if counts.bytes_to_client == 4 { Ok(counts) } else { Err(counts) }
    })
    .await;
    assert_eq!((counts.connections, counts.bytes_to_server), (1, 4));
    // The end passes as well.
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 4]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_cut_closes_and_refuses() {
    let proxy = Proxy::start(echo().await);
    let mut stream = connect(&proxy).await.unwrap();
    ask(&mut stream).await.unwrap();
    proxy.cut();
    let refused = connect(&proxy).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    ask(&mut stream).await.unwrap_err();
    proxy.heal();
    ask(&mut connect(&proxy).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_freeze_keeps_what_is_sent() {
    let proxy = Proxy::start(echo().await);
    let mut old = connect(&proxy).await.unwrap();
    ask(&mut old).await.unwrap();
    proxy.freeze();
    let mut new = connect(&proxy).await.unwrap();
    old.write_all(b"kept").await.unwrap();
    new.write_all(b"also").await.unwrap();
    timeout(LONG, answer(&mut old)).await.unwrap_err();
    timeout(LONG, answer(&mut new)).await.unwrap_err();
    proxy.heal();
    assert_eq!(&answer(&mut old).await.unwrap(), b"kept");
    assert_eq!(&answer(&mut new).await.unwrap(), b"also");
}

#[tokio::test]
async fn lost_replies_close_the_connection_in_the_end() {
    let proxy = Proxy::start(echo().await);
    let mut stream = connect(&proxy).await.unwrap();
    ask(&mut stream).await.unwrap();
    proxy.drop_replies();
    stream.write_all(b"lost").await.unwrap();
    until("the request at the server", async || {
        let counts = proxy.counts();
        if counts.bytes_to_server == 8 { Ok(()) } else { Err(counts) }
    })
    .await;
    timeout(LONG, answer(&mut stream)).await.unwrap_err();
    assert_eq!(proxy.counts().bytes_to_client, 4);
    let mut other = connect(&proxy).await.unwrap();
    proxy.heal();
    answer(&mut stream).await.unwrap_err();
    ask(&mut other).await.expect("it has lost nothing");
}

#[tokio::test]
async fn a_delay_holds_in_each_direction() {
    let proxy = Proxy::start(echo().await);
    let mut stream = connect(&proxy).await.unwrap();
    proxy.delay(LONG);
    let start = Instant::now();
    ask(&mut stream).await.unwrap();
    assert!(start.elapsed() >= 2 * LONG, "{:?}", start.elapsed());
}

#[tokio::test]
async fn it_works_while_the_test_blocks_its_own_runtime() {
    let proxy = Proxy::start(1);
    let stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    // Nothing listens on port 1, so the proxy closes.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let closed = io::Read::read(&mut &stream, &mut [0; 4]);
    let is_timeout = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    assert!(!closed.as_ref().is_err_and(is_timeout), "{closed:?}");
}
