use crate::below;
use futures_util::future::{Either, select};
use shuttle::future::yield_now;
use shuttle::sync::Mutex;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Polls `future` up to a random number of times, then drops it: before the first poll, while it
/// waits, or after it was woken for what it waited for, but before it is polled again.
pub async fn cut<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    // Whether to poll again without being woken.
    let is_hasty = below(2) == 0;
    for _ in 0..below(4) {
        if let Poll::Ready(output) = poll_once(future.as_mut()).await {
            return Some(output);
        }
        if is_hasty { yield_now().await } else { woken().await }
    }
    // Who tries again lets the others go on first, as a task that spins would not.
    yield_now().await;
    None
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Waits until somebody wakes this task.
async fn woken() {
    let mut is_woken = false;
    poll_fn(
        |_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

/// Polls `future` up to a random number of times, then leaks it where it stands.
#[expect(clippy::mem_forget, reason = "what a forgotten future does to others is the question")]
pub async fn forget<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    for _ in 0..1 + below(2) {
        if let Poll::Ready(output) = poll_once(future.as_mut()).await {
            return Some(output);
        }
        yield_now().await;
    }
    std::mem::forget(future);
    None
}

/// Waits for `future` until an alarm goes off.
pub async fn race<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut alarm = pin!(Alarm::set());
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => alarm.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// The result of the first of two futures to have one; the other is dropped.
pub async fn first<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    match select(pin!(a), pin!(b)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}

/// A timer of the model: goes off whenever the schedule says.
#[derive(Debug)]
pub struct Alarm(Arc<Mutex<Bell>>);

#[derive(Debug, Default)]
struct Bell {
    has_rung: bool,
    waker: Option<Waker>,
}

impl Alarm {
    /// Starts the timer.
    ///
    /// # Panics
    /// If the lock of the bell is poisoned, which none of its holders does.
    pub fn set() -> Self {
        let bell = Arc::new(Mutex::new(Bell::default()));
        let ours = Arc::clone(&bell);
        shuttle::future::spawn(async move {
            crate::pause().await;
            let waker = {
                let mut bell = ours.lock().expect("no holder panics");
                bell.has_rung = true;
                bell.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        Self(bell)
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut bell = self.0.lock().expect("no holder panics");
        if bell.has_rung {
            return Poll::Ready(());
        }
        bell.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
