//! The calls of the other channels.

use super::rows::{Rows, waiting};
use levada::mpsc::lanes::Serve;
use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::pin::Pin;
use support::poll_now;

pub(super) fn weighted(rows: &mut Rows) {
    let full = || {
        let (tx, rx) = mpsc::weighted(1, |_: &i32| 1);
        tx.try_send(0).unwrap();
        (tx, rx)
    };
    let make_room = |rx: &mut mpsc::weighted::Receiver<i32>| assert_eq!(rx.try_recv(), Ok(0));
    rows.in_line(full, |tx| waiting(tx.send(1), |sent| sent.is_ok()), make_room);
    rows.in_line(full, |tx| waiting(tx.reserve_weight(1), |permit| permit.is_ok()), make_room);
    let close = |rx: &mut mpsc::weighted::Receiver<i32>| rx.close();
    rows.in_line(full, |tx| waiting(tx.closed(), |()| true), close);

    let empty = || {
        let (tx, rx) = mpsc::weighted(1, |_: &i32| 1);
        ((rx, Vec::new()), tx)
    };
    let fill = |tx: &mut mpsc::weighted::Sender<i32>| tx.try_send(1).unwrap();
    rows.alone(empty, |(rx, _)| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.alone(empty, |(rx, all)| waiting(rx.recv_many(all, 2), |many| many == 1), fill);
}

pub(super) fn lanes(rows: &mut Rows) {
    let empty = || {
        let (tx, rx) = mpsc::lanes([1, 1], Serve::Strict);
        (rx, tx)
    };
    let fill = |tx: &mut mpsc::lanes::Sender<i32, 2>| tx.lane(1).try_send(1).unwrap();
    rows.alone(empty, |rx| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.alone(empty, |rx| waiting(rx.recv_with_lane(), |got| got == Some((1, 1))), fill);

    let empty = || {
        let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
        (rx, tx)
    };
    let fill = |tx: &mut mpmc::lanes::Sender<i32, 2>| tx.lane(1).try_send(1).unwrap();
    rows.in_line(empty, |rx| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.in_line(empty, |rx| waiting(rx.recv_with_lane(), |got| got == Some((1, 1))), fill);
}

/// An offer that waits for its receiver.
type Offer = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn rendezvous(rows: &mut Rows) {
    let empty = || {
        let (tx, rx) = mpsc::rendezvous();
        (rx, (tx, None))
    };
    let offer = |(tx, offer): &mut (mpsc::rendezvous::Sender<i32>, Option<Offer>)| {
        let tx = tx.clone();
        let offer = offer.insert(Box::pin(async move { tx.send(1).await.unwrap() }));
        assert!(poll_now(offer).is_pending());
    };
    rows.alone(empty, |rx| waiting(rx.recv(), |got| got == Some(1)), offer);
    let close = |rx: &mut mpsc::rendezvous::Receiver<i32>| rx.close();
    rows.in_line(mpsc::rendezvous, |tx| waiting(tx.closed(), |()| true), close);
}

pub(super) fn oneshot(rows: &mut Rows) {
    let asked = || {
        let (tx, rx) = oneshot::channel();
        (rx, Some(tx))
    };
    let answer = |tx: &mut Option<oneshot::Sender<i32>>| tx.take().unwrap().send(1).unwrap();
    rows.alone(asked, |rx| waiting(rx, |got| got == Ok(1)), answer);
    let reused = || {
        let mut reusable = oneshot::Reusable::new();
        let tx = reusable.sender();
        (reusable, Some(tx))
    };
    rows.alone(reused, |reusable| waiting(reusable.recv(), |got| got == Ok(1)), answer);
    let close = |rx: &mut oneshot::Receiver<i32>| rx.close();
    rows.alone(oneshot::channel, |tx| waiting(tx.closed(), |()| true), close);
}

pub(super) fn broadcast(rows: &mut Rows) {
    let empty = || {
        let (tx, rx) = broadcast::channel(1);
        (rx, tx)
    };
    let fill = |tx: &mut broadcast::Sender<i32>| assert!(tx.send(1).is_ok());
    rows.alone(empty, |rx| waiting(rx.recv(), |got| got == Ok(1)), fill);
    let open = || {
        let (tx, rx) = broadcast::channel::<i32>(1);
        (tx, Some(rx))
    };
    let leave = |rx: &mut Option<broadcast::Receiver<i32>>| drop(rx.take());
    rows.in_line(open, |tx| waiting(tx.closed(), |()| true), leave);
}

pub(super) fn lossless(rows: &mut Rows) {
    let full = || {
        let (tx, rx) = broadcast::lossless(1);
        tx.try_send(0).unwrap();
        (tx, Some(rx))
    };
    let make_room = |rx: &mut Option<broadcast::lossless::Receiver<i32>>| {
        assert_eq!(rx.as_mut().unwrap().try_recv(), Ok(0));
    };
    rows.in_line(full, |tx| waiting(tx.send(1), |sent| sent.is_ok()), make_room);
    let leave = |rx: &mut Option<broadcast::lossless::Receiver<i32>>| drop(rx.take());
    rows.in_line(full, |tx| waiting(tx.closed(), |()| true), leave);
    let empty = || {
        let (tx, rx) = broadcast::lossless(1);
        (rx, tx)
    };
    let fill = |tx: &mut broadcast::lossless::Sender<i32>| assert_eq!(tx.try_send(1), Ok(1));
    rows.alone(empty, |rx| waiting(rx.recv(), |got| got == Ok(1)), fill);
}

pub(super) fn watch(rows: &mut Rows) {
    let unchanged = || {
        let (tx, rx) = watch::channel(0);
        (rx, tx)
    };
    let change = |tx: &mut watch::Sender<i32>| tx.send(1).unwrap();
    rows.in_line(unchanged, |rx| waiting(rx.changed(), |changed| changed.is_ok()), change);
    rows.in_line(unchanged, |rx| waiting(rx.recv(), |got| got.is_ok_and(|got| *got == 1)), change);
    let is_one = |value: &i32| *value == 1;
    rows.in_line(unchanged, |rx| waiting(rx.wait_for(is_one), |got| got.is_ok()), change);
    let double: fn(&i32) -> i32 = |value| 2 * value;
    let mapped = || {
        let (tx, rx) = watch::channel(0);
        (rx.map(double), tx)
    };
    rows.in_line(mapped, |rx| waiting(rx.changed(), |changed| changed.is_ok()), change);
    let open = || {
        let (tx, rx) = watch::channel(0);
        (tx, Some(rx))
    };
    let leave = |rx: &mut Option<watch::Receiver<i32>>| drop(rx.take());
    rows.in_line(open, |tx| waiting(tx.closed(), |()| true), leave);
}
