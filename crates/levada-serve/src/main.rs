//! `levada`: a bounded queue with backpressure in front of any command.

fn main() {}
