//! Readers of all events, one of each front end, which come back where they were.

use super::world::Unit;
use crate::sse::{Event, Events};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const LOOK: Duration = Duration::from_millis(200);

/// What one reader has read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    last: Option<String>,
    /// The ids of the events that say that a job has ended, by the job's id.
    pub(super) finished: BTreeMap<String, Vec<String>>,
    /// How often an event said that events are missing.
    pub(super) lagged: usize,
    /// How often it came back.
    pub(super) returns: usize,
}

impl Reader {
    /// Reads until it is over.
    pub(super) async fn read(&mut self, from: &Unit, over: &AtomicBool) {
        // ORDERING: Relaxed, no pair: it is looked at now and then.
        self.read_while(from, |_| !over.load(Ordering::Relaxed)).await;
    }

    /// Reads as long as this says, which is asked now and then.
    pub(super) async fn read_while(&mut self, from: &Unit, goes_on: impl Fn(&Self) -> bool) {
        while goes_on(self) {
            let Some(address) = from.address() else {
                sleep(LOOK).await;
                continue;
            };
            let opened = timeout(LOOK * 5, Events::open(address, "/events", self.last.as_deref()));
            let Ok(Ok(mut events)) = opened.await else {
                sleep(LOOK).await;
                continue;
            };
            self.returns += 1;
            while goes_on(self) {
                match timeout(LOOK, events.read()).await {
                    // It keeps what it has read of the next event.
                    Err(_) => {}
                    Ok(Ok(Some(event))) => self.note(event),
                    Ok(Ok(None) | Err(_)) => break,
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        if event.name == "lagged" {
            // Shown if the test fails.
            println!("a reader lagged: {} after {:?}", event.data, self.last);
            self.lagged += 1;
        }
        let job = event.job().to_owned();
        let Some(id) = event.id else { return };
        if let (Some((before, last)), Some((now, next))) =
            (self.last.as_ref().and_then(|id| id.rsplit_once('-')), id.rsplit_once('-'))
        {
            let number = |text: &str| text.parse::<u64>().unwrap();
            assert!(before != now || number(next) > number(last), "{id} after {:?}", self.last);
        }
        if event.name == "finished" {
            self.finished.entry(job).or_default().push(id.clone());
        }
        self.last = Some(id);
    }
}
