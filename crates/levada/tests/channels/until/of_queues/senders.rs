//! The calls of a sender that wait.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::super::super::rows::{Rows, waiting};
use super::queue;
use std::collections::VecDeque;

pub(crate) fn rows(rows: &mut Rows) {
    let full = || {
        let (tx, rx) = queue::channel(1);
        tx.try_send(0).unwrap();
        (tx, rx)
    };
    let make_room = |rx: &mut queue::Receiver<i32>| assert_eq!(rx.try_recv(), Ok(0));
    rows.in_line(full, |tx| waiting(tx.send(1), |sent| sent.is_ok()), make_room);
    rows.in_line(full, |tx| waiting(tx.reserve(), |permit| permit.is_ok()), make_room);
    rows.in_line(full, |tx| waiting(tx.reserve_many(1), |permits| permits.is_ok()), make_room);
    rows.in_line(
        full,
        |tx| waiting(tx.clone().reserve_owned(), |permit| permit.is_ok()),
        make_room,
    );
    let full_with_a_message = || {
        let (tx, rx) = full();
        ((tx, Some(1)), rx)
    };
    rows.in_line(
        full_with_a_message,
        |(tx, message)| waiting(tx.send_ref(message), |sent| sent.is_ok()),
        make_room,
    );
    let full_with_a_batch = || {
        let (tx, rx) = full();
        ((tx, VecDeque::from([1])), rx)
    };
    rows.in_line(
        full_with_a_batch,
        |(tx, batch)| waiting(tx.send_many(batch), |sent| sent.is_ok()),
        make_room,
    );

    let close = |rx: &mut queue::Receiver<i32>| rx.close();
    rows.in_line(|| queue::channel(1), |tx| waiting(tx.closed(), |()| true), close);
    let close = |rx: &mut queue::UnboundedReceiver<i32>| rx.close();
    rows.in_line(queue::unbounded_channel, |tx| waiting(tx.closed(), |()| true), close);
}
