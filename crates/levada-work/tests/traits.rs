//! What may be sent and shared: everything, if the messages may be sent.

use std::cell::Cell;
use std::convert::identity;
use std::time::Duration;

use levada_work::actor::{Address, AskError, Request, WeakAddress};
use levada_work::batch::{Batch, Batcher, Failure, Totals, WeakBatcher, Worker};
use levada_work::pool::{Counts, Pool, PoolWithLanes, Submitter, Undone, Workers};
use levada_work::shutdown::{Shutdown, ShutdownGuard, ShuttingDown, Signal, StillRunning};

/// May be sent, and not shared.
type Message = Cell<u32>;

fn is_send<T: Send>(_: Option<&T>) {}
fn is_shared<T: Send + Sync + 'static>() {}

#[test]
fn handles_are_shared() {
    is_shared::<Batcher<Message>>();
    is_shared::<WeakBatcher<Message>>();
    is_shared::<Worker>();
    is_shared::<Failure>();
    is_shared::<Totals>();
    is_shared::<Address<Message>>();
    is_shared::<WeakAddress<Message>>();
    is_shared::<Request<u32, Message>>();
    is_shared::<AskError<u32>>();
    is_shared::<Workers<Message>>();
    is_shared::<Submitter<Message>>();
    is_shared::<Counts>();
    is_shared::<Pool>();
    is_shared::<PoolWithLanes<2>>();
    is_shared::<Shutdown>();
    is_shared::<Signal>();
    is_shared::<ShutdownGuard>();
    is_shared::<ShuttingDown>();
    is_shared::<StillRunning>();
    is_send::<Batch<Message>>(None);
    is_send::<Undone<Message>>(None);
}

#[test]
fn futures_may_be_spawned() {
    fn batch(batcher: &Batcher<Message>, worker: Worker) {
        is_send(Some(&batcher.send(Cell::new(1))));
        is_send(Some(&batcher.flush()));
        is_send(Some(&worker.join()));
    }
    fn actor(address: &Address<Request<Message, Message>>) {
        is_send(Some(&address.ask(identity, Cell::new(1))));
        is_send(Some(&address.ask_timeout(identity, Cell::new(1), Duration::MAX)));
    }
    fn request(request: &mut Request<u32, Message>) {
        is_send(Some(&request.abandoned()));
    }
    fn pool(one: Workers<Message>, other: Workers<Message>) {
        is_send(Some(&one.idle()));
        is_send(Some(&one.drain(Duration::MAX)));
        is_send(Some(&other.join()));
    }
    fn shutdown(shutdown: &Shutdown, signal: &Signal) {
        is_send(Some(&shutdown.drain(Duration::MAX)));
        is_send(Some(&shutdown.abort(Duration::MAX)));
        is_send(Some(&signal.draining()));
        is_send(Some(&signal.aborting()));
    }
    // They are checked when they are compiled; naming them says that they are used.
    let _ = (batch, actor, request, pool, shutdown);
}

/// Neither `Debug` nor anything else.
struct Opaque;

fn is_error<E: std::error::Error + Send + Sync + 'static>(_: &E) {}

#[test]
fn requests_need_not_be_debug() {
    let errors =
        [AskError::Gone(Opaque), AskError::Busy(Opaque), AskError::TimedOut, AskError::Unanswered];
    is_error(&errors[0]);
    let texts = errors.map(|error| format!("{error:?}"));
    assert_eq!(texts, ["Gone(..)", "Busy(..)", "TimedOut", "Unanswered"]);
    fn debug<T: std::fmt::Debug>() {}
    debug::<Request<Opaque, Opaque>>();
    debug::<Undone<Opaque>>();
    debug::<Submitter<Opaque>>();
    debug::<Address<Opaque>>();
    debug::<WeakAddress<Opaque>>();
    debug::<Batcher<Opaque>>();
    debug::<WeakBatcher<Opaque>>();
}
