//! A writer that can be told to flush and to stop while it is behind with its rows.
//!
//! Why `mpsc::lanes`: in one queue a `Stop` would wait behind all rows, and not even get in while
//! the queue is full. Two channels and a `select!` would do, if their order and their ends are got
//! right.
//!
//! Look at:
//! - the control lane is served first, although the rows were sent before.
//! - the lane of the rows is full, and the control lane is not: each has its own bound.
//! - after `Stop` the writer closes both lanes and writes what was accepted.

use std::error::Error;

use levada::mpsc::lanes::{Receiver, Serve};
use levada::mpsc::{self, error::TrySendError};

/// What the writer is told.
enum Message {
    Row(u32),
    Flush,
    Stop,
}

/// Writes rows until it is stopped, and then those that were accepted.
async fn write(mut messages: Receiver<Message, 2>) -> (u32, u32) {
    let (mut rows, mut unflushed) = (0, 0);
    while let Some(message) = messages.recv().await {
        match message {
            Message::Row(row) => {
                if row != rows {
                    println!("writer: row {rows} is missing");
                }
                rows += 1;
                unflushed += 1;
            }
            Message::Flush => {
                println!("writer: flushes {unflushed} rows");
                unflushed = 0;
            }
            Message::Stop => {
                println!("writer: stops with {} rows in the queue", messages.len());
                messages.close();
            }
        }
    }
    (rows, unflushed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = mpsc::lanes([4, 64], Serve::Strict);
    let [control, rows] = tx.into_lanes();
    let mut sent = 0;
    while let Ok(()) = rows.try_send(Message::Row(sent)) {
        sent += 1;
    }
    println!("main: {sent} rows, and the lane is full");
    control.send(Message::Flush).await?;

    let writer = tokio::spawn(write(rx));
    tokio::task::yield_now().await;
    while let Ok(()) = rows.try_send(Message::Row(sent)) {
        sent += 1;
    }
    control.send(Message::Stop).await?;
    control.closed().await;
    let refused = matches!(rows.try_send(Message::Row(sent)), Err(TrySendError::Closed(_)));
    println!("main: another row is refused: {refused}");

    let (written, _unflushed) = writer.await?;
    println!("main: {} rows are missing", sent - written);
    Ok(())
}
