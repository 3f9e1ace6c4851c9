//! Channels that hold no message: a send is over when the message was taken.

use super::blocking::to_thread;
use super::mpsc::many_to_one;
use crate::cell::{Cell, Contender, contenders};
use crate::contenders::queues::{Flume, Kanal, Loole};
use crate::contenders::rendezvous::tokio;
use crate::kinds::mpsc::{Bounded, Named, Threads};
use crate::runtime::On;
use fibre::mpsc::rendezvous as fibre;
use levada::mpsc as levada;
use std::sync::mpsc::sync_channel;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (on, senders) in [(On::Ct, 1), (On::Ct, 4), (On::Mt, 1), (On::Mt, 4), (On::Mt, 16)] {
        cells.push(between_tasks(on, senders));
    }
    cells.extend([1, 4].map(between_threads));
    cells
}

fn between_tasks(on: On, senders: u64) -> Cell {
    let mut contenders = vec![
        Contender::new("levada", move |n| many_to_one(on, levada::rendezvous(), senders, n)),
        Contender::new("tokio", move |n| many_to_one(on, tokio(), senders, n)),
        Contender::new("fibre", move |n| many_to_one(on, fibre::rendezvous_async(), senders, n)),
    ];
    contenders.extend(contenders!(
        C => move |n| many_to_one(on, C::bounded::<usize>(0), senders, n);
        [Flume, Kanal, Loole]
    ));
    Cell::timed(
        format!("rendezvous/{}-{senders}-1/u64", on.name()),
        "each task sends its share, each message when the one before was taken, one receives",
        contenders,
    )
}

fn between_threads(senders: u64) -> Cell {
    let mut contenders = vec![
        Contender::new("levada", move |n| to_thread(levada::rendezvous(), senders, n)),
        Contender::new("tokio", move |n| to_thread(tokio(), senders, n)),
        Contender::new("fibre", move |n| to_thread(fibre::rendezvous(), senders, n)),
        Contender::new("std", move |n| to_thread(sync_channel(0), senders, n)),
    ];
    contenders.extend(contenders!(
        C => move |n| to_thread(C::threads(0), senders, n);
        [Flume, Kanal, Loole]
    ));
    Cell::timed(
        format!("rendezvous/threads-{senders}-1/u64"),
        "each thread sends its share, each message when the one before was taken, one receives",
        contenders,
    )
}
