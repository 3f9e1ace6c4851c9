//! The settings of the queues: front ends give them to the workers, by a cell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use levada::watch;
use levada_nats::cell::Cell;
use levada_nats::{Connection, Durability, OpenError};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::config::{Config, adopt, differences, to_share};

/// What all workers use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Shared {
    /// As TOML, by the name of the queue.
    queues: BTreeMap<String, String>,
    /// How long jobs that succeeded, and others, are kept.
    keep: Duration,
    keep_failed: Duration,
}

impl Shared {
    /// Says in the log what the workers use from now on, if they used something else before.
    fn tell_differences(&self, new: &Self) {
        for (queue, settings) in &new.queues {
            let Some(before) = self.queues.get(queue) else {
                info!(queue, "the workers get the settings of the queue");
                continue;
            };
            let changes = differences(before, settings).join("; ");
            if !changes.is_empty() {
                warn!(
                    queue,
                    changes,
                    "the workers get other settings of the queue; give all front ends the same"
                );
            }
        }
        let (keep, keep_failed) = (new.keep, new.keep_failed);
        if !self.queues.is_empty() && (self.keep, self.keep_failed) != (keep, keep_failed) {
            warn!(
                ?keep,
                ?keep_failed,
                "jobs are kept for another time than before; give all front ends the same"
            );
        }
    }

    fn of(config: &Config) -> Self {
        let queues = to_share(config);
        Self { queues, keep: config.retention.jobs, keep_failed: config.retention.failed }
    }
}

/// The cell of the settings. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Settings(Cell<Shared>);

impl Settings {
    pub(super) async fn open(
        connection: &Connection,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let name = "settings".parse().map_err(|_| OpenError::Settings("the name".to_owned()))?;
        Ok(Self(connection.cell(name).durability(durability).open(Shared::default()).await?))
    }

    /// Gives the settings of this front end to the workers, now and after each change; for ever.
    pub(super) async fn give(self, mut config: watch::Receiver<Arc<Config>>) {
        loop {
            let mine = Shared::of(&config.borrow_and_update());
            let before = self.0.borrow().clone();
            if before != mine {
                before.tell_differences(&mine);
                while let Err(error) = self.0.send(mine.clone()).await {
                    warn!(%error, "the workers do not have the settings of this front end yet");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            if config.changed().await.is_err() {
                return;
            }
        }
    }

    /// The configuration of this worker with the settings of the front ends. It has only queues
    /// that they have, too, and whose settings it does not contradict.
    pub(super) fn take(
        &self,
        mut own: watch::Receiver<Arc<Config>>,
    ) -> watch::Receiver<Arc<Config>> {
        let mut given = self.0.subscribe();
        let first = effective(&own.borrow_and_update(), &given.borrow_and_update());
        let (taken, receiver) = watch::builder(Arc::new(first)).named("cluster config").build();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = own.changed() => if changed.is_err() { return },
                    changed = given.changed() => if changed.is_err() { return },
                }
                let new = effective(&own.borrow_and_update(), &given.borrow_and_update());
                taken.send_if_modified(|config| {
                    let is_other = **config != new;
                    if is_other {
                        *config = Arc::new(new);
                    }
                    is_other
                });
            }
        });
        receiver
    }
}

fn effective(own: &Config, given: &Shared) -> Config {
    let mut config = own.clone();
    config.queues.clear();
    if !given.queues.is_empty() {
        (config.retention.jobs, config.retention.failed) = (given.keep, given.keep_failed);
    }
    for (name, queue) in &own.queues {
        let Some(settings) = given.queues.get(name) else {
            info!(queue = name, "waiting for a front end that has the queue");
            continue;
        };
        match adopt(queue, settings) {
            Ok(adopted) => drop(config.queues.insert(name.clone(), Arc::new(adopted))),
            Err(contradictions) => error!(
                queue = name,
                contradictions = contradictions.join("; "),
                "this worker takes no jobs of the queue: its configuration contradicts that of \
                 the front ends; remove those settings here, or make them the same"
            ),
        }
    }
    config
}
