//! What the figures look like: on the terminal, in the record, as plots.

pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod table;

use crate::result::Result;
use record::Record;
use std::path::Path;

/// Writes a record, and its plots, into `dir`.
pub(crate) fn write(record: &Record, dir: &Path) -> Result {
    record.write(dir)?;
    plot::draw(record, dir)
}
