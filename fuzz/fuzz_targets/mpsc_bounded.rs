//! Operations on a channel of mpsc_bounded, against its model.
#![no_main]

use spec::queue::{Case, MpscBounded, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run::<MpscBounded>(&case);
});
