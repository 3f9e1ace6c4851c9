//! Uploads in front of a slow disk, bounded in bytes: the memory that waits is bounded, whether the
//! uploads are small or large.
//!
//! Why `mpsc::weighted`: a bound of 100 messages would be 100 KiB of thumbnails, or 10 GiB of
//! videos.
//!
//! Look at:
//! - `reserve_weight`: the room is taken before the body is read, from its announced length; what
//!   the body does not need is free again.
//! - the video is larger than the whole bound: it waits until the queue is empty, and goes alone.
//! - `set_max_weight`: the bound follows the memory that there is, while the service runs.

use std::error::Error;

use levada::mpsc;
use levada::mpsc::weighted::{Receiver, Sender};

const KIB: usize = 1024;

/// An upload.
struct Upload {
    name: &'static str,
    body: Vec<u8>,
}

/// Reads a body whose length is announced, into room that was reserved for it.
async fn receive(
    uploads: &Sender<Upload>,
    name: &'static str,
    announced: usize,
    read: usize,
) -> Result<(), Box<dyn Error>> {
    let room = uploads.reserve_weight(announced).await?;
    println!("server: room for {} KiB of {name}", announced / KIB);
    let body = vec![0; read]; // Only now there is memory for it.
    room.send(Upload { name, body })?;
    Ok(())
}

/// Writes uploads to the disk until no sender is left.
async fn write(mut uploads: Receiver<Upload>) -> usize {
    let mut written = 0;
    while let Some(upload) = uploads.recv().await {
        println!("disk: {} with {} KiB", upload.name, upload.body.len() / KIB);
        written += upload.body.len();
        tokio::task::yield_now().await; // The disk takes its time.
    }
    written
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = mpsc::weighted(100 * KIB, |upload: &Upload| upload.body.len());
    receive(&tx, "a thumbnail", 10 * KIB, 8 * KIB).await?;
    receive(&tx, "a page", 90 * KIB, 90 * KIB).await?;
    println!("queue: {} of {} KiB", tx.weight() / KIB, tx.max_weight() / KIB);

    let refused = tx.try_send(Upload { name: "a picture", body: vec![0; 40 * KIB] });
    println!("server: a picture: {}", refused.map_or_else(|e| e.to_string(), |()| "sent".into()));

    let disk = tokio::spawn(write(rx));
    receive(&tx, "a video", 5_000 * KIB, 5_000 * KIB).await?;
    println!("queue: {} of {} KiB", tx.weight() / KIB, tx.max_weight() / KIB);

    tx.set_max_weight(10_000 * KIB); // There is more memory now.
    receive(&tx, "another video", 4_000 * KIB, 4_000 * KIB).await?;
    println!("queue: {} of {} KiB", tx.weight() / KIB, tx.max_weight() / KIB);

    drop(tx);
    println!("disk: {} KiB in all", disk.await? / KIB);
    Ok(())
}
