//! Operations on a channel of mpmc_bounded, against its model.
#![no_main]

use spec::queue::{Case, MpmcBounded, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run::<MpmcBounded>(&case);
});
