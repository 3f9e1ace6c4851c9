//! Queues with several receivers: as those with one (`mpsc`), with a receiver that can be cloned.

use super::mpsc::{AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Named};
use crate::message::Message;

/// A channel with a bound, used by tasks on both sides.
pub(crate) trait Mpmc: Named + 'static {
    type Sender<M: Message>: AsyncSend<M>;
    type Receiver<M: Message>: AsyncRecv<M> + Clone;

    fn mpmc<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}

/// A channel with a bound, used by threads on both sides.
pub(crate) trait MpmcThreads: Named + 'static {
    type Sender<M: Message>: BlockingSend<M>;
    type Receiver<M: Message>: BlockingRecv<M> + Clone;

    fn mpmc_threads<M: Message>(capacity: usize) -> (Self::Sender<M>, Self::Receiver<M>);
}
