//! Operations on a watch channel, against its model.
#![no_main]

use spec::watch::{Case, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run(&case);
});
