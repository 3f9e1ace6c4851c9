//! The calls of mpsc and mpmc: their senders are one text, compiled against both.
#![expect(clippy::duplicate_mod, reason = "one text, compiled against each channel")]

use super::rows::{Rows, waiting};
use levada::{mpmc, mpsc};

#[path = "."]
mod senders_of_mpsc {
    use levada::mpsc as queue;

    pub(super) mod senders;
}

#[path = "."]
mod senders_of_mpmc {
    use levada::mpmc as queue;

    pub(super) mod senders;
}

pub(super) fn of_mpsc(rows: &mut Rows) {
    senders_of_mpsc::senders::rows(rows);

    let empty = || {
        let (tx, rx) = mpsc::channel(1);
        ((rx, Vec::new()), tx)
    };
    let fill = |tx: &mut mpsc::Sender<i32>| tx.try_send(1).unwrap();
    rows.alone(empty, |(rx, _)| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.alone(empty, |(rx, _)| waiting(rx.ready(), |is_there| is_there), fill);
    rows.alone(empty, |(rx, all)| waiting(rx.recv_many(all, 2), |many| many == 1), fill);

    let empty = || {
        let (tx, rx) = mpsc::unbounded_channel();
        ((rx, Vec::new()), tx)
    };
    let fill = |tx: &mut mpsc::UnboundedSender<i32>| tx.send(1).unwrap();
    rows.alone(empty, |(rx, _)| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.alone(empty, |(rx, _)| waiting(rx.ready(), |is_there| is_there), fill);
    rows.alone(empty, |(rx, all)| waiting(rx.recv_many(all, 2), |many| many == 1), fill);
}

pub(super) fn of_mpmc(rows: &mut Rows) {
    senders_of_mpmc::senders::rows(rows);

    let empty = || {
        let (tx, rx) = mpmc::channel(1);
        ((rx, Vec::new()), tx)
    };
    let fill = |tx: &mut mpmc::Sender<i32>| tx.try_send(1).unwrap();
    rows.in_line(empty, |(rx, _)| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.in_line(empty, |(rx, all)| waiting(rx.recv_many(all, 2), |many| many == 1), fill);

    let empty = || {
        let (tx, rx) = mpmc::unbounded_channel();
        ((rx, Vec::new()), tx)
    };
    let fill = |tx: &mut mpmc::UnboundedSender<i32>| tx.send(1).unwrap();
    rows.in_line(empty, |(rx, _)| waiting(rx.recv(), |got| got == Some(1)), fill);
    rows.in_line(empty, |(rx, all)| waiting(rx.recv_many(all, 2), |many| many == 1), fill);
}
