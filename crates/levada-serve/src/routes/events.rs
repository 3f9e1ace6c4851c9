//! `GET /events`: what happens, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use levada::broadcast;
use levada::broadcast::error::RecvError;

use crate::app::Service;
use crate::jobs::feed::Event;
use crate::server::Connection;

/// How often a comment shows a silent stream to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);

/// One reader's place in the stream of events.
struct Reader {
    service: Arc<Service>,
    events: broadcast::Receiver<Event>,
    /// The totals, which come before the first event.
    snapshot: Option<Event>,
}

pub(crate) async fn stream(
    State(service): State<Arc<Service>>,
    Extension(connection): Extension<Connection>,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    connection.set_endless();
    let (snapshot, events) = service.feed.subscribe();
    let reader = Reader { service, events, snapshot: Some(snapshot) };
    let events = unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("ka"))
}

impl Reader {
    /// The next event, or `None` when the service shuts down.
    async fn next(&mut self) -> Option<sse::Event> {
        if let Some(snapshot) = self.snapshot.take() {
            return Some(render(&snapshot).retry(RECONNECT));
        }
        tokio::select! {
            biased;
            () = self.service.shutdown.draining() => None,
            event = self.events.recv() => match event {
                Ok(event) => Some(render(&event)),
                Err(RecvError::Lagged(missed)) => Some(lagged(missed)),
                Err(RecvError::Closed) => None,
            },
        }
    }
}

fn render(event: &Event) -> sse::Event {
    sse::Event::default().id(event.id.to_string()).event(event.name).data(&event.data)
}

/// Says how many events this reader missed. It has no id: the events after it go on counting.
fn lagged(missed: u64) -> sse::Event {
    sse::Event::default().event("lagged").data(format!(r#"{{"missed":{missed}}}"#))
}
