//! Lanes: levada's, and those that are made by hand of a queue for each lane and a `select!` that
//! asks the higher one first.

use crate::kinds::mpmc::Mpmc;
use crate::kinds::mpsc::{AsyncRecv, Bounded};
use ::levada::mpsc::lanes::Serve;
use ::levada::{mpmc, mpsc};

/// The sender of each lane, and the receiver.
pub(crate) type Ends<S, R, const LANES: usize> = ([S; LANES], R);

pub(crate) fn levada<const LANES: usize>(
    capacity: usize,
    serve: Serve<LANES>,
) -> Ends<mpsc::Sender<usize>, mpsc::lanes::Receiver<usize, LANES>, LANES> {
    let (sender, receiver) = mpsc::lanes([capacity; LANES], serve);
    (sender.into_lanes(), receiver)
}

impl<const LANES: usize> AsyncRecv<usize> for mpsc::lanes::Receiver<usize, LANES> {
    async fn recv(&mut self) -> Option<usize> {
        mpsc::lanes::Receiver::recv(self).await
    }
}

pub(crate) fn levada_mpmc<const LANES: usize>(
    capacity: usize,
    serve: Serve<LANES>,
) -> Ends<mpmc::Sender<usize>, mpmc::lanes::Receiver<usize, LANES>, LANES> {
    let (sender, receiver) = mpmc::lanes([capacity; LANES], serve);
    (sender.into_lanes(), receiver)
}

impl<const LANES: usize> AsyncRecv<usize> for mpmc::lanes::Receiver<usize, LANES> {
    async fn recv(&mut self) -> Option<usize> {
        mpmc::lanes::Receiver::recv(self).await
    }
}

/// The receivers of two queues, the higher lane first.
#[derive(Clone, Debug)]
pub(crate) struct Two<R>(R, R);

pub(crate) fn two<C: Bounded>(
    capacity: usize,
) -> Ends<C::Sender<usize>, Two<C::Receiver<usize>>, 2> {
    let [high, low] = [C::bounded(capacity), C::bounded(capacity)];
    ([high.0, low.0], Two(high.1, low.1))
}

pub(crate) fn two_mpmc<C: Mpmc>(
    capacity: usize,
) -> Ends<C::Sender<usize>, Two<C::Receiver<usize>>, 2> {
    let [high, low] = [C::mpmc(capacity), C::mpmc(capacity)];
    ([high.0, low.0], Two(high.1, low.1))
}

impl<R: AsyncRecv<usize>> AsyncRecv<usize> for Two<R> {
    async fn recv(&mut self) -> Option<usize> {
        tokio::select! {
            biased;
            Some(message) = self.0.recv() => Some(message),
            Some(message) = self.1.recv() => Some(message),
            else => None,
        }
    }
}

/// The same of three.
#[derive(Debug)]
pub(crate) struct Three<R>(R, R, R);

pub(crate) fn three<C: Bounded>(
    capacity: usize,
) -> Ends<C::Sender<usize>, Three<C::Receiver<usize>>, 3> {
    let [high, middle, low] = [C::bounded(capacity), C::bounded(capacity), C::bounded(capacity)];
    ([high.0, middle.0, low.0], Three(high.1, middle.1, low.1))
}

impl<R: AsyncRecv<usize>> AsyncRecv<usize> for Three<R> {
    async fn recv(&mut self) -> Option<usize> {
        tokio::select! {
            biased;
            Some(message) = self.0.recv() => Some(message),
            Some(message) = self.1.recv() => Some(message),
            Some(message) = self.2.recv() => Some(message),
            else => None,
        }
    }
}
