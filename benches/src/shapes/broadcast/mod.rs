//! Every message to every receiver. The senders send a burst of half the capacity and wait until
//! all receivers have told that they have seen it (`rounds`), so that nothing is ever full, nobody
//! lags, and the lossy and the lossless contenders do the same.

use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::broadcasts::{
    AsyncBroadcast, Asyncband, Fibre, FibreTopic, Levada, Postage, Tokio,
};
use crate::kinds::broadcast::{Broadcast, ManySenders};
use crate::message::{Message, Tally, share};
use crate::runtime::{On, joined};
use crate::shapes::payloads::{Shared, Text};
use crate::shapes::rounds::{Rounds, scaled};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod lagging;
mod lossless;
mod subscribing;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![without_a_runtime()];
    for on in [On::Ct, On::Mt] {
        cells.push(one_to_many::<usize>(on, Flow::new(1, 128)));
        cells.push(one_to_many::<usize>(on, Flow::new(8, 128)));
        cells.push(one_to_many::<usize>(on, Flow::new(8, 1024)));
        cells.push(one_to_many::<Shared>(on, Flow::new(8, 128)));
        cells.push(one_to_many::<Text>(on, Flow::new(8, 128)));
    }
    cells.push(one_to_many::<usize>(On::Mt, Flow::new(64, 128)));
    cells.push(four_to_eight());
    for on in [On::Ct, On::Mt] {
        cells.extend([1, 8, 64, 1000].map(|receivers| per_delivery(on, receivers)));
    }
    cells.extend(lossless::cells());
    cells.extend(lagging::cells());
    cells.extend(subscribing::cells());
    cells
}

fn without_a_runtime() -> Cell {
    let about = "A message is sent and received, without a runtime.";
    let contenders = contenders!(
        C => |n| Round::Time(tried::<C>(n));
        [Levada, Tokio, Asyncband, AsyncBroadcast, Postage, Fibre, FibreTopic]
    );
    Cell::timed("broadcast/try/none-1-1/cap-128/u64", about, contenders)
}

fn tried<C: Broadcast>(n: u64) -> Duration {
    let (mut sender, mut receiver) = C::channel::<usize>(128);
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        C::try_send(&mut sender, <usize as Message>::new(number));
        tally.add(C::try_recv(&mut receiver).expect("it has been sent").number());
    }
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn one_to_many<T: Message>(on: On, flow: Flow) -> Cell {
    let about = "A message is sent and received by all.";
    let name = flow.name("broadcast/send", on, 1, T::NAME);
    Cell::timed(name, about, one_sender::<T>(on, flow, 1))
}

fn per_delivery(on: On, receivers: u64) -> Cell {
    let about =
        "A message is received by one of the receivers: flat, if it costs the same for any number.";
    let flow = Flow::new(receivers, 128);
    let name = flow.name("broadcast/per-delivery", on, 1, <usize as Message>::NAME);
    Cell::timed(name, about, one_sender::<usize>(on, flow, receivers))
}

/// All crates; a message counts as so many operations.
fn one_sender<T: Message>(on: On, flow: Flow, operations: u64) -> Vec<Contender> {
    contenders!(
        C => move |n| {
            let messages = n.div_ceil(operations);
            scaled(on.run(flow.one_sender::<C, T>(messages)), messages * operations, n)
        };
        [Levada, Tokio, Asyncband, AsyncBroadcast, Postage, Fibre, FibreTopic]
    )
}

fn four_to_eight() -> Cell {
    let about = "A message is sent by one of four and received by all.";
    let flow = Flow::new(8, 128);
    let contenders = contenders!(
        C => move |n| Round::Time(On::Mt.run(flow.many_senders::<C, usize>(n, 4)));
        [Levada, Tokio, Asyncband, AsyncBroadcast, Postage]
    );
    let name = flow.name("broadcast/send", On::Mt, 4, <usize as Message>::NAME);
    Cell::timed(name, about, contenders)
}

/// How the messages go.
#[derive(Clone, Copy, Debug)]
struct Flow {
    receivers: u64,
    capacity: usize,
    /// How many messages are under way at most.
    burst: u64,
    /// Whether each receiver is replaced by a new one after each burst.
    anew: bool,
}

impl Flow {
    fn new(receivers: u64, capacity: usize) -> Self {
        Self { receivers, capacity, burst: capacity as u64 / 2, anew: false }
    }

    fn name(self, group: &str, on: On, senders: u64, message: &str) -> String {
        let Self { receivers, capacity, .. } = self;
        format!("{group}/{}-{senders}-{receivers}/cap-{capacity}/{message}", on.name())
    }

    async fn one_sender<C: Broadcast, T: Message>(self, n: u64) -> Duration {
        let (sender, receiver) = C::channel::<T>(self.capacity);
        self.run::<C, T>(n, vec![sender], receiver).await
    }

    async fn many_senders<C: ManySenders, T: Message>(self, n: u64, senders: u64) -> Duration {
        let (sender, receiver) = C::channel::<T>(self.capacity);
        let senders = (0..senders).map(|_| C::another(&sender)).collect();
        self.run::<C, T>(n, senders, receiver).await
    }

    /// Measures from when all receivers are there until all have received everything.
    async fn run<C: Broadcast, T: Message>(
        self,
        n: u64,
        senders: Vec<C::Sender<T>>,
        first: C::Receiver<T>,
    ) -> Duration {
        let seen = Rounds::of(self.receivers);
        let mut receivers: Vec<_> = (1..self.receivers).map(|_| C::subscribe(&first)).collect();
        receivers.push(first);
        let receiving: Vec<_> = receivers
            .into_iter()
            .map(|receiver| tokio::spawn(self.receive::<C, T>(n, receiver, seen.clone())))
            .collect();
        seen.done(1).await;
        let start = Instant::now();
        let parts = senders.len() as u64;
        let sending: Vec<_> = (0..parts)
            .zip(senders)
            .map(|(part, sender)| {
                tokio::spawn(self.send::<C, T>(n, parts, part, sender, seen.clone()))
            })
            .collect();
        let mut senders = Vec::new();
        for sender in sending {
            senders.push(joined(sender).await);
        }
        let elapsed = start.elapsed();
        for receiver in receiving {
            joined(receiver).await.check(n);
        }
        elapsed
    }

    /// Sends one of the parts of each burst. The channel has this sender until the last one is
    /// ready.
    async fn send<C: Broadcast, T: Message>(
        self,
        n: u64,
        parts: u64,
        part: u64,
        mut sender: C::Sender<T>,
        seen: Arc<Rounds>,
    ) -> C::Sender<T> {
        for (burst, round) in self.bursts(n).zip(2..) {
            for number in share(burst.end - burst.start, parts, part) {
                C::send(&mut sender, T::new(burst.start + number)).await;
            }
            seen.done(round).await;
        }
        sender
    }

    /// Arrives when it is there, and after each burst.
    async fn receive<C: Broadcast, T: Message>(
        self,
        n: u64,
        mut receiver: C::Receiver<T>,
        seen: Arc<Rounds>,
    ) -> Tally {
        let mut tally = Tally::default();
        seen.arrive();
        for burst in self.bursts(n) {
            for _ in burst {
                tally.add(C::recv(&mut receiver).await.number());
            }
            if self.anew {
                receiver = C::subscribe(&receiver);
            }
            seen.arrive();
        }
        tally
    }

    /// The numbers of the messages of each burst.
    fn bursts(self, n: u64) -> impl Iterator<Item = Range<u64>> + Send {
        let starts = (0..n.div_ceil(self.burst)).map(move |burst| burst * self.burst);
        starts.map(move |start| start..n.min(start + self.burst))
    }
}
