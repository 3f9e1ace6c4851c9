//! Running a future on a thread that sleeps while it has nothing to do.
#![forbid(unsafe_code)]

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// One waker per thread: a blocking call does not allocate.
    static UNPARK: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Runs `future` to its end on this thread, whatever else the thread is for: to be used where the
/// wait is short, or where `block_on` has asked whether the thread may block.
pub(crate) fn park_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // A thread that is being torn down has no thread-locals any more.
    let waker = UNPARK
        .try_with(Waker::clone)
        .unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))));
    let mut cx = Context::from_waker(&waker);
    let mut parked = false;
    let output = loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            break output;
        }
        thread::park();
        parked = true;
    };
    if parked {
        // Somebody further up the stack may be about to park, and what was to wake him may have
        // woken us.
        thread::current().unpark();
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::poll_fn;
    use std::sync::mpsc;
    use std::time::Duration;

    /// A future that is woken from another thread, once.
    fn woken_from_afar() -> impl Future<Output = ()> {
        let (done, is_done) = mpsc::channel();
        let mut done = Some(done);
        poll_fn(move |cx| {
            if is_done.try_recv().is_ok() {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            if let Some(done) = done.take() {
                thread::spawn(move || {
                    done.send(()).unwrap();
                    waker.wake();
                });
            }
            Poll::Pending
        })
    }

    #[test]
    fn a_wait_inside_a_wait_leaves_the_outer_one_its_wake_up() {
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let mut polls = 0;
            park_on(poll_fn(|cx| {
                polls += 1;
                if polls == 2 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                park_on(woken_from_afar());
                Poll::Pending
            }));
            done.send(polls).unwrap();
        });
        // Far longer than it takes; only a hang gets there.
        assert_eq!(is_done.recv_timeout(Duration::from_secs(60)), Ok(2));
    }
}
