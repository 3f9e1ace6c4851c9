//! A reader of server-sent events.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::within;

/// A reader of server-sent events on a connection of its own.
pub(crate) struct Events(BufReader<TcpStream>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    /// The number of the event; what is before the dash names the process.
    pub(crate) fn number(&self) -> Option<u64> {
        Some(self.id.as_ref()?.rsplit_once('-').unwrap().1.parse().unwrap())
    }
}

impl Events {
    /// Reads what happens to all jobs.
    pub(crate) async fn open(stream: TcpStream) -> Self {
        Self::open_at(stream, "/events", None).await
    }

    /// Reads the events at this path, after the one with this id.
    pub(crate) async fn open_at(mut stream: TcpStream, path: &str, last_id: Option<&str>) -> Self {
        let last_id = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{last_id}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    /// The next line that belongs to an event, or `None` when there are no more; heads and the
    /// sizes of chunks do not.
    async fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            let read = within(self.0.read_line(&mut line)).await.unwrap();
            let line = line.trim_end();
            // The last chunk is empty.
            if read == 0 || line == "0" {
                return None;
            }
            if ["id: ", "event: ", "data: "].iter().any(|field| line.starts_with(field)) {
                return Some(line.to_owned());
            }
        }
    }

    /// The next event, or `None` when there are no more.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let (mut id, mut name) = (None, String::new());
        loop {
            let line = self.line().await?;
            match line.split_once(": ").unwrap() {
                ("id", text) => id = Some(text.to_owned()),
                ("event", text) => name = text.to_owned(),
                (_, text) => {
                    return Some(Event { id, name, data: serde_json::from_str(text).unwrap() });
                }
            }
        }
    }

    /// The next event that is not about the queues.
    pub(crate) async fn of_jobs(&mut self) -> Option<Event> {
        loop {
            let event = self.next().await?;
            if event.name != "queues" {
                return Some(event);
            }
        }
    }
}
