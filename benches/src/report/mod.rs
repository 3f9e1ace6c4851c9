//! What the figures look like: on the terminal, in the record, as plots.

pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod results;
pub(crate) mod table;
