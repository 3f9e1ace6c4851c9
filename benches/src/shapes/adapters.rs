//! Adapters of receivers: levada's, and those of futures-util, tokio-stream and async-stream. The
//! channels are the same for all: levada's.

use super::rounds::scaled;
use crate::cell::{Cell, Contender, Round};
use crate::message::{Message, Tally, share};
use crate::runtime::On;
use async_stream::stream;
use futures_util::StreamExt as _;
use futures_util::stream::{Stream, select_all};
use levada::{adapters, mpsc};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio_stream::StreamMap;

type Receiver = mpsc::Receiver<usize>;

/// The capacity, how many messages are sent before an adapter is asked, and how many a chunk has.
const BURST: usize = 64;

/// How many channels are merged.
const SOURCES: usize = 8;

/// How long a chunk waits; in one task it is full before.
const LONGEST: Duration = Duration::from_millis(100);

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for work in [Work::OneTask { burst: BURST as u64 }, Work::BetweenTasks] {
        cells.push(work.cell("conflate", conflating(work)));
        cells.push(work.cell("chunks-timeout", chunking(work)));
    }
    for work in [Work::OneTask { burst: SOURCES as u64 }, Work::BetweenTasks] {
        cells.push(work.cell("merge-of-8", merging(work)));
    }
    cells
}

fn conflating(work: Work) -> Vec<Contender> {
    let see = |seen: &mut Seen, message: usize| seen.end = message.number() + 1;
    vec![
        Contender::new("levada", move |n| work.run(|[rx]| adapters::conflate(rx), see, n)),
        Contender::new("futures-util (ready_chunks)", move |n| {
            let last = |chunk: Vec<usize>| chunk.last().copied().expect("no chunk is empty");
            work.run(move |[rx]: [Receiver; 1]| rx.ready_chunks(BURST).map(last), see, n)
        }),
        Contender::new("async-stream (by hand)", move |n| work.run(|[rx]| last_of(rx), see, n)),
    ]
}

fn last_of(mut receiver: Receiver) -> impl Stream<Item = usize> {
    stream! {
        while let Some(mut last) = receiver.recv().await {
            while let Ok(newer) = receiver.try_recv() {
                last = newer;
            }
            yield last;
        }
    }
}

fn chunking(work: Work) -> Vec<Contender> {
    let see = |seen: &mut Seen, chunk: Vec<usize>| {
        chunk.into_iter().for_each(|message| seen.add(message));
    };
    vec![
        Contender::new("levada", move |n| {
            work.run(|[rx]| adapters::chunks_timeout(rx, BURST, LONGEST), see, n)
        }),
        Contender::new("tokio-stream", move |n| {
            work.run(|[rx]| tokio_stream::StreamExt::chunks_timeout(rx, BURST, LONGEST), see, n)
        }),
        Contender::new("futures-util (no timeout)", move |n| {
            work.run(|[rx]: [Receiver; 1]| rx.ready_chunks(BURST), see, n)
        }),
    ]
}

fn merging(work: Work) -> Vec<Contender> {
    let see = Seen::add;
    vec![
        Contender::new("levada", move |n| {
            work.run(|all: [Receiver; SOURCES]| adapters::merge(all), see, n)
        }),
        Contender::new("futures-util (select_all)", move |n| {
            work.run(|all: [Receiver; SOURCES]| select_all(all), see, n)
        }),
        Contender::new("tokio-stream (StreamMap)", move |n| {
            let map = |all: [Receiver; SOURCES]| StreamMap::from_iter(all.into_iter().enumerate());
            work.run(move |all| map(all).map(|(_, message)| message), see, n)
        }),
    ]
}

/// What came out.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Of the messages up to this one, each was received or there was a newer one.
    end: u64,
    /// Nothing where they are conflated.
    tally: Tally,
}

impl Seen {
    fn add(&mut self, message: usize) {
        self.end += 1;
        self.tally.add(message.number());
    }

    fn check(self, n: u64) {
        assert_eq!(self.end, n, "the last one is received");
        if self.tally.count > 0 {
            self.tally.check(n);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    OneTask { burst: u64 },
    BetweenTasks,
}

impl Work {
    fn cell(self, adapter: &str, contenders: Vec<Contender>) -> Cell {
        let (name, about) = match self {
            Self::OneTask { .. } => {
                ("one-task/ct", "a task sends some messages and receives them: one message")
            }
            Self::BetweenTasks => {
                ("mt", "for each channel a task sends its share, one receives: one message")
            }
        };
        Cell::timed(format!("adapters/{adapter}/{name}/cap-{BURST}/u64"), about, contenders)
    }

    fn run<S, const SOURCES: usize>(
        self,
        adapt: impl FnOnce([Receiver; SOURCES]) -> S + Send + 'static,
        see: impl Fn(&mut Seen, S::Item) + Send + Sync + 'static,
        n: u64,
    ) -> Round
    where
        S: Stream<Item: Send> + Send + 'static,
    {
        let channels: [_; SOURCES] = std::array::from_fn(|_| mpsc::channel(BURST));
        let senders = channels.each_ref().map(|(sender, _)| sender.clone());
        let stream = adapt(channels.map(|(_, receiver)| receiver));
        match self {
            Self::OneTask { burst } => {
                let done = n.next_multiple_of(burst);
                scaled(On::Ct.run(one_task(senders, stream, see, burst, done)), done, n)
            }
            Self::BetweenTasks => Round::Time(On::Mt.run(between_tasks(senders, stream, see, n))),
        }
    }
}

/// Sends whole bursts, as a chunk that is not full would wait.
async fn one_task<S: Stream, const SOURCES: usize>(
    senders: [mpsc::Sender<usize>; SOURCES],
    stream: S,
    see: impl Fn(&mut Seen, S::Item),
    burst: u64,
    n: u64,
) -> Duration {
    let mut stream = pin!(stream);
    let mut seen = Seen::default();
    let start = Instant::now();
    for first in (0..n).step_by(burst as usize) {
        for number in first..first + burst {
            let sender = &senders[number as usize % SOURCES];
            sender.send(Message::new(number)).await.expect("the receiver lives");
        }
        while seen.end < first + burst {
            see(&mut seen, stream.next().await.expect("there is a sender"));
        }
    }
    let elapsed = start.elapsed();
    seen.check(n);
    elapsed
}

async fn between_tasks<S: Stream, const SOURCES: usize>(
    senders: [mpsc::Sender<usize>; SOURCES],
    stream: S,
    see: impl Fn(&mut Seen, S::Item),
    n: u64,
) -> Duration {
    for (part, sender) in (0..).zip(senders) {
        tokio::spawn(async move {
            for number in share(n, SOURCES as u64, part) {
                sender.send(Message::new(number)).await.expect("the receiver lives");
            }
        });
    }
    let mut stream = pin!(stream);
    let mut seen = Seen::default();
    let start = Instant::now();
    while let Some(item) = stream.next().await {
        see(&mut seen, item);
    }
    let elapsed = start.elapsed();
    seen.check(n);
    elapsed
}
