//! Queues whose senders never wait: a full one gives up the oldest message, the newest or the
//! incoming one. An operation is a message that is sent, whether it is received or not.

use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::overflows::{broadcasts, levada, others};
use crate::contenders::queues::{
    AsyncChannel, Asyncband, Crossfire, Fibre, Flume, Kanal, Levada, Loole, Thingbuf, Tokio,
};
use crate::kinds::mpsc::{AsyncRecv, Named, TryRecv};
use crate::kinds::overflow::{Overflowing, Put};
use crate::message::{Message, Tally, share};
use crate::runtime::{On, joined};
use ::levada::mpsc::Overflow;
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const CAPACITY: usize = 128;

/// How many messages a task sends before it lets others run, as it never waits: what it alone sends
/// into an empty queue meanwhile is given up by half.
const TURN: u64 = 2 * CAPACITY as u64;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for flow in [Flow::idle(On::Ct, 1), Flow::idle(On::Mt, 4)] {
        cells.push(flow.cell("evict-oldest", evict_oldest_idle(flow)));
        cells.push(flow.cell("evict-newest", evict_newest(flow)));
        cells.push(flow.cell("discard-incoming", discard_incoming(flow)));
    }
    for (on, senders) in [(On::Ct, 1), (On::Mt, 1), (On::Mt, 4)] {
        let flow = Flow { on, senders, is_idle: false };
        cells.push(flow.cell("evict-oldest", evict_oldest(flow)));
        cells.push(flow.cell("evict-newest", evict_newest(flow)));
        cells.push(flow.cell("discard-incoming", discard_incoming(flow)));
    }
    cells
}

/// Those whose receiver can wait.
fn evict_oldest(flow: Flow) -> Vec<Contender> {
    let mut contenders = levadas(flow, Overflow::EvictOldest, "levada (offer)");
    contenders.extend([
        Contender::new("levada", move |n| flow.run(levada::forced(CAPACITY), n)),
        Contender::new("async-channel", move |n| flow.run(others::async_channel(CAPACITY), n)),
        Contender::new("tokio (broadcast)", move |n| flow.run(broadcasts::tokio(CAPACITY), n)),
        Contender::new("async-broadcast", move |n| {
            flow.run(broadcasts::async_broadcast(CAPACITY), n)
        }),
    ]);
    contenders
}

/// And one that cannot.
fn evict_oldest_idle(flow: Flow) -> Vec<Contender> {
    let mut contenders = evict_oldest(flow);
    contenders.push(Contender::new("crossbeam (no waiting)", move |n| {
        Round::Time(flow.on.run(flow.to_an_idle_receiver(others::crossbeam(CAPACITY), n)))
    }));
    contenders
}

/// No peer does it.
fn evict_newest(flow: Flow) -> Vec<Contender> {
    levadas(flow, Overflow::EvictNewest, "levada")
}

/// The peers refuse the message, and their users drop it.
fn discard_incoming(flow: Flow) -> Vec<Contender> {
    let mut contenders = levadas(flow, Overflow::DiscardIncoming, "levada");
    let levada =
        Contender::new("levada (refused)", move |n| flow.run(others::tried::<Levada>(CAPACITY), n));
    contenders.push(levada);
    contenders.extend(contenders!(
        C => move |n| flow.run(others::tried::<C>(CAPACITY), n);
        [Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Thingbuf, Fibre, Loole]
    ));
    contenders
}

/// What levada has for each policy; `offer` has this name.
fn levadas(flow: Flow, overflow: Overflow, offer: &'static str) -> Vec<Contender> {
    vec![
        Contender::new(offer, move |n| flow.run(levada::offered(CAPACITY, overflow), n)),
        Contender::new("levada (hook)", move |n| flow.run(levada::hooked(CAPACITY, overflow), n)),
        Contender::new("levada (mpmc)", move |n| {
            flow.run(levada::offered_to_many(CAPACITY, overflow), n)
        }),
        Contender::new("levada (mpmc, hook)", move |n| {
            flow.run(levada::hooked_to_many(CAPACITY, overflow), n)
        }),
    ]
}

/// How the messages go.
#[derive(Clone, Copy, Debug)]
struct Flow {
    on: On,
    senders: u64,
    /// Whether the receiver does not receive before everything is sent.
    is_idle: bool,
}

impl Flow {
    fn idle(on: On, senders: u64) -> Self {
        Self { on, senders, is_idle: true }
    }

    fn cell(self, policy: &str, contenders: Vec<Contender>) -> Cell {
        let (receiver, about) = if self.is_idle {
            ("idle", "each task sends its share into a full queue, nothing is received meanwhile")
        } else {
            ("active", "each task sends its share and lets others run after 256, one receives")
        };
        let (on, senders) = (self.on.name(), self.senders);
        let name = format!("overflow/{policy}/{receiver}/{on}-{senders}-1/cap-{CAPACITY}/u64");
        Cell::timed(name, about, contenders)
    }

    fn run<S, R, P>(self, channel: Overflowing<S, R, P>, n: u64) -> Round
    where
        S: Clone + Send + 'static,
        R: AsyncRecv<usize> + TryRecv<usize>,
        P: Put<S>,
    {
        let elapsed = if self.is_idle {
            self.on.run(self.to_an_idle_receiver(channel, n))
        } else {
            self.on.run(self.to_an_active_receiver(channel, n))
        };
        Round::Time(elapsed)
    }

    async fn to_an_idle_receiver<S, R, P>(self, channel: Overflowing<S, R, P>, n: u64) -> Duration
    where
        S: Clone + Send + 'static,
        R: TryRecv<usize>,
        P: Put<S>,
    {
        let Overflowing { sender, mut receiver, put, given_up } = channel;
        let start = Instant::now();
        let sending = self.start(&sender, put, n);
        let mut account = Tally::default();
        for task in sending {
            account = account.and(joined(task).await);
        }
        let elapsed = start.elapsed();
        let came_back = account.count;
        while let Some(message) = receiver.try_recv() {
            account.add(message.number());
        }
        check(account, given_up.get(), n);
        assert_eq!(account.count - came_back, n.min(CAPACITY as u64), "the queue is full");
        elapsed
    }

    async fn to_an_active_receiver<S, R, P>(self, channel: Overflowing<S, R, P>, n: u64) -> Duration
    where
        S: Clone + Send + 'static,
        R: AsyncRecv<usize>,
        P: Put<S>,
    {
        let Overflowing { sender, mut receiver, put, given_up } = channel;
        let start = Instant::now();
        let sending = self.start(&sender, put, n);
        drop(sender);
        let mut account = Tally::default();
        while let Some(message) = receiver.recv().await {
            account.add(message.number());
        }
        let elapsed = start.elapsed();
        for task in sending {
            account = account.and(joined(task).await);
        }
        check(account, given_up.get(), n);
        elapsed
    }

    /// Starts the tasks that send `n` messages. Each returns the account of what came back.
    fn start<S, P>(self, sender: &S, put: P, n: u64) -> Vec<JoinHandle<Tally>>
    where
        S: Clone + Send + 'static,
        P: Put<S>,
    {
        let share = |part| share(n, self.senders, part);
        (0..self.senders).map(|part| tokio::spawn(send(sender.clone(), put, share(part)))).collect()
    }
}

async fn send<S, P: Put<S>>(mut sender: S, put: P, numbers: Range<u64>) -> Tally {
    let mut came_back = Tally::default();
    for number in numbers {
        if let Some(message) = put(&mut sender, Message::new(number)) {
            came_back.add(message.number());
        }
        if (number + 1).is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    came_back
}

/// Each message was received, came back, or was counted.
fn check(account: Tally, counted: u64, n: u64) {
    if counted == 0 {
        account.check(n);
    }
    assert_eq!(account.count + counted, n, "received, came back and counted are all");
}
