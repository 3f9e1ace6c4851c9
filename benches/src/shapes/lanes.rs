//! Several queues before one receiver, the urgent first: levada's lanes beside queues and a
//! `select!`. Only crates whose receive can be cancelled take part: a `select!` cancels one.

use super::mpsc::same_task;
use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::lanes::{Ends, levada, levada_mpmc, three, two, two_mpmc};
use crate::contenders::queues::{AsyncChannel, Asyncband, Flume, Levada, Tokio};
use crate::kinds::mpsc::{AsyncRecv, AsyncSend, Named};
use crate::message::{Message, Tally, share};
use crate::runtime::{On, joined};
use ::levada::mpsc::lanes::Serve;
use std::time::Instant;

/// levada's channels, by hand.
const BY_HAND: &str = "levada (by hand)";

/// What a lane of two may give in a round, if they are served by weight.
const WEIGHTS: [u32; 2] = [3, 1];

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![low_of_two_in_one_task(), low_of_three_in_one_task()];
    cells.extend(
        [On::Ct, On::Mt].map(|on| Flow { on, tasks: [0, 1], capacity: 128 }.cell("idle-high")),
    );
    let busy = [(On::Ct, [1, 1]), (On::Mt, [1, 1]), (On::Mt, [2, 2])];
    for (name, capacity) in [("both-busy", 128), ("full", 8)] {
        cells.extend(busy.map(|(on, tasks)| Flow { on, tasks, capacity }.cell(name)));
    }
    cells.push(many_receivers());
    cells
}

fn low_of_two_in_one_task() -> Cell {
    let mut contenders = vec![
        Contender::new("levada", |n| in_one_task(levada(128, Serve::<2>::Strict), n)),
        Contender::new("levada (by weight)", |n| {
            in_one_task(levada(128, Serve::Weighted(WEIGHTS)), n)
        }),
        Contender::new("levada (mpmc)", |n| in_one_task(levada_mpmc(128, Serve::<2>::Strict), n)),
        Contender::new(BY_HAND, |n| in_one_task(two::<Levada>(128), n)),
    ];
    contenders.extend(contenders!(
        C => |n| in_one_task(two::<C>(128), n);
        [Tokio, Asyncband, AsyncChannel, Flume]
    ));
    let about = "one task sends a message to the lower of two lanes and receives it";
    Cell::timed("lanes/low-of-2/ct/cap-128/u64", about, contenders)
}

fn low_of_three_in_one_task() -> Cell {
    let mut contenders = vec![
        Contender::new("levada", |n| in_one_task(levada(128, Serve::<3>::Strict), n)),
        Contender::new("levada (by weight)", |n| {
            in_one_task(levada(128, Serve::Weighted([4, 2, 1])), n)
        }),
        Contender::new("levada (mpmc)", |n| in_one_task(levada_mpmc(128, Serve::<3>::Strict), n)),
        Contender::new(BY_HAND, |n| in_one_task(three::<Levada>(128), n)),
    ];
    contenders.extend(contenders!(
        C => |n| in_one_task(three::<C>(128), n);
        [Tokio, Asyncband, AsyncChannel, Flume]
    ));
    let about = "one task sends a message to the lowest of three lanes and receives it";
    Cell::timed("lanes/low-of-3/ct/cap-128/u64", about, contenders)
}

/// The higher lanes stay empty, and open.
fn in_one_task<S, R, const LANES: usize>((lanes, receiver): Ends<S, R, LANES>, n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize>,
{
    let low = lanes[LANES - 1].clone();
    let round = same_task(On::Ct, (low, receiver), n);
    drop(lanes);
    round
}

/// How the messages go through two lanes.
#[derive(Clone, Copy, Debug)]
struct Flow {
    on: On,
    /// How many send to each lane.
    tasks: [u64; 2],
    /// Of each lane.
    capacity: usize,
}

impl Flow {
    fn cell(self, group: &str) -> Cell {
        let capacity = self.capacity;
        let mut contenders = vec![
            Contender::new("levada", move |n| self.to_one(levada(capacity, Serve::<2>::Strict), n)),
            Contender::new("levada (by weight)", move |n| {
                self.to_one(levada(capacity, Serve::Weighted(WEIGHTS)), n)
            }),
            Contender::new("levada (mpmc)", move |n| {
                self.to_one(levada_mpmc(capacity, Serve::<2>::Strict), n)
            }),
            Contender::new(BY_HAND, move |n| self.to_one(two::<Levada>(capacity), n)),
        ];
        contenders.extend(contenders!(
            C => move |n| self.to_one(two::<C>(capacity), n);
            [Tokio, Asyncband, AsyncChannel, Flume]
        ));
        let about = "each task sends its share to its lane as fast as it can, one task receives";
        Cell::timed(self.name(group, 1), about, contenders)
    }

    fn name(self, group: &str, receivers: u64) -> String {
        let Self { on, tasks: [high, low], capacity } = self;
        format!("lanes/{group}/{}-{high}+{low}-{receivers}/cap-{capacity}/u64", on.name())
    }

    fn to_one<S, R>(self, (lanes, receiver): Ends<S, R, 2>, n: u64) -> Round
    where
        S: AsyncSend<usize>,
        R: AsyncRecv<usize>,
    {
        self.run(lanes, vec![receiver], n)
    }

    fn to_many<S, R>(self, (lanes, receiver): Ends<S, R, 2>, receivers: usize, n: u64) -> Round
    where
        S: AsyncSend<usize>,
        R: AsyncRecv<usize> + Clone,
    {
        self.run(lanes, vec![receiver; receivers], n)
    }

    /// Starting the tasks that send is not measured.
    fn run<S, R>(self, lanes: [S; 2], receivers: Vec<R>, n: u64) -> Round
    where
        S: AsyncSend<usize>,
        R: AsyncRecv<usize>,
    {
        let (elapsed, tally) = self.on.run(async move {
            self.start_senders(&lanes, n);
            // A lane to which no task sends stays open until the others have ended.
            let start = Instant::now();
            let receivers: Vec<_> =
                receivers.into_iter().map(|r| tokio::spawn(received(r))).collect();
            drop(lanes);
            let mut tally = Tally::default();
            for receiver in receivers {
                tally = tally.and(joined(receiver).await);
            }
            (start.elapsed(), tally)
        });
        tally.check(n);
        Round::Time(elapsed)
    }

    fn start_senders<S: AsyncSend<usize>>(self, lanes: &[S; 2], n: u64) {
        let all = self.tasks[0] + self.tasks[1];
        for part in 0..all {
            let mut sender = lanes[usize::from(part >= self.tasks[0])].clone();
            // It keeps the lanes open: none ends before all have been sent to.
            let lanes = lanes.clone();
            tokio::spawn(async move {
                for number in share(n, all, part) {
                    sender.send(Message::new(number)).await;
                }
                drop(lanes);
            });
        }
    }
}

async fn received<R: AsyncRecv<usize>>(mut receiver: R) -> Tally {
    let mut tally = Tally::default();
    while let Some(message) = receiver.recv().await {
        tally.add(message.number());
    }
    tally
}

fn many_receivers() -> Cell {
    let flow = Flow { on: On::Mt, tasks: [2, 2], capacity: 128 };
    let mut contenders = vec![
        Contender::new("levada", move |n| flow.to_many(levada_mpmc(128, Serve::<2>::Strict), 4, n)),
        Contender::new("levada (by weight)", move |n| {
            flow.to_many(levada_mpmc(128, Serve::Weighted(WEIGHTS)), 4, n)
        }),
        Contender::new(BY_HAND, move |n| flow.to_many(two_mpmc::<Levada>(128), 4, n)),
    ];
    contenders.extend(contenders!(
        C => move |n| flow.to_many(two_mpmc::<C>(128), 4, n);
        [Asyncband, AsyncChannel, Flume]
    ));
    let about = "each task sends its share to its lane as fast as it can, four tasks receive";
    Cell::timed(flow.name("both-busy", 4), about, contenders)
}
