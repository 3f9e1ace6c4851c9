//! Operations on a broadcast channel, against its model.
#![no_main]

use spec::broadcast::{Case, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run(&case);
});
