//! How the shapes run: on a runtime, or polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Builder;

/// Runs a task on tokio's current-thread runtime, as a spawned task, so that the cooperative budget
/// applies.
pub(crate) fn on_runtime(task: impl Future<Output = ()> + Send + 'static) {
    let runtime = Builder::new_current_thread().build().expect("it takes no thread and no file");
    runtime.block_on(async { tokio::spawn(task).await.expect("the shape panicked") });
}

/// Polls once, with a waker that does nothing: whoever waits costs what the channel does, and no
/// runtime.
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
