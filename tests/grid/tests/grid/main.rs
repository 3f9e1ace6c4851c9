//! The tables, each compiled against the channels it is for: levada's, and tokio's as the oracle.

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;

mod oracle_stream;
mod queues;

#[path = "."]
mod levada_mpsc {
    use levada::mpsc::error::{TryRecvError, TrySendError};
    use levada::mpsc::{Receiver, Sender, channel};

    pub(crate) mod bounded;
    mod bounded_senders;
    mod mpsc_receivers;
    mod queue_receivers;
    use mpsc_receivers as more;

    fn into_stream<T>(rx: Receiver<T>) -> Receiver<T> {
        rx
    }
}

#[path = "."]
#[expect(unused_mut, reason = "these receivers want no `&mut self`, the others do")]
mod levada_mpmc {
    use levada::mpmc::error::{TryRecvError, TrySendError};
    use levada::mpmc::{Receiver, Sender, channel};

    pub(crate) mod bounded;
    mod bounded_senders;
    mod mpmc_receivers;
    mod queue_receivers;
    use mpmc_receivers as more;

    fn into_stream<T>(rx: Receiver<T>) -> levada::mpmc::stream::RecvStream<T> {
        rx.into_stream()
    }
}

#[path = "."]
mod tokio_mpsc {
    use super::oracle_stream::into_stream;
    use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
    use tokio::sync::mpsc::{Receiver, Sender, channel};

    pub(crate) mod bounded;
    mod bounded_senders;
    mod mpsc_receivers;
    mod queue_receivers;
    use mpsc_receivers as more;
}
