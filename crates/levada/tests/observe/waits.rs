//! Which waits are shown, and with what.

use super::{channel, oneshots, poll_once};
use levada::future::WaitExt;
use levada::observe::{Op, Waiter, snapshot};
use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::future::pending;
use std::pin::pin;
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Instant;

/// A sender that waits is shown with its line, its thread and its age.
#[test]
fn a_sender_that_waits() {
    let (tx, mut rx) = mpsc::builder(1).named("a_sender_that_waits").build();
    tx.try_send(1).unwrap();
    let (line, sender) = thread::scope(|scope| {
        let begin = Instant::now();
        let named = thread::Builder::new().name("the sender".to_owned());
        let line = line!() + 1;
        let blocked = named.spawn_scoped(scope, || tx.blocking_send(2).unwrap()).unwrap();
        let waiter = loop {
            if let Some(waiter) = channel("a_sender_that_waits").waiters.pop() {
                break waiter;
            }
            thread::yield_now();
        };
        assert!(waiter.waited <= begin.elapsed());
        assert_eq!((waiter.op, waiter.task.to_string().as_str()), (Op::Send, "thread the sender"));
        assert!(waiter.blocking);
        assert_eq!(rx.blocking_recv(), Some(1));
        blocked.join().unwrap();
        (line, waiter.location)
    });
    assert_eq!((sender.file(), sender.line()), (file!(), line));
    assert!(channel("a_sender_that_waits").waiters.is_empty());
    let blocked = snapshot().blocked;
    let blocked = blocked.iter().find(|blocked| blocked.location == sender).unwrap();
    assert_eq!((blocked.op, blocked.count, blocked.max), (Op::Send, 1, blocked.sum));
}

/// Every wait of every channel has the line of the method that waits.
#[test]
fn each_wait_has_its_line() {
    macro_rules! waits {
        ($name:literal, $op:ident, $future:expr) => {{
            let line = line!();
            let mut future = pin!($future);
            assert!(poll_once(future.as_mut()).is_pending());
            assert!(poll_once(future.as_mut()).is_pending());
            let waiters = channel($name).waiters;
            let shown =
                |waiter: &Waiter| (waiter.op, waiter.location.file(), waiter.location.line());
            let shown: Vec<_> = waiters.iter().map(shown).collect();
            assert_eq!(shown, [(Op::$op, file!(), line)], $name);
            assert_eq!((waiters[0].polls, waiters[0].blocking), (2, false));
        }};
    }

    let (tx, mut rx) = mpsc::builder::<u32>(1).named("line mpsc").build();
    waits!("line mpsc", Recv, rx.recv());
    let mut buffer = Vec::new();
    waits!("line mpsc", Recv, rx.recv_many(&mut buffer, 2));
    waits!("line mpsc", Closed, tx.closed());
    waits!("line mpsc", Recv, rx.recv().until(pending::<()>()));
    waits!("line mpsc", Recv, rx.recv_until(pending::<()>()));
    waits!("line mpsc", Closed, tx.closed().until(pending::<()>()));
    tx.try_send(1).unwrap();
    waits!("line mpsc", Send, tx.send(2));
    waits!("line mpsc", Send, tx.send_until(2, pending::<()>()));
    waits!("line mpsc", Send, tx.reserve());
    waits!("line mpsc", Send, tx.reserve_many(1));
    waits!("line mpsc", Send, tx.clone().reserve_owned());
    waits!("line mpsc", Send, async { tx.send(2).await });
    drop(rx);

    let (tx, mut rx) = mpsc::unbounded_builder::<u32>().named("line unbounded").build();
    waits!("line unbounded", Recv, rx.recv());
    waits!("line unbounded", Closed, tx.closed());

    let (tx, rx) = mpmc::builder::<u32>(1).named("line mpmc").build();
    waits!("line mpmc", Recv, rx.recv());
    waits!("line mpmc", Recv, rx.recv_many(&mut buffer, 2));
    tx.try_send(1).unwrap();
    waits!("line mpmc", Send, tx.send(2));
    waits!("line mpmc", Closed, tx.closed());

    let (tx, mut rx) = broadcast::builder::<u32>(1).named("line broadcast").build();
    waits!("line broadcast", Recv, rx.recv());
    waits!("line broadcast", Closed, tx.closed());

    let (tx, mut rx) = watch::builder(1).named("line watch").build();
    waits!("line watch", Changed, rx.changed());
    waits!("line watch", Changed, rx.wait_for(|value| *value == 2));
    waits!("line watch", Closed, tx.closed());
}

/// A wait is gone when its future is dropped, woken or not.
#[test]
fn a_cancelled_wait_is_gone() {
    let (tx, mut rx) = mpsc::builder(1).named("a_cancelled_wait_is_gone").build();
    let waiters = || channel("a_cancelled_wait_is_gone").waiters.len();
    {
        let mut recv = pin!(rx.recv());
        assert!(poll_once(recv.as_mut()).is_pending());
        assert_eq!(waiters(), 1);
    }
    assert_eq!(waiters(), 0);
    {
        let mut recv = Box::pin(rx.recv());
        assert!(poll_once(recv.as_mut()).is_pending());
        tx.try_send(1).unwrap();
        assert_eq!(waiters(), 1, "it was woken and not polled yet");
        drop(recv);
    }
    assert_eq!(waiters(), 0);
    let mut send = Box::pin(tx.send(2));
    assert!(poll_once(send.as_mut()).is_pending());
    support::forget(send);
    assert_eq!(waiters(), 1, "a forgotten future waits");
    drop(rx);
}

/// A oneshot that is waited for is shown with the line that created it, by either end.
#[test]
fn a_oneshot_that_waits() {
    let (line, (mut tx, rx)) = (line!(), oneshot::channel::<String>());
    assert!(oneshots(file!(), line).is_none(), "no task waits");
    let mut rx = pin!(rx);
    assert!(poll_once(rx.as_mut()).is_pending());
    let shown = oneshots(file!(), line).unwrap();
    assert_eq!(shown.origin.message(), "alloc::string::String");
    assert_eq!((shown.waiters.len(), shown.waiters[0].op), (1, Op::Recv));
    {
        let closed_line = line!() + 1;
        let mut closed = pin!(tx.closed());
        assert!(poll_once(closed.as_mut()).is_pending());
        let shown = oneshots(file!(), line).unwrap();
        let closed = shown.waiters.iter().find(|waiter| waiter.op == Op::Closed).unwrap();
        assert_eq!(closed.location.line(), closed_line);
    }
    tx.send("done".to_owned()).unwrap();
    assert!(poll_once(rx.as_mut()).is_ready());
    assert!(oneshots(file!(), line).is_none());
}

/// A receiver that is polled without a future waits in the line that polled it.
#[test]
fn a_poll_without_a_future() {
    let (tx, mut rx) = mpsc::builder(1).named("a_poll_without_a_future").build();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let line = line!() + 1;
    assert!(rx.poll_recv(&mut cx).is_pending());
    let waiter = channel("a_poll_without_a_future").waiters.pop().unwrap();
    assert_eq!((waiter.op, waiter.location.line()), (Op::Recv, line));
    tx.try_send(1).unwrap();
    assert!(rx.poll_recv(&mut cx).is_ready());
    assert!(channel("a_poll_without_a_future").waiters.is_empty());
}

/// Streams and sinks wait as well.
#[cfg(feature = "stream")]
#[test]
fn streams_and_sinks() {
    use futures_util::{SinkExt, StreamExt};

    let (tx, mut rx) = mpsc::builder(1).named("streams_and_sinks").build();
    let waiting = || channel("streams_and_sinks").waiters.pop().map(|waiter| waiter.op);
    assert!(poll_once(pin!(StreamExt::next(&mut rx))).is_pending());
    assert_eq!(waiting(), Some(Op::Recv), "the stream waits, with the future or without");
    let mut sink = tx.into_sink();
    assert!(poll_once(pin!(sink.send(1))).is_ready());
    assert!(poll_once(pin!(StreamExt::next(&mut rx))).is_ready());
    assert_eq!(waiting(), None);
    assert!(poll_once(pin!(sink.send(2))).is_ready());
    assert!(poll_once(pin!(sink.send(3))).is_pending());
    assert_eq!(waiting(), Some(Op::Send));
    sink.abort_send();
    assert_eq!(waiting(), None);
}

/// The task is a tokio task inside of one, also for several alternatives of it.
#[tokio::test]
async fn the_task_of_a_wait() {
    let (tx, rx) = mpmc::builder::<u32>(1).named("the_task_of_a_wait").build();
    let (sender, ids) = std_mpsc::channel();
    let task = tokio::spawn(async move {
        sender.send(tokio::task::id()).unwrap();
        tokio::select! {
            _ = rx.recv() => {}
            _ = rx.recv() => {}
        }
    });
    tokio::task::yield_now().await;
    let id = ids.recv().unwrap();
    let waiters = channel("the_task_of_a_wait").waiters;
    assert_eq!(waiters.len(), 2);
    assert!(waiters.iter().all(|waiter| waiter.task.to_string() == format!("task {id}")));
    tx.try_send(1).unwrap();
    task.await.unwrap();
}
