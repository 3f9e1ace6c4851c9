//! What is hard to bring about from outside.

use super::*;

/// Longer than the system takes to ask again.
#[cfg(target_os = "linux")]
const LONG: Duration = Duration::from_secs(10);

/// Many connect before one of them is accepted.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_may_come_at_once() {
    let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let count = limit.trim().parse::<usize>().unwrap().min(500);
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..count).map(|_| std::net::TcpStream::connect_timeout(&address, LONG));
    assert_eq!(clients.collect::<io::Result<Vec<_>>>().unwrap().len(), count);
}

#[tokio::test]
async fn an_address_is_free_again_at_once() {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let client = tokio::net::TcpStream::connect(address).await.unwrap();
    // Ended from this side, so the system remembers it for a while.
    drop(listener.accept().await.unwrap());
    drop((listener, client));
    bind(address).unwrap();
}
