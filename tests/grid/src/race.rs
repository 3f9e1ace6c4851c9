//! The same cells with both sides at the same time, on two threads.

use crate::party::Party;
use crate::run::{End, Run, Running};
use crate::table::{Cell, Table};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use support::DEADLINE;

/// A side that takes up to so many steps once both have come.
type Heat = (Party, u8, End, Arc<Barrier>);

/// Two threads that wait for sides to run.
#[derive(Debug)]
pub struct Racers([Racer; 2]);

#[derive(Debug)]
struct Racer {
    start: Sender<Heat>,
    done: Receiver<Party>,
}

impl Racers {
    pub(crate) fn new() -> Self {
        Self([Racer::new(), Racer::new()])
    }
}

impl Racer {
    fn new() -> Self {
        let (start, heats) = channel::<Heat>();
        let (finish, done) = channel();
        thread::spawn(move || {
            for (mut party, steps, end, both) in heats {
                both.wait();
                for _ in 0..steps {
                    party.step_as(end);
                }
                if finish.send(party).is_err() {
                    return;
                }
            }
        });
        Self { start, done }
    }
}

/// Runs a cell with both sides at the same time.
pub(crate) fn race<Tx, Rx>(table: &Table<Tx, Rx>, cell: &Cell, end: End, racers: &Racers) -> Run {
    let mut scene = table.scene(cell, end);
    let both = Arc::new(Barrier::new(2));
    for (at, racer) in racers.0.iter().enumerate() {
        let party = std::mem::replace(&mut scene.parties[at], Party::absent());
        let heat = (party, cell.polls[at], end, Arc::clone(&both));
        racer.start.send(heat).expect("the thread is there");
    }
    let mut running = Running::new(table, scene, end);
    let mut out = [true; 2];
    // A side that blocks may need the end of the channel to come back; the other one does not.
    for at in (0..2).filter(|&at| !cell.blocks[at]) {
        running.parties[at] = racers.0[at].done.recv_timeout(DEADLINE).expect("it hangs");
        out[at] = false;
    }
    running.racing = true;
    let begin = Instant::now();
    while out.contains(&true) {
        assert!(begin.elapsed() < DEADLINE, "{cell}: it hangs");
        running.release();
        running.wind_down();
        for (at, out) in out.iter_mut().enumerate().filter(|(_, out)| **out) {
            match racers.0[at].done.recv_timeout(Duration::from_micros(50)) {
                Ok(party) => (running.parties[at], *out) = (party, false),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("{cell}: a side has panicked"),
            }
        }
    }
    running.racing = false;
    running.finish()
}
