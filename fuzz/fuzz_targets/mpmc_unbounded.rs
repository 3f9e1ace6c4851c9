//! Operations on a channel of mpmc_unbounded, against its model.
#![no_main]

use spec::queue::{Case, MpmcUnbounded, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run::<MpmcUnbounded>(&case);
});
