//! A client with what the tests need: one request a connection (HTTP/1.0), and event streams.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn request_text(method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.0\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) async fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request_text(method, path, body).as_bytes()).await?;
    let mut text = String::new();
    connection.read_to_string(&mut text).await?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.into(), body: body.into() })
}

pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    try_request(address, method, path, body).await.expect("the service answers")
}

/// Sends a reading, again as long as the queue is full.
pub(crate) async fn submit(address: SocketAddr, reading: &str) {
    loop {
        match request(address, "POST", "/readings", reading).await {
            Answer { status: 202, .. } => return,
            Answer { status: 503, .. } => tokio::task::yield_now().await,
            other => panic!("neither accepted nor full: {other:?}"),
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: String,
}

/// A client of `/events`. It reads nothing unless it is asked for an event.
pub(crate) struct EventReader {
    connection: BufReader<TcpStream>,
}

impl EventReader {
    /// Returns when the head of the response is there: from then on, the reader is subscribed. A
    /// small receive buffer makes it a client that slows the service down at once.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("there is a socket");
        socket.set_recv_buffer_size(4096).expect("the buffer can be set");
        let mut stream = socket.connect(address).await.expect("the service accepts");
        let request = request_text("GET", "/events", "");
        stream.write_all(request.as_bytes()).await.expect("the service reads");
        let mut connection = BufReader::new(stream);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let read = connection.read_until(b'\n', &mut head).await.expect("the service answers");
            assert_ne!(read, 0, "it ended in the head: {}", String::from_utf8_lossy(&head));
        }
        assert!(head.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&head));
        Self { connection }
    }

    /// The next event. `None`: the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line).await.expect("the stream can be read") == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("event", name)) => event.name = name.trim_start().into(),
                Some(("id", id)) => event.id = id.trim_start().parse().ok(),
                Some(("data", data)) => event.data = data.trim_start().into(),
                Some(_comment) => {}
                None if event != Event::default() => return Some(event),
                None => {}
            }
        }
    }
}

/// What an event reader got, and what it was told that it missed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) received: u64,
    pub(crate) missed: u64,
}

impl Account {
    /// Adds an event, and checks that exactly what is missing was announced.
    pub(crate) fn add(&mut self, event: &Event) {
        match event.name.as_str() {
            "lagged" => self.missed += event.data.parse::<u64>().expect("it is a number"),
            "written" => {
                self.received += 1;
                assert_eq!(event.id, Some(self.received + self.missed), "rows are in order");
            }
            other => panic!("there is no event {other:?}"),
        }
    }
}
