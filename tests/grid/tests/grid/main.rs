//! The grids of all channels. Each table is compiled against the channels it is for, levada's, and
//! against tokio's, which are the oracle.
//!
//! A module below is one implementation: what it imports is what the tables in it mean by `Sender`,
//! `Receiver` and `channel`. With `#[path = "."]` its `mod bounded;` is the file of that name here.
#![expect(clippy::duplicate_mod, reason = "one table, compiled against each implementation")]

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;

mod lossless;
mod lossless_receivers;
mod oracle_stream;
mod others;
mod own;
mod queues;

use grid::Answer;

/// What `try_recv` may say after `close`, where the message is perhaps yet to be sent with a
/// permit, or is promised to another receiver.
const MAYBE_EMPTY: &[Answer] = &["message", "empty", "end"];
/// What it may say where neither can be.
const NOT_EMPTY: &[Answer] = &["message", "end"];

#[path = "."]
mod levada_mpsc {
    use levada::mpsc::error::{TryRecvError, TrySendError};
    use levada::mpsc::{Receiver, Sender, builder, channel};

    pub(crate) mod bounded;
    mod bounded_senders;
    mod mpsc_receivers;
    pub(crate) mod policies;
    mod policy_looks;
    mod queue_receivers;
    use super::MAYBE_EMPTY as TRY_RECV_CLOSED;
    use mpsc_receivers as more;
    use policy_looks as looks;

    fn into_stream<T>(rx: Receiver<T>) -> Receiver<T> {
        rx
    }
}

#[path = "."]
mod levada_mpsc_unbounded {
    use levada::mpsc::error::TryRecvError;
    use levada::mpsc::{
        UnboundedReceiver as Receiver, UnboundedSender as Sender, unbounded_channel as channel,
    };

    mod mpsc_receivers;
    mod queue_receivers;
    pub(crate) mod unbounded;
    use super::NOT_EMPTY as TRY_RECV_CLOSED;
    use mpsc_receivers as more;

    fn into_stream<T>(rx: Receiver<T>) -> Receiver<T> {
        rx
    }
}

#[path = "."]
#[expect(unused_mut, reason = "these receivers want no `&mut self`, the others do")]
mod levada_mpmc {
    use levada::mpmc::error::{TryRecvError, TrySendError};
    use levada::mpmc::{Receiver, Sender, builder, channel};

    pub(crate) mod bounded;
    mod bounded_senders;
    mod mpmc_receivers;
    mod nothing_more;
    pub(crate) mod policies;
    mod queue_receivers;
    use super::MAYBE_EMPTY as TRY_RECV_CLOSED;
    use bounded as flavour;
    use mpmc_receivers as more;
    use nothing_more as looks;

    fn into_stream<T>(rx: Receiver<T>) -> levada::mpmc::stream::RecvStream<T> {
        rx.into_stream()
    }
}

#[path = "."]
#[expect(unused_mut, reason = "these receivers want no `&mut self`, the others do")]
mod levada_mpmc_unbounded {
    use levada::mpmc::error::TryRecvError;
    use levada::mpmc::{
        UnboundedReceiver as Receiver, UnboundedSender as Sender, unbounded_channel as channel,
    };

    mod mpmc_receivers;
    mod queue_receivers;
    pub(crate) mod unbounded;
    use super::MAYBE_EMPTY as TRY_RECV_CLOSED;
    use mpmc_receivers as more;
    use unbounded as flavour;

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
    use super::MAYBE_EMPTY as TRY_RECV_CLOSED;
    use mpsc_receivers as more;
}

#[path = "."]
mod tokio_mpsc_unbounded {
    use super::oracle_stream::into_unbounded_stream as into_stream;
    use tokio::sync::mpsc::error::TryRecvError;
    use tokio::sync::mpsc::{
        UnboundedReceiver as Receiver, UnboundedSender as Sender, unbounded_channel as channel,
    };

    mod mpsc_receivers;
    mod queue_receivers;
    pub(crate) mod unbounded;
    use super::NOT_EMPTY as TRY_RECV_CLOSED;
    use mpsc_receivers as more;
}

#[path = "."]
mod on_levada {
    use levada as sync;

    pub(crate) mod broadcast;
    mod broadcast_stream;
    pub(crate) mod oneshot;
    pub(crate) mod watch;
    mod watch_stream;
    use broadcast_stream as more_broadcast;
    use watch_stream as more_watch;
}

#[path = "."]
mod on_tokio {
    use tokio::sync;

    pub(crate) mod broadcast;
    mod nothing_more;
    pub(crate) mod oneshot;
    pub(crate) mod watch;
    use nothing_more as more_broadcast;
    use nothing_more as more_watch;
}

/// What a receive may say after `close`, of channels that are not tokio's.
const MAYBE_CLOSED: &[Answer] = &["message", "end", "stopped"];

#[path = "."]
mod on_weighted {
    use levada::mpsc::weighted::error::SendError;
    use levada::mpsc::weighted::stream::RecvStream;
    use levada::mpsc::weighted::{Receiver, Sender};

    mod own_receivers;
    mod own_senders;
    pub(crate) mod weighted;
    use super::{MAYBE_CLOSED as CLOSED, MAYBE_EMPTY as TRY_CLOSED};

    fn sent<T>(sent: Result<(), SendError<T>>) -> Result<(), T> {
        sent.map_err(SendError::into_inner)
    }

    fn into_stream<T>(rx: Receiver<T>) -> RecvStream<T> {
        rx.into_stream()
    }
}

#[path = "."]
mod on_rendezvous {
    use super::Answer;
    use levada::mpsc::error::SendError;
    use levada::mpsc::rendezvous::stream::RecvStream;
    use levada::mpsc::rendezvous::{Receiver, Sender};

    mod own_receivers;
    mod own_senders;
    pub(crate) mod rendezvous;

    // What was not taken was not sent.
    const CLOSED: &[Answer] = &["end", "stopped"];
    const TRY_CLOSED: &[Answer] = &["end"];

    fn sent<T>(sent: Result<(), SendError<T>>) -> Result<(), T> {
        sent.map_err(|error| error.0)
    }

    fn into_stream<T>(rx: Receiver<T>) -> RecvStream<T> {
        rx.into_stream()
    }
}

#[path = "."]
mod mpsc_of_lanes {
    use levada::mpsc::lanes as open_lanes;
    use levada::mpsc::lanes::stream::RecvStream;

    pub(crate) mod lanes;
    mod mpsc_lanes;
    mod own_receivers;
    use super::{MAYBE_CLOSED as CLOSED, MAYBE_EMPTY as TRY_CLOSED};
    use mpsc_lanes as more_lanes;

    type Sender<T> = levada::mpsc::lanes::Sender<T, 2>;
    type Receiver<T> = levada::mpsc::lanes::Receiver<T, 2>;

    fn into_stream<T>(rx: Receiver<T>) -> RecvStream<T, 2> {
        rx.into_stream()
    }
}

#[path = "."]
#[expect(unused_mut, reason = "these receivers want no `&mut self`, the others do")]
mod mpmc_of_lanes {
    use levada::mpmc::lanes as open_lanes;
    use levada::mpmc::lanes::stream::RecvStream;

    pub(crate) mod lanes;
    mod mpmc_lanes;
    mod own_receivers;
    use super::{MAYBE_CLOSED as CLOSED, MAYBE_EMPTY as TRY_CLOSED};
    use mpmc_lanes as more_lanes;

    type Sender<T> = levada::mpmc::lanes::Sender<T, 2>;
    type Receiver<T> = levada::mpmc::lanes::Receiver<T, 2>;

    fn into_stream<T>(rx: Receiver<T>) -> RecvStream<T, 2> {
        rx.into_stream()
    }
}
