//! What mpsc and mpmc have beyond tokio: one text for each subject, compiled against both.
#![expect(clippy::duplicate_mod, reason = "one text, compiled against each channel")]

#[path = "."]
mod of_mpsc {
    use levada::mpsc as queue;

    mod batches;
    mod limits;
    mod overflow;
    mod refusals;
    mod sights;
}

#[path = "."]
mod of_mpmc {
    use levada::mpmc as queue;

    mod batches;
    mod limits;
    mod overflow;
    mod refusals;
    mod sights;
}
