//! The sequential specification of levada's channels.
//!
//! For each channel there is a *model*: the smallest program that does the same one step at a time,
//! and a *run*: it does the same operations to the channel and to the model, and compares every
//! answer, every count, and who must have been woken. The tests feed it random operations
//! (proptest), and so does `fuzz` (libFuzzer).

#![expect(
    missing_docs,
    reason = "the operations have the names of the methods that they call, and nobody else uses them"
)]

pub mod broadcast;
pub mod check;
pub mod handle;
pub mod lanes;
pub mod oneshot;
pub mod queue;
pub mod rendezvous;
pub mod running;
mod value;
pub mod watch;
pub mod weighted;

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::arbitrary::{Arbitrary, any};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::{Builder, Runtime};

/// Operations of a case.
fn operations<O: Arbitrary>() -> impl Strategy<Value = Vec<O>> {
    vec(any::<O>(), 1..=120)
}

/// Runs random cases (256, or as many as the environment's `PROPTEST_CASES` says), and gives how
/// many operations were compared.
///
/// # Panics
/// If one fails; the message has the smallest that does. It becomes a test of its own.
pub fn property<C>(run: impl Fn(&C) -> Stats) -> usize
where
    C: Arbitrary + Debug,
{
    let config =
        Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let (cases, steps) = (config.cases, Cell::new(0));
    let result = TestRunner::new(config).run(&any::<C>(), |case| {
        steps.set(steps.get() + run(&case).steps);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{cases} cases, {} operations compared", steps.get());
    steps.get()
}

/// Whether at least `failures` of 256 random cases fail. They are the same cases in each run.
///
/// # Panics
/// If a case cannot be made.
pub fn fails_often<C>(failures: usize, run: impl Fn(&C) -> Stats) -> bool
where
    C: Arbitrary + Debug,
{
    let mut runner = TestRunner::deterministic();
    let mut fails = || {
        let case = any::<C>().new_tree(&mut runner).expect("a case can be made").current();
        catch_unwind(AssertUnwindSafe(|| run(&case))).is_err()
    };
    (0..256).filter(|_| fails()).take(failures).count() == failures
}

/// What a run compared.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// How many operations.
    pub steps: usize,
}

/// Picks one of `count` things, if there are any.
fn pick(count: usize, n: u8) -> Option<usize> {
    usize::from(n).checked_rem(count)
}

/// Runs `f` where tokio's timers work.
fn clock<R>(f: impl FnOnce() -> R) -> R {
    thread_local! {
        static RUNTIME: Runtime =
            Builder::new_current_thread().enable_time().build().expect("a clock needs no system");
    }
    RUNTIME.with(|runtime| {
        let _entered = runtime.enter();
        f()
    })
}
