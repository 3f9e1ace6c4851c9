//! Queues that are bounded by weight, and levada's plain one beside them, with as many messages:
//! the difference is the price of the weights.

use super::mpsc::{many_to_one, same_task};
use crate::cell::{Cell, Contender, Round};
use crate::contenders::queues::Levada;
use crate::contenders::weights::{asyncband, levada, room, tokio, tokio_forgotten};
use crate::kinds::mpsc::{AsyncRecv, AsyncSend, Bounded as _};
use crate::runtime::On;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells =
        vec![Work::SameTask.cell("same-task/ct", 128, "one task sends a message and receives it")];
    let about = "each task sends its share of the messages as fast as it can, one task receives";
    for (group, messages) in [("many", 10_000), ("full", 8)] {
        for (on, senders) in [(On::Ct, 1), (On::Ct, 4), (On::Mt, 1), (On::Mt, 4)] {
            let name = format!("{group}/{}-{senders}-1", on.name());
            cells.push(Work::ManyToOne { on, senders }.cell(&name, messages, about));
        }
    }
    cells
}

#[derive(Clone, Copy, Debug)]
enum Work {
    SameTask,
    ManyToOne { on: On, senders: u64 },
}

impl Work {
    /// With room for so many messages.
    fn cell(self, name: &str, messages: usize, about: &'static str) -> Cell {
        let max_weight = room(messages);
        let contenders = vec![
            Contender::new("levada", move |n| self.run(levada(max_weight), n)),
            Contender::new("levada (plain)", move |n| self.run(Levada::bounded(messages), n)),
            Contender::new("tokio", move |n| self.run(tokio(max_weight), n)),
            Contender::new("tokio (forgotten)", move |n| self.run(tokio_forgotten(max_weight), n)),
            Contender::new("asyncband", move |n| self.run(asyncband(max_weight), n)),
        ];
        Cell::timed(format!("weighted/{name}/room-{messages}/u64"), about, contenders)
    }

    fn run<S: AsyncSend<usize>, R: AsyncRecv<usize>>(self, ends: (S, R), n: u64) -> Round {
        match self {
            Self::SameTask => same_task(On::Ct, ends, n),
            Self::ManyToOne { on, senders } => many_to_one(on, ends, senders, n),
        }
    }
}
