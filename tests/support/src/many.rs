//! Very many of something, on a thread with a small stack.

use std::thread;

use crate::Task;

/// Far more frames than the small stack has room for, at a few dozen bytes each.
pub const MANY: usize = if cfg!(miri) { 200 } else { 20_000 };
const STACK_BYTES: usize = 256 * 1024;

/// Runs `f` with little stack. An overflow ends the whole test process.
///
/// # Panics
/// If `f` does.
pub fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(f);
    thread.expect("a thread").join().expect("no panic");
}

/// [`MANY`] tasks that wait.
///
/// # Panics
/// If one does not wait.
pub fn many_waiting<F: Future>(make: impl FnMut() -> F) -> Vec<Task<F>> {
    std::iter::repeat_with(make).take(MANY).map(Task::waiting).collect()
}

/// Each task is woken and ready.
///
/// # Panics
/// If one is not.
#[track_caller]
pub fn assert_ready<F: Future>(tasks: Vec<Task<F>>) {
    for mut task in tasks {
        assert!(task.is_woken() && task.poll().is_ready());
    }
}
