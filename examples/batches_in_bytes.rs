//! A shipper of log records whose memory is bounded in bytes: in the batches that it uploads, and
//! in the queue in front of them.
//!
//! Why `levada_work::batch` on a weighted queue: records are of 10 KiB or of 200. A bound of so
//! many records is either too large for the memory, or too small for the throughput.
//! `queue_in_bytes` shows the queue alone.
//!
//! Look at:
//! - one function weighs a record, once, for the batch and for the queue.
//! - a batch ends before the record that would exceed it.
//! - the dump is larger than a batch and than the whole queue: it waits until the queue is empty,
//!   and is uploaded alone.
//! - `try_send` gives the record back: the producer decides, and no memory grows.

use std::convert::Infallible;
use std::error::Error;

use levada_work::batch::{Batch, Batcher};

const KIB: usize = 1024;
/// What the other side takes in one request.
const BATCH: usize = 64 * KIB;
/// What may wait meanwhile.
const QUEUE: usize = 160 * KIB;

type Record = Vec<u8>;

fn record(kib: usize) -> Record {
    vec![0; kib * KIB]
}

/// Stands for a request.
async fn upload(batch: Vec<Record>) -> Result<(), Infallible> {
    let bytes: usize = batch.iter().map(Vec::len).sum();
    println!("upload: {} records, {} KiB", batch.len(), bytes / KIB);
    Ok(())
}

/// Sends records for as long as they are accepted at once.
fn fill(records: &Batcher<Record>) -> usize {
    (0..).take_while(|_| records.try_send(record(10)).is_ok()).count()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (records, worker) =
        Batch::new().max_weight(BATCH, Vec::len).capacity_weight(QUEUE).start(upload);

    println!("accepted: {} records of 10 KiB, and the queue is full", fill(&records));
    match records.try_send(record(10)) {
        Ok(()) => println!("accepted: another one"),
        Err(refused) => println!("refused: {} KiB come back", refused.into_inner().len() / KIB),
    }

    if let Err(closed) = records.send(record(200)).await {
        return Err(format!("the dump was not accepted: {closed}").into());
    }
    println!("accepted: a dump of 200 KiB");
    let totals = records.flush().await?;
    println!("flushed: {} records in {} batches", totals.flushed, totals.batches);

    records.try_send(record(1))?;
    drop(records);
    println!("uploaded: {} records", worker.join().await?.flushed);
    Ok(())
}
