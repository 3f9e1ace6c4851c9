//! levada: `force_send`, `offer`, and `try_send` with a policy and a hook.

use crate::kinds::overflow::{Counter, Overflowing, Put};
use ::levada::mpmc::{self, Receiver as ManyReceiver, Sender as ManySender};
use ::levada::mpsc::{self, Offered, Overflow, Receiver, Sender};

pub(crate) fn forced(
    capacity: usize,
) -> Overflowing<Sender<usize>, Receiver<usize>, impl Put<Sender<usize>>> {
    let ends = mpsc::builder(capacity).overflow(Overflow::Wait).build();
    Overflowing::new(ends, |sender: &mut Sender<usize>, message| {
        sender.force_send(message).expect("the receiver lives")
    })
}

pub(crate) fn offered(
    capacity: usize,
    overflow: Overflow,
) -> Overflowing<Sender<usize>, Receiver<usize>, impl Put<Sender<usize>>> {
    let ends = mpsc::builder(capacity).overflow(overflow).build();
    Overflowing::new(ends, |sender: &mut Sender<usize>, message| {
        came_back(sender.offer(message).expect("the receiver lives"))
    })
}

/// The hook counts.
pub(crate) fn hooked(
    capacity: usize,
    overflow: Overflow,
) -> Overflowing<Sender<usize>, Receiver<usize>, impl Put<Sender<usize>>> {
    let given_up = Counter::default();
    let counter = given_up.clone();
    let builder = mpsc::builder(capacity).overflow(overflow);
    let (sender, receiver) = builder.on_evicted(move |_| counter.add(1)).build();
    let put = |sender: &mut Sender<usize>, message| {
        sender.try_send(message).expect("it is never full");
        None
    };
    Overflowing { sender, receiver, put, given_up }
}

/// `mpmc`, with one receiver.
pub(crate) fn offered_to_many(
    capacity: usize,
    overflow: Overflow,
) -> Overflowing<ManySender<usize>, ManyReceiver<usize>, impl Put<ManySender<usize>>> {
    let ends = mpmc::builder(capacity).overflow(overflow).build();
    Overflowing::new(ends, |sender: &mut ManySender<usize>, message| {
        came_back(sender.offer(message).expect("the receiver lives"))
    })
}

/// The same with a hook, which counts.
pub(crate) fn hooked_to_many(
    capacity: usize,
    overflow: Overflow,
) -> Overflowing<ManySender<usize>, ManyReceiver<usize>, impl Put<ManySender<usize>>> {
    let given_up = Counter::default();
    let counter = given_up.clone();
    let builder = mpmc::builder(capacity).overflow(overflow);
    let (sender, receiver) = builder.on_evicted(move |_| counter.add(1)).build();
    let put = |sender: &mut ManySender<usize>, message| {
        sender.try_send(message).expect("it is never full");
        None
    };
    Overflowing { sender, receiver, put, given_up }
}

fn came_back(offered: Offered<usize>) -> Option<usize> {
    match offered {
        Offered::Queued { .. } => None,
        Offered::Evicted(message) | Offered::Discarded(message) => Some(message),
    }
}
