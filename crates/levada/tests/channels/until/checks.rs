//! What is checked of each call.

use super::rows::{Served, Waiting};
use levada::future::{Stopped, WaitExt};
use levada::oneshot;
use std::future::{pending, ready};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use support::{DEADLINE, Task, now};

/// A guarantee of `levada::future`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guarantee {
    StoppedFirst,
    NeverStopped,
    BothAtOnce,
    DeadlinePassed,
    Dropped,
    OnAThread,
}

/// A call: `make` gives a channel in which it waits, `open` ends one wait from the other side.
pub(super) struct Call<M, C, O> {
    pub(super) name: &'static str,
    pub(super) make: M,
    pub(super) call: C,
    pub(super) open: O,
}

impl<M, C, O> Call<M, C, O> {
    /// All that may be asked of any call.
    pub(super) fn check<H, P>(&self, guarantee: Guarantee)
    where
        M: Fn() -> (H, P),
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P) + Sync,
        P: Send,
    {
        let (handle, peer) = (self.make)();
        match guarantee {
            Guarantee::StoppedFirst => self.stopped_first(handle, peer),
            Guarantee::NeverStopped => self.never_stopped(handle, peer),
            Guarantee::BothAtOnce => self.both_at_once(handle, peer),
            Guarantee::DeadlinePassed => self.deadline_passed(handle, peer),
            Guarantee::Dropped => self.dropped(handle, peer),
            Guarantee::OnAThread => self.on_a_thread(handle, peer),
        }
    }

    fn stopped_first<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut task = Task::waiting((self.call)(&mut handle).future.until(stopped));
        drop(stop);
        assert!(task.is_woken(), "{}", self.name);
        assert_eq!(task.poll(), Poll::Ready(Err(Stopped)), "{}", self.name);
        drop(task);
        (self.open)(&mut peer);
        assert!(now((self.call)(&mut handle).future), "{}", self.name);
    }

    fn never_stopped<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let mut task = Task::waiting((self.call)(&mut handle).future.until(pending::<()>()));
        (self.open)(&mut peer);
        assert!(task.is_woken(), "{}", self.name);
        assert_eq!(task.poll(), Poll::Ready(Ok(true)), "{}", self.name);
    }

    fn both_at_once<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut task = Task::waiting((self.call)(&mut handle).future.until(stopped));
        drop(stop);
        (self.open)(&mut peer);
        assert_eq!(task.poll(), Poll::Ready(Ok(true)), "{}", self.name);
    }

    fn deadline_passed<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let passed = Instant::now();
        let wait = (self.call)(&mut handle).future;
        assert_eq!(wait.blocking_deadline(passed), Err(Stopped), "{}", self.name);
        let wait = (self.call)(&mut handle).future;
        assert_eq!(wait.blocking_timeout(Duration::ZERO), Err(Stopped), "{}", self.name);
        assert_eq!(now((self.call)(&mut handle).future.until(ready(()))), Err(Stopped));
        (self.open)(&mut peer);
        let wait = (self.call)(&mut handle).future;
        assert_eq!(wait.blocking_deadline(passed), Ok(true), "{}", self.name);
    }

    /// What it was served with, but has not seen, passes on.
    fn dropped<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let task = Task::waiting((self.call)(&mut handle).future.until(pending::<()>()));
        (self.open)(&mut peer);
        assert!(task.is_woken(), "{}", self.name);
        drop(task);
        assert!(now((self.call)(&mut handle).future), "{}", self.name);
    }

    fn on_a_thread<H, P>(&self, mut handle: H, mut peer: P)
    where
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P) + Sync,
        P: Send,
    {
        let open = &self.open;
        thread::scope(|scope| {
            scope.spawn(|| open(&mut peer));
            let wait = (self.call)(&mut handle).future;
            assert_eq!(wait.blocking_timeout(DEADLINE), Ok(true), "{}", self.name);
        });
    }

    /// Of two that wait in a line, the first is stopped, before it is served or after that.
    pub(super) fn check_line<H: Clone, P>(&self, served: Served)
    where
        M: Fn() -> (H, P),
        C: for<'a> Fn(&'a mut H) -> Waiting<'a>,
        O: Fn(&mut P),
    {
        let (mut handle, mut peer) = (self.make)();
        let mut other = handle.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut first = Task::waiting((self.call)(&mut handle).future.until(stopped));
        let mut second = Task::waiting((self.call)(&mut other).future.until(pending::<()>()));
        if served == Served::Before {
            (self.open)(&mut peer);
            assert!(first.is_woken(), "{}", self.name);
        } else {
            drop(stop);
            assert_eq!(first.poll(), Poll::Ready(Err(Stopped)), "{}", self.name);
        }
        drop(first);
        if served == Served::After {
            (self.open)(&mut peer);
        }
        assert!(second.is_woken(), "{}", self.name);
        assert_eq!(second.poll(), Poll::Ready(Ok(true)), "{}", self.name);
    }
}
