//! A body while it comes: its beginning in memory, and what is beyond [`INLINE`] in a file, piece
//! by piece.
//!
//! So a body that comes slowly, or is large, costs a small buffer, and when it is complete it is
//! where it stays: the commit that accepts it only names the file.

use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep};

use super::body::{Body, BodyFile, INLINE};
use super::{Store, StoreError, StoreErrorKind, on_a_thread};

/// How much is collected for one write to the file, in bytes: a body that comes slowly comes in
/// small pieces.
const BATCH: usize = 16 * 1024;
/// How much of a body is in memory at most while there is no descriptor for its file. If it ends
/// before, it goes into the database; a longer one waits for a descriptor.
const WITHOUT_FILE: usize = 1 << 20;
/// How long it waits for one.
const WAIT: Duration = Duration::from_secs(10);
/// How long after a look whether there is one the next look is.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Spool {
    store: Arc<dyn Store>,
    /// What is in no file yet.
    held: Bytes,
    file: Option<BodyFile>,
    on_failure: OnFailure,
}

/// What becomes of a body that cannot be written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    Refuse,
    /// It stays in memory, unless it is too large for any file: the commit that is to have it finds
    /// out whether it waits for room, or the store has failed.
    KeepInMemory,
    /// It is there.
    InMemory,
}

impl Spool {
    /// For a body that can be refused if it cannot be written.
    pub(crate) fn new(store: &Arc<dyn Store>) -> Self {
        Self {
            store: Arc::clone(store),
            held: Bytes::new(),
            file: None,
            on_failure: OnFailure::Refuse,
        }
    }

    /// For one that cannot: what a command wrote.
    pub(crate) fn or_memory(store: &Arc<dyn Store>) -> Self {
        Self { on_failure: OnFailure::KeepInMemory, ..Self::new(store) }
    }

    /// Takes the next piece, and returns when there is room for another.
    ///
    /// # Errors
    /// If the file cannot be written, or none can be opened.
    ///
    /// # Cancel safety
    /// None: if the future is dropped, the spool has to be, too.
    pub(crate) async fn push(&mut self, piece: Bytes) -> Result<(), StoreError> {
        self.held = if self.held.is_empty() {
            piece
        } else {
            // Copies what is held only if it is a part of another buffer.
            let mut held = BytesMut::from(take(&mut self.held));
            held.extend_from_slice(&piece);
            held.freeze()
        };
        let most = if self.file.is_some() { BATCH } else { INLINE };
        if self.held.len() <= most
            || self.on_failure == OnFailure::InMemory
            || self.store.keeps_bodies_in_memory()
        {
            return Ok(());
        }
        self.write().await?;
        let since = Instant::now();
        while self.held.len() > WITHOUT_FILE && self.on_failure != OnFailure::InMemory {
            if since.elapsed() > WAIT {
                return Err(StoreError::io("no file can be opened for it: too many are open"));
            }
            sleep(LOOK).await;
            self.write().await?;
        }
        Ok(())
    }

    /// The body, of which nothing more comes. If it is in a file, that survives a loss of power,
    /// but for its name.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) async fn finish(self) -> Result<Body, StoreError> {
        let Self { store, held, file, on_failure } = self;
        let Some(mut file) = file else { return Ok(Body::Memory(held)) };
        let finished =
            on_a_thread(&store, move |store| match file.write(&held).and_then(|()| file.sync()) {
                Ok(()) => Ok(Body::File(Arc::new(file))),
                Err(error) => {
                    Ok(Body::Memory(in_memory(store, error, on_failure, Some(file), &held)?))
                }
            });
        finished.await
    }

    /// Writes what is held to the file, if there is one or one can be opened.
    async fn write(&mut self) -> Result<(), StoreError> {
        let (held, file, on_failure) = (take(&mut self.held), self.file.take(), self.on_failure);
        let written = on_a_thread(&self.store, move |store| {
            let opened = file.map_or_else(|| store.new_body(), |file| Ok(Some(file)));
            let (error, file) = match opened {
                Ok(None) => return Ok((held, None, on_failure)),
                Ok(Some(mut file)) => match file.write(&held) {
                    Ok(()) => return Ok((Bytes::new(), Some(file), on_failure)),
                    Err(error) => (error, Some(file)),
                },
                Err(error) => (error, None),
            };
            Ok((in_memory(store, error, on_failure, file, &held)?, None, OnFailure::InMemory))
        });
        (self.held, self.file, self.on_failure) = written.await?;
        Ok(())
    }
}

/// All of a body of which the rest could not be written, if it may stay in memory.
fn in_memory(
    store: &dyn Store,
    error: StoreError,
    on_failure: OnFailure,
    file: Option<BodyFile>,
    rest: &[u8],
) -> Result<Bytes, StoreError> {
    if on_failure == OnFailure::Refuse || error.kind == StoreErrorKind::TooLarge {
        return Err(store.explained(error));
    }
    let begun = file.map_or_else(|| Ok(Bytes::new()), |file| file.whole())?;
    Ok([&begun, rest].concat().into())
}
