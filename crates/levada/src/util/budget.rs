//! The cooperative budget of the runtime that polls us, if it has one.
//!
//! tokio gives each task a budget of operations per poll, so that a task whose channel is always
//! ready yields now and then. Outside tokio, and without the feature `tokio`, every call proceeds.
#![forbid(unsafe_code)]

#[cfg(feature = "tokio")]
use core::mem::ManuallyDrop;
use core::pin::Pin;
#[cfg(feature = "tokio")]
use core::pin::pin;
use core::task::{Context, Poll};

/// Returned by [`poll_proceed`]; unless [`made_progress`](Self::made_progress) is called, the
/// budget is given back when it is dropped.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub(crate) struct Budget(tokio::task::coop::RestoreOnPending);

/// Takes one unit from the task's budget, or arranges for the task to be polled again later.
#[cfg(feature = "tokio")]
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<Budget> {
    tokio::task::coop::poll_proceed(cx).map(Budget)
}

#[cfg(feature = "tokio")]
impl Budget {
    /// The operation completed: the unit is spent.
    #[inline]
    pub(crate) fn made_progress(self) {
        // As `RestoreOnPending::made_progress`, without running a drop that has nothing to restore.
        let _spent = ManuallyDrop::new(self.0);
    }
}

/// Polls `first` and, if that is not ready, `second`: also if `first` has spent the whole budget,
/// without which a timer of tokio would never be ready. `Err` has the result of `second`.
#[cfg(feature = "tokio")]
pub(crate) fn poll_either<F: Future, S: Future>(
    first: Pin<&mut F>,
    second: Pin<&mut S>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, S::Output>> {
    use tokio::task::coop::{has_budget_remaining, unconstrained};

    let had_budget = has_budget_remaining();
    if let Poll::Ready(output) = first.poll(cx) {
        return Poll::Ready(Ok(output));
    }
    if had_budget && !has_budget_remaining() {
        return pin!(unconstrained(second)).poll(cx).map(Err);
    }
    second.poll(cx).map(Err)
}

/// Polls `first` and, if that is not ready, `second`. `Err` has the result of `second`.
#[cfg(not(feature = "tokio"))]
pub(crate) fn poll_either<F: Future, S: Future>(
    first: Pin<&mut F>,
    second: Pin<&mut S>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, S::Output>> {
    match first.poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => second.poll(cx).map(Err),
    }
}

/// Stands for a budget without limits.
#[cfg(not(feature = "tokio"))]
#[derive(Debug)]
pub(crate) struct Budget;

/// Always proceeds.
#[cfg(not(feature = "tokio"))]
#[inline]
pub(crate) fn poll_proceed(_: &mut Context<'_>) -> Poll<Budget> {
    Poll::Ready(Budget)
}

#[cfg(not(feature = "tokio"))]
impl Budget {
    /// The operation completed.
    #[inline]
    pub(crate) fn made_progress(self) {}
}
