//! Panics of foreign code, made values.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The panic that ended a piece of work. The process's panic hook has already run; by default it
/// prints the message and the location.
///
/// # Examples
/// ```
/// use levada_work::Panic;
///
/// fn log(panic: &Panic) {
///     eprintln!("a job failed: {panic}"); // "a job failed: panicked: division by zero"
///     assert!(!panic.message().is_empty());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    message: String,
}

impl Panic {
    fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("with a value that is no text").to_owned();
        discard(payload);
        Self { message }
    }

    /// The panic message.
    ///
    /// # Examples
    /// ```
    /// # fn of(panic: levada_work::Panic) {
    /// if panic.message().contains("assertion") {
    ///     // A broken invariant.
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

impl Error for Panic {}

/// Runs `work` and stops its panics. It is asserted to be unwind safe: after a panic it is dropped,
/// and what it shares with others must bear that, as it must in a task that panics.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    #[expect(
        clippy::redundant_async_block,
        reason = "it drops the future in the poll that ends it, where a panic is stopped too"
    )]
    let mut work = pin!(async { work.await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(payload) => Poll::Ready(Err(Panic::new(payload))),
    })
    .await
}

/// Calls a user's hook. A panic in it is dropped, after the process's panic hook has reported it.
pub(crate) fn call_hook(hook: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(hook)) {
        discard(payload);
    }
}

/// Drops what a panic carried, which may panic again. What that one carries is leaked: it could go
/// on for ever.
fn discard(payload: Box<dyn Any + Send>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    let _leaked = dropped.map_err(ManuallyDrop::new);
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    #[tokio::test]
    async fn messages_are_kept() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let number = 3;
        let formatted = caught(async { panic!("number {number}") }).await;
        assert_eq!(formatted.map(|(): ()| ()).unwrap_err().message(), "number 3");
        let fixed = caught(async { panic!("fixed") }).await;
        assert_eq!(fixed.map(|(): ()| ()).unwrap_err().to_string(), "panicked: fixed");
        let odd = caught(async { std::panic::panic_any(7) }).await;
        let odd = odd.map(|(): ()| ()).unwrap_err();
        assert_eq!(odd.message(), "with a value that is no text");
    }

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    impl Future for Bomb {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    /// Panics with another one when it is dropped.
    struct Bombs;

    impl Drop for Bombs {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[tokio::test]
    async fn what_a_panic_says_may_panic_when_it_is_dropped() {
        for bomb in [|| panic_any(Bomb), || panic_any(Bombs)] {
            let hostile = caught(async { bomb() }).await;
            assert_eq!(hostile.unwrap_err().message(), "with a value that is no text");
            call_hook(bomb);
        }
    }

    #[tokio::test]
    async fn a_future_may_panic_when_it_is_dropped() {
        assert_eq!(caught(Bomb).await.unwrap_err().message(), "dropped");
        call_hook(|| panic!("a hook"));
    }
}
