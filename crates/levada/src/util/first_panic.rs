#![forbid(unsafe_code)]

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Runs several pieces of foreign code, so that a panic in one does not keep the next from running.
#[derive(Debug, Default)]
pub(crate) struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
    /// Runs one piece.
    #[inline]
    pub(crate) fn catch(&mut self, f: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            self.0.get_or_insert(panic);
        }
    }

    /// Passes on the first panic, now that everything has run; not while this thread is unwinding
    /// already, because a second panic would end the process.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(panic) = self.0 {
            resume_with(panic);
        }
    }
}

#[cold]
fn resume_with(panic: Box<dyn Any + Send>) {
    if !thread::panicking() {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_runs_and_the_first_panic_goes_on() {
        let mut ran = 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut panics = FirstPanic::default();
            for piece in 0..4 {
                panics.catch(|| {
                    ran += 1;
                    assert!(piece % 2 == 0, "piece {piece}");
                });
            }
            panics.resume();
        }));
        let panic = result.expect_err("the first panic goes on");
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "piece 1");
        assert_eq!(ran, 4);
    }

    #[test]
    fn no_second_panic_while_unwinding() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                let mut panics = FirstPanic::default();
                panics.catch(|| panic!("second"));
                panics.resume();
            }
        }
        let result = catch_unwind(|| {
            let _bomb = Bomb;
            panic!("first");
        });
        assert_eq!(*result.unwrap_err().downcast_ref::<&str>().unwrap(), "first");
    }
}
