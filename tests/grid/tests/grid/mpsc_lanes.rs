//! What the receiver of a channel of lanes may do where there is one: nothing more.

/// No further actions.
pub(super) fn actions<T>() -> Vec<T> {
    Vec::new()
}

/// No further states.
pub(super) fn states<T>() -> Vec<T> {
    Vec::new()
}
