//! Making a channel and dropping it.

use crate::cell::{Cell, Round};
use crate::contenders::queues::{for_bounded, for_unbounded};
use crate::kinds::mpsc::{Bounded, Named, Push, TryRecv, TrySend, Unbounded};
use std::hint::black_box;
use std::time::Instant;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for capacity in [1, 128] {
        cells.push(Cell::timed(
            format!("creation/mpsc-bounded-{capacity}/idle"),
            "a channel is made and dropped",
            for_bounded!(C => move |n| timed(n, || drop(black_box(C::bounded::<usize>(capacity))))),
        ));
        cells.push(Cell::timed(
            format!("creation/mpsc-bounded-{capacity}/used"),
            "a channel is made, carries one message and is dropped",
            for_bounded!(C => move |n| timed(n, || carry_one(C::bounded(capacity), send))),
        ));
    }
    cells.push(Cell::timed(
        "creation/mpsc-unbounded/idle",
        "a channel is made and dropped",
        for_unbounded!(C => |n| timed(n, || drop(black_box(C::unbounded::<usize>())))),
    ));
    cells.push(Cell::timed(
        "creation/mpsc-unbounded/used",
        "a channel is made, carries one message and is dropped",
        for_unbounded!(C => |n| timed(n, || carry_one(C::unbounded(), Push::push))),
    ));
    cells
}

fn send(sender: &mut impl TrySend<usize>, message: usize) {
    assert!(sender.try_send(message), "there is room");
}

fn carry_one<S, R: TryRecv<usize>>(ends: (S, R), send: impl Fn(&mut S, usize)) {
    let (mut sender, mut receiver) = black_box(ends);
    send(&mut sender, 7);
    assert_eq!(receiver.try_recv(), Some(7));
}

/// Does `once` so often.
fn timed(n: u64, once: impl Fn()) -> Round {
    let start = Instant::now();
    (0..n).for_each(|_| once());
    Round::Time(start.elapsed())
}
