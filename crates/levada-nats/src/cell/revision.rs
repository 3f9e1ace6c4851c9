//! Which of two values is newer.

use std::fmt;

/// Says which of two values of a cell is newer. Revisions have gaps.
///
/// The first revision of a cell is the time of its creation in microseconds, so that a cell that is
/// deleted and made again does not use a revision twice, as far as the clocks agree.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let cell = connection.cell("revisions".parse()?).open(0).await?;
/// let (first, second) = (cell.send(1).await?, cell.send(2).await?);
/// assert!(first < second);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub(super) u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
