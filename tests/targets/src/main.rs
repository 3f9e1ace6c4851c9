//! For targets that start programs. A check that fails ends it.
#![forbid(unsafe_code)]

fn main() {
    println!("{}", levada_targets_test::run());
}
