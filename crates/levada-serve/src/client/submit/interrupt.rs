//! Ctrl-C: the program ends, its jobs go on, and a note says how to get at them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::client::text::clean;
use crate::client::{code, write};

/// The jobs that are followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Followed(Arc<Mutex<BTreeSet<String>>>);

impl Followed {
    /// From here on, Ctrl-C says which jobs go on. If standard error is no terminal, the signal
    /// keeps its disposition: the parent process may have set it to be ignored.
    pub(super) fn watched() -> Self {
        let followed = Self::default();
        if write::notes_to_terminal() {
            let followed = followed.clone();
            // Without this thread, Ctrl-C still ends the program.
            drop(thread::Builder::new().spawn(move || wait(&followed)));
        }
        followed
    }

    pub(super) fn insert(&self, id: &str) {
        self.ids().insert(id.to_owned());
    }

    pub(super) fn remove(&self, id: &str) {
        self.ids().remove(id);
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(followed: &Followed) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let Ok(runtime) = runtime else { return };
    if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
        return;
    }
    let ids = followed.ids();
    // Past what is drawn.
    let mut text = String::new();
    for id in ids.iter().map(|id| clean(id)) {
        text +=
            &format!("\nlevada: job {id} continues; `levada result {id} --wait 10m` waits for it,");
        text += &format!("\n        `levada cancel {id}` ends it");
    }
    write::note(&text);
    std::process::exit(code::CANCELLED.into());
}
