//! Operations on a channel of mpsc_unbounded, against its model.
#![no_main]

use spec::queue::{Case, MpscUnbounded, run};

libfuzzer_sys::fuzz_target!(|case: Case| {
    run::<MpscUnbounded>(&case);
});
