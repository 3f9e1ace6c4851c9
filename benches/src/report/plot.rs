//! Plots.

use super::record::Record;
use crate::Result;
use std::path::Path;

/// Draws all plots of `record` into `dir`.
pub(crate) fn draw(_record: &Record, _dir: &Path) -> Result {
    Ok(())
}
