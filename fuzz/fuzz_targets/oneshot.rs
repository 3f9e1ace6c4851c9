//! Operations on a oneshot channel, against its model.
#![no_main]

use spec::oneshot::{Case, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run(&case);
});
