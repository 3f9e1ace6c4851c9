//! What flushes a batch.

use std::error::Error;

/// Flushes batches, and owns what it needs to do so: a file, a connection, a buffer.
///
/// [`Batch::start_with`](super::Batch::start_with) takes a `Flush`; for a function of a `Vec`,
/// [`Batch::start`](super::Batch::start) is shorter. The worker owns it, and drops it when it ends.
///
/// # Putting items back
/// 1. Items that are left in the vector are put back: they begin the next batch, in the same order
///    and before newer items, and are passed to [`flush`](Self::flush) again.
/// 2. This also holds during a shutdown: a closed worker ends when no item is left. So count the
///    attempts of each item, and remove the item after the last attempt.
/// 3. The next attempt follows at once. For a pause, wait in `flush`.
/// 4. A [requested flush](super::Batcher::flush) completes when every item that was accepted before
///    it has left the vector.
///
/// # Examples
/// ```
/// use levada_work::batch::{Batch, Flush};
/// use std::io;
///
/// struct Row {
///     text: String,
///     attempts: u32,
/// }
///
/// struct Table {
///     connection: Vec<String>, // Stands for a connection.
/// }
///
/// impl Flush<Row> for Table {
///     type Error = io::Error;
///
///     async fn flush(&mut self, rows: &mut Vec<Row>) -> io::Result<()> {
///         for row in &mut *rows {
///             row.attempts += 1;
///         }
///         // The first attempt fails.
///         if rows.iter().any(|row| row.attempts == 1) {
///             rows.retain(|row| row.attempts < 3); // What is left is tried again.
///             return Err(io::ErrorKind::ConnectionReset.into());
///         }
///         self.connection.extend(rows.drain(..).map(|row| row.text));
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (rows, worker) = Batch::new().start_with(Table { connection: Vec::new() });
/// rows.send(Row { text: "a row".into(), attempts: 0 }).await?;
/// drop(rows);
/// let totals = worker.join().await?;
/// assert_eq!((totals.batches, totals.put_back, totals.flushed), (2, 1, 1));
/// # Ok(())
/// # }
/// ```
pub trait Flush<T>: Send {
    /// Why a batch was not flushed.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Flushes a batch, which is not empty. After a panic, the items that are left are dropped, and
    /// the worker calls this again, so the implementation must tolerate that.
    ///
    /// An implementation is an `async fn` whose future is [`Send`].
    ///
    /// # Errors
    /// Those of the implementation. They are counted and reported to the
    /// [hook](super::Batch::on_failure).
    fn flush(&mut self, batch: &mut Vec<T>)
    -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A function that takes all items of a batch.
pub(super) struct ByValue<F>(pub(super) F);

impl<T, F, Flushing, E> Flush<T> for ByValue<F>
where
    F: FnMut(Vec<T>) -> Flushing + Send,
    Flushing: Future<Output = Result<(), E>> + Send,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Error = E;

    fn flush(&mut self, batch: &mut Vec<T>) -> impl Future<Output = Result<(), E>> + Send {
        (self.0)(std::mem::take(batch))
    }
}
