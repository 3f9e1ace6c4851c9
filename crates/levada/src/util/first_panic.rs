#![forbid(unsafe_code)]

use core::any::Any;
use core::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Runs several pieces of foreign code, so that a panic in one does not keep the next from running.
#[derive(Debug, Default)]
pub(crate) struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
    /// Runs one piece.
    #[inline]
    pub(crate) fn catch(&mut self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            self.note(payload);
        }
    }

    #[cold]
    fn note(&mut self, payload: Box<dyn Any + Send>) {
        match self.0 {
            None => self.0 = Some(payload),
            Some(_) => discard(payload),
        }
    }

    /// Passes on the first panic, now that everything has run; not while this thread is unwinding
    /// already, because a second panic would end the process.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(payload) = self.0 {
            resume_with(payload);
        }
    }
}

#[cold]
fn resume_with(payload: Box<dyn Any + Send>) {
    if !thread::panicking() {
        resume_unwind(payload);
    }
    discard(payload);
}

/// Runs foreign code whose panic ends here: the panic hook has reported it, and the caller has
/// something in hand that must not be lost by it.
#[cold]
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// Runs foreign code after which nothing is left to do: its panic goes on, but not while this
/// thread is unwinding already.
#[inline]
pub(crate) fn run_last(f: impl FnOnce()) {
    if thread::panicking() {
        contain(f);
    } else {
        f();
    }
}

/// Something foreign that is dropped at the end of a scope, as by [`run_last`]; also if the foreign
/// code before that end panics.
#[derive(Debug)]
pub(crate) struct DropLast<T>(pub(crate) Option<T>);

impl<T> Drop for DropLast<T> {
    #[inline]
    fn drop(&mut self) {
        if mem::needs_drop::<T>() && self.0.is_some() {
            // In place: it may be larger than what is left of the stack.
            run_last(|| self.0 = None);
        }
    }
}

/// Drops what a panic carried, which is foreign code as well. What a panic in that drop carries is
/// leaked: to drop that could go on for ever.
fn discard(payload: Box<dyn Any + Send>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    let _leaked = dropped.map_err(ManuallyDrop::new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

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

    /// Panics with another one when it is dropped.
    struct Payload;

    impl Drop for Payload {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn what_a_panic_carries_may_panic_when_it_is_dropped() {
        let mut ran = 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut panics = FirstPanic::default();
            panics.catch(|| panic!("first"));
            for _ in 0..3 {
                panics.catch(|| {
                    ran += 1;
                    panic_any(Payload);
                });
            }
            contain(|| panic_any(Payload));
            panics.resume();
        }));
        assert_eq!(*result.unwrap_err().downcast_ref::<&str>().unwrap(), "first");
        assert_eq!(ran, 3);
    }

    #[test]
    fn what_comes_last_goes_on_or_follows_a_panic() {
        let panic = catch_unwind(|| drop(DropLast(Some(Payload)))).unwrap_err();
        let _leaked = ManuallyDrop::new(panic.downcast::<Payload>().unwrap());
        let panic = catch_unwind(|| {
            let _last = DropLast(Some(Payload));
            run_last(|| panic!("first"));
        });
        assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "first");
    }

    #[test]
    fn nor_while_unwinding() {
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                let mut panics = FirstPanic::default();
                panics.catch(|| panic_any(Payload));
                panics.resume();
                contain(|| panic_any(Payload));
                run_last(|| panic_any(Payload));
                drop(DropLast(Some(Payload)));
            }
        }
        let result = catch_unwind(|| {
            let _guard = Guard;
            panic!("first");
        });
        assert_eq!(*result.unwrap_err().downcast_ref::<&str>().unwrap(), "first");
    }
}
