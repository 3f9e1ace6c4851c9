//! How the shapes run: on a runtime, or polled by hand.

use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use tokio::runtime::Builder;

/// Runs a task on tokio's current-thread runtime, as a spawned task, so that the cooperative budget applies.
pub(crate) fn on_runtime(task: impl Future<Output = ()> + Send + 'static) {
    let runtime = Builder::new_current_thread().build().expect("it takes no thread and no file");
    runtime.block_on(async { tokio::spawn(task).await.expect("the shape panicked") });
}

/// Polls once, with a waker that does nothing: whoever waits costs what the channel does, and no runtime.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that has no reason to wait.
///
/// # Panics
/// If it waits.
pub(crate) fn ready<F: Future>(future: Pin<&mut F>) -> F::Output {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits for what is there"),
    }
}

/// Waits until no other thread is left: levada arranges for its asymmetric fences in one that ends by itself,
/// and what is counted is a channel for which that is done.
pub(crate) fn until_alone() {
    let threads = || fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    while threads() > 1 {
        thread::yield_now();
    }
}
