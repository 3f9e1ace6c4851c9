//! A subscriber that falls behind, learns how many changes it missed, and recovers.
//!
//! Why `broadcast`: the publisher must never wait for a slow reader. The price is that a reader
//! which falls more than the capacity behind loses the oldest changes, and is told how many.
//!
//! Look at:
//! - `Lagged(6)`: the number is exact. The next `recv` gives the oldest change still kept.
//! - `Replica::recover`: subscribe *first*, then copy the truth. In the other order a change
//!   between the two steps would be lost for good.
//! - changes carry a number, so one that the copy already contains is not applied twice.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use levada::broadcast::{self, error::RecvError};

/// Changes kept for a slow reader. Tiny, so that falling behind is easy to show.
const CAPACITY: usize = 4;

#[derive(Clone, Debug)]
struct Change {
    number: u64,
    item: &'static str,
    count: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Stock {
    /// Number of the last change that is contained.
    change: u64,
    counts: BTreeMap<&'static str, i64>,
}

impl Stock {
    fn apply(&mut self, change: &Change) {
        *self.counts.entry(change.item).or_default() += change.count;
        self.change = change.number;
    }
}

/// The truth, and the bus on which it announces each change.
struct Warehouse {
    stock: Mutex<Stock>,
    changes: broadcast::Sender<Change>,
}

impl Warehouse {
    fn change(&self, item: &'static str, count: i64) {
        // Sent under the lock, so that numbers leave in order. `send` never waits.
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        let change = Change { number: stock.change + 1, item, count };
        stock.apply(&change);
        if self.changes.send(change).is_err() {
            println!("change {} has no reader", stock.change);
        }
    }

    fn copy(&self) -> Stock {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Replica {
    stock: Stock,
    changes: broadcast::Receiver<Change>,
}

impl Replica {
    /// Takes in one change, or recovers. Fails when the bus is closed and everything is read.
    async fn step(&mut self, warehouse: &Warehouse) -> Result<(), RecvError> {
        match self.changes.recv().await {
            Ok(change) if change.number <= self.stock.change => {
                println!("change {} is already contained", change.number);
            }
            Ok(change) => {
                self.stock.apply(&change);
                println!("change {} applied", change.number);
            }
            Err(RecvError::Lagged(missed)) => {
                println!("missed {missed} changes");
                self.recover(warehouse);
            }
            Err(RecvError::Closed) => return Err(RecvError::Closed),
        }
        Ok(())
    }

    fn recover(&mut self, warehouse: &Warehouse) {
        self.changes = self.changes.resubscribe();
        self.stock = warehouse.copy();
        println!("copied the stock at change {}", self.stock.change);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (changes, receiver) = broadcast::channel(CAPACITY);
    let warehouse = Warehouse { stock: Mutex::default(), changes };
    let mut replica = Replica { stock: Stock::default(), changes: receiver };

    // The replica is busy with something else while ten changes go by: six more than are kept.
    for count in 1..=10 {
        warehouse.change(if count % 2 == 0 { "bolts" } else { "nuts" }, count);
    }
    replica.step(&warehouse).await?; // Learns that it lagged, and recovers.

    warehouse.change("bolts", -5);
    replica.step(&warehouse).await?; // Back to normal.

    println!("replica: {:?}", replica.stock.counts);
    println!(
        "the replica is {}",
        if replica.stock == warehouse.copy() { "right" } else { "wrong" }
    );
    Ok(())
}
