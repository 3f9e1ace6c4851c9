//! A reader of server-sent events.

use crate::http::{Call, open};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use levada_nats_test::PATIENCE;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use tokio::time::timeout;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    /// The job that it is about.
    pub(crate) fn job(&self) -> &str {
        self.data["job"].as_str().unwrap_or_default()
    }
}

/// The events of one answer.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    /// Reads the events at this path, after the one with the id `last`.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        last: Option<&str>,
    ) -> io::Result<Self> {
        let mut call = Call::get(path);
        if let Some(last) = last {
            call = call.header("Last-Event-ID", last);
        }
        let answer = open(address, &call).await?;
        assert_eq!(answer.status(), 200, "{path}: {answer:?}");
        Ok(Self { body: answer.into_body(), text: String::new() })
    }

    /// The next event that is not about the queues; nothing at the end of the stream. An error is
    /// the end of the connection.
    ///
    /// # Panics
    /// If none comes within [`PATIENCE`].
    pub(crate) async fn next(&mut self) -> io::Result<Option<Event>> {
        match timeout(PATIENCE, self.read()).await {
            Ok(event) => event,
            Err(_) => panic!("no event within {PATIENCE:?}"),
        }
    }

    /// As [`next`](Self::next), however long it takes.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Event>> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = parse(event);
                self.text = rest.to_owned();
                if let Some(event) = event.filter(|event| event.name != "queues") {
                    return Ok(Some(event));
                }
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(io::Error::other)?;
            let bytes = frame.into_data().unwrap_or_default();
            self.text += std::str::from_utf8(&bytes).map_err(io::Error::other)?;
        }
    }

    /// The next event of this name and job.
    pub(crate) async fn of(&mut self, name: &str, job: &str) -> Event {
        loop {
            let event = self.next().await.unwrap();
            let event = event.unwrap_or_else(|| panic!("the stream ends without {name} of {job}"));
            if event.name == name && event.job() == job {
                return event;
            }
        }
    }
}

/// An event; nothing for a comment.
fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).unwrap();
    let name = field("event: ").unwrap_or("message").to_owned();
    Some(Event { id: field("id: ").map(str::to_owned), name, data })
}
