//! Everything CI runs, runnable at home: `cargo xtask NAME`.

fn main() {}
