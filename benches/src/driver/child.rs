//! The child's side: does rounds when it is told to.

use super::protocol::Request;
use crate::Result;
use crate::cell::Cell;
use std::io::{BufRead, Write};

/// Answers requests until the parent closes the pipe.
///
/// # Panics
/// If a contender panics or loses a message: the parent sees the message and the end of this
/// process.
pub(crate) fn serve(cell: &Cell) -> Result {
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Request = line?.parse()?;
        let contender = cell
            .contenders
            .iter()
            .find(|contender| contender.name == request.contender)
            .ok_or_else(|| {
                format!("`{}` does not take part in {}", request.contender, cell.name)
            })?;
        let round = (contender.run)(request.n);
        serde_json::to_writer(&mut answers, &round)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
    Ok(())
}
