//! The store and its one writer, together.

use std::sync::Arc;

use levada::watch;

use super::condition::Condition;
use super::writer::Writer;
use super::{Store, StoreError, call, on_a_thread};

/// Reads from the store, writes by its writer, and knows whether it takes changes. Clones are the
/// same store.
#[derive(Debug, Clone)]
pub(crate) struct StoreHandle {
    store: Arc<dyn Store>,
    writer: Writer,
    condition: watch::Receiver<Condition>,
    is_durable: bool,
}

impl StoreHandle {
    /// `is_durable` says that what is in the store outlives the process.
    pub(crate) fn new(store: Arc<dyn Store>, writer: Writer, is_durable: bool) -> Self {
        let condition = writer.condition();
        Self { store, writer, condition, is_durable }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Jobs outlive the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Whether the store takes changes.
    pub(crate) fn condition(&self) -> Condition {
        self.condition.borrow().clone()
    }

    /// Why the store takes nothing more, if that is so.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.condition.borrow().failure().cloned()
    }

    /// Waits until changes wait for room on the disk, or no longer do.
    pub(crate) async fn until_stuck(&self, stuck: bool) {
        // The writer keeps the sender.
        drop(self.condition.clone().wait_for(|condition| condition.is_stuck() == stuck).await);
    }

    /// Reads what belongs to one job.
    ///
    /// # Errors
    /// Those of `read`; also if it panics or the runtime ends.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        call(&self.store, read).await
    }

    /// Reads what belongs to many jobs, which takes long in memory, too.
    ///
    /// # Errors
    /// Those of `read`; also if it panics or the runtime ends.
    pub(crate) async fn read_many<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        on_a_thread(&self.store, read).await
    }
}
