//! What the workers receive jobs from: one queue, or lanes.

use std::pin::Pin;
use std::sync::Arc;

use levada::mpmc;

/// The receiver of what senders send. Each worker has a clone.
pub(super) enum Jobs<J> {
    Queue(mpmc::Receiver<J>),
    /// The number of lanes is not in the type, so that a pool has the same handles with lanes and
    /// without.
    Lanes(Arc<dyn Lanes<J>>),
}

/// The receiver of any number of lanes.
pub(super) trait Lanes<J>: Send + Sync {
    fn recv(&self) -> Receiving<'_, J>;
    fn try_recv(&self) -> Option<J>;
    fn close(&self);
    fn len(&self) -> usize;
}

type Receiving<'a, J> = Pin<Box<dyn Future<Output = Option<J>> + Send + 'a>>;

impl<J: Send, const N: usize> Lanes<J> for mpmc::lanes::Receiver<J, N> {
    fn recv(&self) -> Receiving<'_, J> {
        Box::pin(self.recv())
    }

    fn try_recv(&self) -> Option<J> {
        self.try_recv().ok()
    }

    fn close(&self) {
        self.close();
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<J> Jobs<J> {
    pub(super) fn try_recv(&self) -> Option<J> {
        match self {
            Self::Queue(queue) => queue.try_recv().ok(),
            Self::Lanes(lanes) => lanes.try_recv(),
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Queue(queue) => queue.close(),
            Self::Lanes(lanes) => lanes.close(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Queue(queue) => queue.len(),
            Self::Lanes(lanes) => lanes.len(),
        }
    }
}

impl<J> Clone for Jobs<J> {
    fn clone(&self) -> Self {
        match self {
            Self::Queue(queue) => Self::Queue(queue.clone()),
            Self::Lanes(lanes) => Self::Lanes(Arc::clone(lanes)),
        }
    }
}
