//! The clock that limits the head of a request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::{self, Instant};

use crate::sync::GRACE;

/// As hyper-util's `TokioTimer`, with the time of [`GRACE`] added.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadTimer;

#[derive(Debug)]
struct HeadSleep {
    sleep: Pin<Box<time::Sleep>>,
    is_over: bool,
}

impl HeadSleep {
    fn until(deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self { sleep: Box::pin(time::sleep_until(deadline)), is_over: false })
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        HeadSleep::until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        HeadSleep::until(deadline.into())
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
