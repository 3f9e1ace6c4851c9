//! How long a client may take, also if this process was stopped meanwhile.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::error::Elapsed;
use tokio::time::{self, Instant, timeout};

/// How long a client's time goes on after it is over. A process that was stopped meanwhile
/// (SIGSTOP, a container that is frozen) may see the end of the time before it sees what clients
/// sent: after a stop `epoll_wait` returns with EINTR, and tokio looks at its timers first.
const GRACE: Duration = Duration::from_millis(50);

/// As tokio's `timeout`, for what a client sends: what has arrived when the time is over is seen.
///
/// # Errors
/// The time is over.
///
/// # Cancel safety
/// As `future`.
pub(crate) async fn of_client<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match timeout(limit, &mut future).await {
        Err(_) => timeout(GRACE, future).await,
        done => done,
    }
}

/// The clock for the head of a request: as hyper-util's `TokioTimer`, with [`GRACE`] added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadTimer;

#[derive(Debug)]
struct HeadSleep {
    sleep: Pin<Box<time::Sleep>>,
    is_over: bool,
}

impl HeadSleep {
    fn of(sleep: time::Sleep) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self { sleep: Box::pin(sleep), is_over: false })
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        HeadSleep::of(time::sleep(duration))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        HeadSleep::of(time::sleep_until(deadline.into()))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: std::time::Instant) {
        if let Some(sleep) = sleep.as_mut().downcast_mut_pin::<HeadSleep>() {
            let sleep = sleep.get_mut();
            sleep.sleep.as_mut().reset(new_deadline.into());
            sleep.is_over = false;
        }
    }
}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.sleep.as_mut().poll(cx));
        if !self.is_over {
            self.is_over = true;
            self.sleep.as_mut().reset(Instant::now() + GRACE);
            return self.sleep.as_mut().poll(cx);
        }
        Poll::Ready(())
    }
}

impl Sleep for HeadSleep {}
