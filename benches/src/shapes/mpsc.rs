//! Bounded queues with one receiver, used by tasks.

use crate::cell::{Cell, Contender, Round};
use crate::contenders::queues::for_bounded;
use crate::kinds::mpsc::{AsyncRecv, AsyncSend, Bounded, Named, RecvMany, TryRecv, TrySend};
use crate::message::{Message, Tally, Words, share};
use crate::runtime::{On, joined};
use std::time::Instant;

/// The capacity unless a cell's name says another.
pub(crate) const CAPACITY: usize = 128;

/// How many messages a batch has at most.
const BATCH: usize = 64;

/// How many messages a burst has.
const BURST: usize = 64;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = same_task_cells();
    cells.extend(many_to_one_cells());
    cells.extend(message_cells());
    cells.extend(other_cells());
    cells
}

fn same_task_cells() -> Vec<Cell> {
    let task = for_bounded!(C => |n| same_task(On::Ct, C::bounded::<usize>(CAPACITY), n));
    let tried = for_bounded!(C => |n| tried(C::bounded::<usize>(CAPACITY), n));
    vec![
        Cell::timed(
            "mpsc/bounded/same-task/ct/cap-128/u64",
            "one task sends a message and receives it",
            task,
        ),
        Cell::timed(
            "mpsc/bounded/try/none/cap-128/u64",
            "`try_send` and `try_recv`, without a runtime",
            tried,
        ),
    ]
}

/// All shapes that differ in the executor, the number of senders and the capacity.
fn many_to_one_cells() -> Vec<Cell> {
    let shapes = [
        (On::Ct, 1, CAPACITY),
        (On::Ct, 4, CAPACITY),
        (On::Mt, 1, 1),
        (On::Mt, 1, 8),
        (On::Mt, 1, CAPACITY),
        (On::Mt, 1, 10_000),
        (On::Mt, 2, CAPACITY),
        (On::Mt, 4, 1),
        (On::Mt, 4, 8),
        (On::Mt, 4, CAPACITY),
        (On::Mt, 4, 10_000),
        (On::Mt, 16, CAPACITY),
        (On::Mt, 50, 8),
        (On::Mt, 100, CAPACITY),
        (On::Mt8, 8, CAPACITY),
    ];
    shapes.map(|(on, senders, capacity)| many_to_one_cell::<usize>(on, senders, capacity)).into()
}

fn message_cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (on, senders) in [(On::Ct, 1), (On::Mt, 4)] {
        cells.push(many_to_one_cell::<Words<8>>(on, senders, CAPACITY));
        cells.push(many_to_one_cell::<Words<32>>(on, senders, CAPACITY));
        cells.push(many_to_one_cell::<String>(on, senders, CAPACITY));
    }
    cells
}

fn many_to_one_cell<M: Message>(on: On, senders: u64, capacity: usize) -> Cell {
    Cell::timed(
        format!("mpsc/bounded/{}-{senders}-1/cap-{capacity}/{}", on.name(), M::NAME),
        "each task sends its share of the messages as fast as it can, one task receives",
        for_bounded!(C => move |n| many_to_one(on, C::bounded::<M>(capacity), senders, n)),
    )
}

fn other_cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for on in [On::Ct, On::Mt] {
        let ends = |on: On| -> Vec<Contender> {
            for_bounded!(C => move |n| ping_pong(on, C::bounded(1), C::bounded(1), n))
        };
        cells.push(Cell::timed(
            format!("mpsc/bounded/ping-pong/{}/cap-1/u64", on.name()),
            "a task sends and waits for the answer of another, over two channels: one round trip",
            ends(on),
        ));
        cells.push(Cell::timed(
            format!("mpsc/bounded/bursts-of-64/{}-1-1/cap-128/u64", on.name()),
            "a task sends 64 messages and waits until they are acknowledged, once: one message",
            for_bounded!(C => move |n| bursts(on, C::bounded(CAPACITY), C::bounded(1), n)),
        ));
    }
    cells.push(Cell::timed(
        "mpsc/bounded/recv-many/mt-4-1/cap-128/u64",
        "four tasks send, one receives up to 64 messages at once, or as its own documentation shows",
        for_bounded!(C => |n| batches(On::Mt, C::bounded::<usize>(CAPACITY), 4, n)),
    ));
    cells
}

/// One task sends and receives, in turn.
pub(crate) fn same_task<S, R>(on: On, (mut sender, mut receiver): (S, R), n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize>,
{
    let (elapsed, tally) = on.run(async move {
        let mut tally = Tally::default();
        let start = Instant::now();
        for number in 0..n {
            sender.send(Message::new(number)).await;
            let message = receiver.recv().await.expect("it was sent");
            tally.add(message.number());
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// The same without waiting and without a runtime.
pub(crate) fn tried<S, R>((mut sender, mut receiver): (S, R), n: u64) -> Round
where
    S: TrySend<usize>,
    R: TryRecv<usize>,
{
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        assert!(sender.try_send(Message::new(number)), "there is room");
        let message = receiver.try_recv().expect("it was sent");
        tally.add(message.number());
    }
    let elapsed = start.elapsed();
    tally.check(n);
    Round::Time(elapsed)
}

/// Starts the tasks that send `n` messages.
pub(crate) fn spawn_senders<M: Message, S: AsyncSend<M>>(sender: &S, senders: u64, n: u64) {
    for index in 0..senders {
        let mut sender = sender.clone();
        tokio::spawn(async move {
            for number in share(n, senders, index) {
                sender.send(M::new(number)).await;
            }
        });
    }
}

/// Some tasks send, one receives. Starting the tasks is not measured; what the first of them send
/// meanwhile is at most a full channel.
pub(crate) fn many_to_one<M, S, R>(
    on: On,
    (sender, mut receiver): (S, R),
    senders: u64,
    n: u64,
) -> Round
where
    M: Message,
    S: AsyncSend<M>,
    R: AsyncRecv<M>,
{
    let (elapsed, tally) = on.run(async move {
        spawn_senders(&sender, senders, n);
        drop(sender);
        let start = Instant::now();
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            tally.add(message.number());
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// Some tasks send, one receives in batches.
fn batches<S, R>(on: On, (sender, mut receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize> + RecvMany<usize>,
{
    let (elapsed, tally) = on.run(async move {
        let mut buffer = Vec::with_capacity(CAPACITY);
        spawn_senders(&sender, senders, n);
        drop(sender);
        let start = Instant::now();
        let mut tally = Tally::default();
        while receiver.recv_many(&mut buffer, BATCH).await > 0 {
            buffer.drain(..).for_each(|message| tally.add(message.number()));
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// A message goes to another task and its number comes back, and so on.
fn ping_pong<S, R>(on: On, there: (S, R), back: (S, R), n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize>,
{
    let ((mut ask, mut asked), (mut answer, mut answered)) = (there, back);
    let (elapsed, tally) = on.run(async move {
        let server = tokio::spawn(async move {
            while let Some(message) = asked.recv().await {
                answer.send(message).await;
            }
        });
        let mut tally = Tally::default();
        let start = Instant::now();
        for number in 0..n {
            ask.send(Message::new(number)).await;
            let message = answered.recv().await.expect("every message is answered");
            tally.add(message.number());
        }
        let elapsed = start.elapsed();
        drop(ask);
        joined(server).await;
        (elapsed, tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// A task sends [`BURST`] messages, then waits for the acknowledgement of them all.
fn bursts<S, R>(on: On, there: (S, R), back: (S, R), n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize>,
{
    let ((mut sender, mut receiver), (mut acknowledge, mut acknowledged)) = (there, back);
    let (elapsed, tally) = on.run(async move {
        let start = Instant::now();
        tokio::spawn(async move {
            for burst in (0..n).step_by(BURST) {
                for number in burst..n.min(burst + BURST as u64) {
                    sender.send(Message::new(number)).await;
                }
                acknowledged.recv().await.expect("every burst is acknowledged");
            }
        });
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            tally.add(message.number());
            if tally.count % BURST as u64 == 0 || tally.count == n {
                acknowledge.send(0).await;
            }
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}
