//! What flushes a batch.

use std::error::Error;

/// Flushes batches, and owns what it needs for that: a file, a connection, a buffer.
///
/// [`Batch::start_with`](super::Batch::start_with) takes one; for a function of a `Vec`,
/// [`Batch::start`](super::Batch::start) is shorter. The worker owns it, and drops it when it ends.
///
/// # Putting items back
/// Items that are left in the vector are put back: they begin the next batch, in this order and
/// before anything newer, and are handed to [`flush`](Self::flush) again. This is so at the end,
/// too: a worker that was closed ends when nothing is left. So let each item count its attempts,
/// and take it out after the last one; and if the next attempt should not come at once, wait in
/// `flush`.
///
/// A [flush that was asked for](super::Batcher::flush) is answered when all that was accepted
/// before it has left the vector.
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

    /// Flushes a batch, which is not empty. It is called again after it has panicked, and so must
    /// bear that; the items that are left then are dropped.
    ///
    /// In an implementation, this is an `async fn` whose future is [`Send`].
    ///
    /// # Errors
    /// Those of the implementation: they are counted, and reported to the
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
