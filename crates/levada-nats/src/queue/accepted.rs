//! What a sender learns of a message that is in the queue.

/// What a sender learns of a message that is in the queue.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let tx = connection.queue("accepted".parse()?).open::<String>().await?.sender();
/// let id = format!("order {}", std::process::id());
/// let first = tx.send("once".to_owned()).id(&id).await?;
/// let again = tx.send("once".to_owned()).id(&id).await?;
/// assert!(!first.duplicate && again.duplicate);
/// assert_eq!(first.seq, again.seq);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Accepted {
    /// The position of the message in the queue's stream. Positions grow.
    pub seq: u64,
    /// Whether the server knew the id: an earlier copy is, or was, in the queue, and this one was
    /// not stored.
    pub duplicate: bool,
}
