//! Running a future on a thread that sleeps while it has nothing to do.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::pin::{Pin, pin};
use core::ptr;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use super::backend::Parker;

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        Self::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Self::wake(self);
    }
}

/// Where a thread waits, in all its blocking calls.
struct Place {
    parker: Arc<Parker>,
    /// Wakes by `parker`. Kept, so that a blocking call does not allocate.
    waker: Waker,
    /// Whether a call is under way: the next one is inside of it.
    is_taken: Cell<bool>,
}

impl Place {
    fn new() -> Self {
        let parker = Arc::new(Parker::new());
        Self { waker: Waker::from(Arc::clone(&parker)), parker, is_taken: Cell::new(false) }
    }

    /// The one that the thread keeps.
    fn kept() -> Self {
        let place = Self::new();
        OWN_WAKER.with(|own| own.set(place.waker.data()));
        place
    }

    fn run<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        let mut call = Call::enter(self);
        let mut cx = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            call.waited = true;
            call.slept |= self.parker.wait();
        }
    }

    fn run_until<F: Future>(
        &self,
        mut future: Pin<&mut F>,
        deadline: Instant,
    ) -> Option<F::Output> {
        let mut call = Call::enter(self);
        let mut cx = Context::from_waker(&self.waker);
        let time_left = || {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(left)
        };
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return Some(output);
            }
            time_left()?;
            call.waited = true;
            call.slept |= self.parker.wait_while(time_left);
        }
    }
}

/// The address may be that of another waker from now on.
impl Drop for Place {
    fn drop(&mut self) {
        let _ = OWN_WAKER.try_with(|own| own.set(ptr::null()));
    }
}

thread_local! {
    static PLACE: Place = Place::kept();
    /// What the waker of `PLACE` points to, or null: to be asked on threads that never block,
    /// without making a place for them.
    static OWN_WAKER: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// A call under way. Dropping it ends the call, also if a poll panics.
struct Call<'a> {
    place: &'a Place,
    is_inner: bool,
    waited: bool,
    slept: bool,
}

impl<'a> Call<'a> {
    fn enter(place: &'a Place) -> Self {
        let is_inner = place.is_taken.replace(true);
        if !is_inner {
            // Discards a late wake-up by a waker that was cloned in an earlier call. What the
            // waking thread did before it is visible to the first poll.
            place.parker.take();
        }
        Self { place, is_inner, waited: false, slept: false }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let parker = &self.place.parker;
        if self.slept {
            // Other code on this thread may be about to park, and the `unpark` meant for it may
            // have ended this call's sleep.
            parker.give_back();
        }
        if !self.is_inner {
            self.place.is_taken.set(false);
        } else if self.waited {
            // The same for the call around this one.
            parker.retain();
        }
    }
}

/// Whether `waker` is the one by which this thread waits in [`park_on`]. If so, the thread does
/// nothing else until it is woken, and then polls again.
pub(crate) fn is_parked_by(waker: &Waker) -> bool {
    let own = OWN_WAKER.try_with(Cell::get).unwrap_or(ptr::null());
    !own.is_null() && ptr::eq(own, waker.data())
}

/// Runs `future` to its end on this thread, whatever else the thread is for: to be used where the
/// wait is short, or where `block_on` has asked whether the thread may block.
pub(crate) fn park_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // A thread that is being torn down has no thread-locals any more.
    PLACE
        .try_with(|place| place.run(future.as_mut()))
        .unwrap_or_else(|_| Place::new().run(future.as_mut()))
}

/// The same for no longer than `limit`: `None` if the future has not ended by then.
pub(crate) fn park_on_for<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    let Some(deadline) = Instant::now().checked_add(limit) else {
        return Some(park_on(future));
    };
    let mut future = pin!(future);
    PLACE
        .try_with(|place| place.run_until(future.as_mut(), deadline))
        .unwrap_or_else(|_| Place::new().run_until(future.as_mut(), deadline))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::poll_fn;
    use std::panic::catch_unwind;
    use std::sync::mpsc;
    use std::thread;

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

    /// Runs `f` on a thread of its own, for far longer than it takes: only a hang gets there.
    fn does_not_hang(f: impl FnOnce() + Send + 'static) {
        let (done, is_done) = mpsc::channel();
        let thread = thread::spawn(move || {
            f();
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(60)).expect("it came to its end");
        thread.join().unwrap();
    }

    #[test]
    fn a_wait_inside_a_wait_leaves_the_outer_one_its_wake_up() {
        does_not_hang(|| {
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
            assert_eq!(polls, 2);
        });
    }

    #[test]
    fn somebody_else_s_unpark_is_not_used_up() {
        does_not_hang(|| {
            thread::current().unpark();
            park_on(woken_from_afar());
            thread::park();
        });
    }

    /// A waker that is used when its call is over costs the next one a poll, if that.
    #[test]
    fn a_late_wake_up_is_harmless() {
        does_not_hang(|| {
            let mut late = None;
            park_on(poll_fn(|cx| {
                late = Some(cx.waker().clone());
                Poll::Ready(())
            }));
            late.unwrap().wake();
            park_on(woken_from_afar());
        });
    }

    #[test]
    fn a_wait_with_a_limit_ends() {
        does_not_hang(|| {
            let limit = Duration::from_millis(10);
            assert_eq!(park_on_for(std::future::pending::<()>(), limit), None);
            assert_eq!(park_on_for(woken_from_afar(), Duration::from_secs(3_600)), Some(()));
            // What was to wake the one that is over does not end the next.
            let mut late = None;
            let pending = poll_fn(|cx| {
                late = Some(cx.waker().clone());
                Poll::<()>::Pending
            });
            assert_eq!(park_on_for(pending, limit), None);
            late.unwrap().wake();
            park_on(woken_from_afar());
        });
    }

    /// The place is free again, as the next call counts on.
    #[test]
    fn a_poll_that_panics_ends_the_call() {
        let panic = catch_unwind(|| park_on(poll_fn(|_| -> Poll<()> { panic!("in a poll") })));
        assert!(panic.is_err());
        assert!(!PLACE.with(|place| place.is_taken.get()));
        park_on(woken_from_afar());
    }

    struct WaitsInItsDrop;

    impl Drop for WaitsInItsDrop {
        fn drop(&mut self) {
            park_on(woken_from_afar());
        }
    }

    #[test]
    fn a_thread_that_is_being_torn_down_waits_too() {
        thread_local! {
            static LAST: WaitsInItsDrop = const { WaitsInItsDrop };
        }
        does_not_hang(|| {
            // Made first, dropped last: by then there is no place any more.
            LAST.with(|_| ());
            park_on(woken_from_afar());
        });
    }
}
