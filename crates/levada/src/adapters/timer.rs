//! A timer that is started for each use, on any runtime.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use pin_project_lite::pin_project;

/// The function that makes timers where none is given: [`tokio::time::sleep`].
///
/// # Examples
/// ```
/// let sleep: levada::adapters::TokioSleep = tokio::time::sleep;
/// # let _ = sleep;
/// ```
#[cfg(feature = "tokio")]
pub type TokioSleep = fn(Duration) -> tokio::time::Sleep;

pin_project! {
    pub(super) struct Timer<F, Z> {
        duration: Duration,
        sleep: F,
        #[pin]
        running: Option<Z>,
    }
}

impl<F: FnMut(Duration) -> Z, Z: Future> Timer<F, Z> {
    pub(super) fn new(duration: Duration, sleep: F) -> Self {
        Self { duration, sleep, running: None }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts it, anew if it is running. [`is_over`](Self::is_over) has to be called after it.
    pub(super) fn start(self: Pin<&mut Self>) {
        let mut this = self.project();
        let sleep = (this.sleep)(*this.duration);
        this.running.set(Some(sleep));
    }

    pub(super) fn stop(self: Pin<&mut Self>) {
        self.project().running.set(None);
    }

    /// Whether it has run out, and so stopped. If it is running, it will wake the task.
    pub(super) fn is_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let Some(sleep) = this.running.as_mut().as_pin_mut() else { return false };
        if sleep.poll(cx).is_pending() {
            return false;
        }
        this.running.set(None);
        true
    }

    /// Waits until it is not running.
    pub(super) fn poll_stopped(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_running() || self.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }
    }
}
