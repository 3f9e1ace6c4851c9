//! Messages that are sent in batches, in one call or one by one, and received with `recv_many`.

use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::queues::{
    AsyncChannel, Asyncband, Crossfire, Fibre, Flume, Kanal, Levada, Loole, Thingbuf, Tokio,
};
use crate::kinds::batches::{OneByOne, SendMany};
use crate::kinds::mpmc::Mpmc as _;
use crate::kinds::mpsc::{Bounded, Named, RecvMany};
use crate::message::{Message, Tally, share};
use crate::runtime::On;
use std::ops::Range;
use std::time::{Duration, Instant};

/// What is sent before anything is received, where sending alone is measured. So many that two
/// looks at the clock are nothing beside it.
const BLOCK: u64 = 2048;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for size in [128, 16] {
        let flow = Flow { size, capacity: BLOCK as usize, work: Work::SendingAlone };
        cells.push(flow.cell("alone/ct", "a task sends batches; receiving is not measured"));
    }
    for size in [128, 16] {
        let flow = Flow { size, capacity: 128, work: Work::SameTask };
        cells.push(flow.cell("same-task/ct", "a task sends a batch and receives it"));
    }
    let about = "each task sends its share in batches, one receives at most as many at once";
    for (senders, capacity, size) in [(1, 1024, 128), (1, 1024, 16), (4, 1024, 128), (4, 1024, 16)]
    {
        let flow = Flow { size, capacity, work: Work::ToAnother { senders } };
        cells.push(flow.cell(&format!("mt-{senders}-1"), about));
    }
    let flow = Flow { size: 128, capacity: 128, work: Work::ToAnother { senders: 4 } };
    cells.push(flow.cell("full/mt-4-1", about));
    cells
}

/// How the messages go.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// How many a batch has.
    size: usize,
    capacity: usize,
    work: Work,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    SendingAlone,
    SameTask,
    ToAnother { senders: u64 },
}

impl Flow {
    fn cell(self, who: &str, about: &'static str) -> Cell {
        let Self { size, capacity, .. } = self;
        let name = format!("batches/{who}/cap-{capacity}/of-{size}/u64");
        Cell::timed(name, about, self.contenders())
    }

    /// Those that send a batch in one call, and all that send one by one.
    fn contenders(self) -> Vec<Contender> {
        let capacity = self.capacity;
        let one_by_one = move |n| self.run(OneByOne::of(Levada::bounded(capacity)), n);
        let mut contenders = vec![
            Contender::new("levada", move |n| self.run(Levada::bounded(capacity), n)),
            Contender::new("levada (one by one)", one_by_one),
            Contender::new("levada (mpmc)", move |n| self.run(Levada::mpmc(capacity), n)),
            Contender::new("tokio (permits)", move |n| self.run(Tokio::bounded(capacity), n)),
            Contender::new("fibre (batch)", move |n| self.run(Fibre::bounded(capacity), n)),
        ];
        contenders.extend(contenders!(
            C => move |n| self.run(OneByOne::of(C::bounded(capacity)), n);
            [Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Thingbuf, Fibre, Loole]
        ));
        contenders
    }

    fn run<S, R>(self, (sender, receiver): (S, R), n: u64) -> Round
    where
        S: SendMany,
        R: RecvMany<usize> + Send + 'static,
    {
        let (elapsed, tally) = match self.work {
            Work::SendingAlone => On::Ct.run(self.sending_alone(sender, receiver, n)),
            Work::SameTask => On::Ct.run(self.same_task(sender, receiver, n)),
            Work::ToAnother { senders } => {
                On::Mt.run(self.to_another(sender, receiver, senders, n))
            }
        };
        tally.check(n);
        Round::Time(elapsed)
    }

    async fn sending_alone<S, R>(self, mut sender: S, mut receiver: R, n: u64) -> (Duration, Tally)
    where
        S: SendMany,
        R: RecvMany<usize>,
    {
        let (mut elapsed, mut tally) = (Duration::ZERO, Tally::default());
        let (mut batch, mut buffer) = (S::Batch::default(), Vec::with_capacity(self.capacity));
        for block in parts(0..n, BLOCK) {
            let start = Instant::now();
            for numbers in parts(block.clone(), self.size as u64) {
                batch.extend(numbers.map(<usize as Message>::new));
                sender.send_many(&mut batch).await;
            }
            elapsed += start.elapsed();
            while tally.count < block.end {
                assert!(receiver.recv_many(&mut buffer, self.size).await > 0, "it was sent");
                buffer.drain(..).for_each(|message| tally.add(message.number()));
            }
        }
        (elapsed, tally)
    }

    async fn same_task<S, R>(self, mut sender: S, mut receiver: R, n: u64) -> (Duration, Tally)
    where
        S: SendMany,
        R: RecvMany<usize>,
    {
        let mut tally = Tally::default();
        let (mut batch, mut buffer) = (S::Batch::default(), Vec::with_capacity(self.size));
        let start = Instant::now();
        for numbers in parts(0..n, self.size as u64) {
            let end = numbers.end;
            batch.extend(numbers.map(<usize as Message>::new));
            sender.send_many(&mut batch).await;
            while tally.count < end {
                assert!(receiver.recv_many(&mut buffer, self.size).await > 0, "it was sent");
                buffer.drain(..).for_each(|message| tally.add(message.number()));
            }
        }
        (start.elapsed(), tally)
    }

    async fn to_another<S, R>(
        self,
        sender: S,
        mut receiver: R,
        senders: u64,
        n: u64,
    ) -> (Duration, Tally)
    where
        S: SendMany,
        R: RecvMany<usize>,
    {
        let mut buffer = Vec::with_capacity(self.capacity);
        for part in 0..senders {
            tokio::spawn(send(sender.clone(), share(n, senders, part), self.size as u64));
        }
        drop(sender);
        let start = Instant::now();
        let mut tally = Tally::default();
        while receiver.recv_many(&mut buffer, self.size).await > 0 {
            buffer.drain(..).for_each(|message| tally.add(message.number()));
        }
        (start.elapsed(), tally)
    }
}

async fn send<S: SendMany>(mut sender: S, numbers: Range<u64>, size: u64) {
    let mut batch = S::Batch::default();
    for numbers in parts(numbers, size) {
        batch.extend(numbers.map(<usize as Message>::new));
        sender.send_many(&mut batch).await;
    }
}

/// The numbers, at most `size` at a time.
fn parts(numbers: Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> + Send {
    let Range { start, end } = numbers;
    let starts = (start..end).step_by(size as usize);
    starts.map(move |start| start..end.min(start + size))
}
