//! async-channel's `force_send`, crossbeam's `ArrayQueue::force_push`, and any bounded queue whose
//! users drop what `try_send` refuses.

use crate::kinds::mpsc::{Bounded, TryRecv, TrySend};
use crate::kinds::overflow::{Overflowing, Put};
use ::crossbeam_queue::ArrayQueue;
use std::sync::Arc;

type AsyncSender = ::async_channel::Sender<usize>;

pub(crate) fn async_channel(
    capacity: usize,
) -> Overflowing<AsyncSender, ::async_channel::Receiver<usize>, impl Put<AsyncSender>> {
    Overflowing::new(::async_channel::bounded(capacity), |sender: &mut AsyncSender, message| {
        sender.force_send(message).expect("the receiver lives")
    })
}

/// A queue and no channel: there is nothing to wait with.
#[derive(Clone, Debug)]
pub(crate) struct Queue(Arc<ArrayQueue<usize>>);

impl TryRecv<usize> for Queue {
    fn try_recv(&mut self) -> Option<usize> {
        self.0.pop()
    }
}

pub(crate) fn crossbeam(capacity: usize) -> Overflowing<Queue, Queue, impl Put<Queue>> {
    let queue = Queue(Arc::new(ArrayQueue::new(capacity)));
    let ends = (queue.clone(), queue);
    Overflowing::new(ends, |queue: &mut Queue, message| queue.0.force_push(message))
}

/// What is refused comes back.
pub(crate) fn tried<C>(
    capacity: usize,
) -> Overflowing<C::Sender<usize>, C::Receiver<usize>, impl Put<C::Sender<usize>>>
where
    C: Bounded<Sender<usize>: TrySend<usize>>,
{
    Overflowing::new(C::bounded(capacity), |sender: &mut C::Sender<usize>, message| {
        (!sender.try_send(message)).then_some(message)
    })
}
