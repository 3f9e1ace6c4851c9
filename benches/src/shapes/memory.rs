use crate::cell::Cell;

pub(crate) fn cells() -> Vec<Cell> {
    Vec::new()
}
