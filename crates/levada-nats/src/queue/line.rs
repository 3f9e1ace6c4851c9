//! The line in which the waiting senders of a process stand.

use super::listen::Ear;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How many of the line try at once at most, when there is plenty of room.
const WIDEST: usize = 256;

/// A sender whose turn it is and that does nothing for this time is passed over: its future is not
/// polled, or its server does not answer.
const STALLED: Duration = Duration::from_secs(2);

/// The line in which the waiting senders of a process stand, in the order of their coming.
///
/// The first one tries. Each that is accepted without a refusal adds one to those that may try at
/// the same time, so that their number doubles in each round trip while there is room. A refusal
/// sets it back to one: then only the first tries, and not all of them at each free place.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// How many may try at once; 0 stands for 1.
    width: usize,
    waiting: BTreeMap<u64, Entry>,
    /// What the first listens with, while it passes from one to the next.
    ear: Option<Ear>,
}

#[derive(Default)]
struct Entry {
    /// Since when it may try, or when it did something last.
    turn: Option<Instant>,
    /// Whether it is passed over.
    is_stalled: bool,
    waker: Option<Waker>,
}

impl State {
    /// Lets the first of the line try, as many as may. The wakers are to be woken without the lock.
    fn admit(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let active = self.waiting.values_mut().filter(|entry| !entry.is_stalled);
        for entry in active.take(self.width.max(1)) {
            if entry.turn.is_none() {
                entry.turn = Some(Instant::now());
                wakers.extend(entry.waker.take());
            }
        }
        wakers
    }

    fn is_first(&self, ticket: u64) -> bool {
        let first = self.waiting.iter().find(|(_, entry)| !entry.is_stalled);
        first.is_some_and(|(first, _)| *first == ticket)
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// The place behind the others.
    pub(super) fn enter(&self) -> Place<'_> {
        let mut state = self.state();
        let ticket = state.next;
        state.next += 1;
        state.waiting.insert(ticket, Entry::default());
        let wakers = state.admit();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Place { line: self, ticket, was_refused: false, ear: None }
    }

    /// Passes over those whose turn it is and that do nothing.
    fn pass_over_stalled(&self) {
        let mut state = self.state();
        for entry in state.waiting.values_mut() {
            if entry.turn.is_some_and(|since| since.elapsed() > STALLED) {
                entry.is_stalled = true;
            }
        }
        let wakers = state.admit();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A place in the line. Its drop leaves the line and passes the turn on.
pub(super) struct Place<'a> {
    line: &'a Line,
    ticket: u64,
    was_refused: bool,
    /// The first listens with it.
    pub(super) ear: Option<Ear>,
}

impl Place<'_> {
    /// Waits until it may try. Whether it is the first.
    pub(super) async fn turn(&mut self) -> bool {
        loop {
            if let Ok(is_first) = timeout(STALLED, self.next_turn()).await {
                return is_first;
            }
            self.line.pass_over_stalled();
        }
    }

    async fn next_turn(&mut self) -> bool {
        poll_fn(|cx| {
            // A clone and a drop of a waker are foreign code: without the lock.
            let waker = cx.waker().clone();
            let mut state = self.line.state();
            if let Some(is_first) = self.active(&mut state) {
                let ear = if is_first { state.ear.take() } else { None };
                drop(state);
                self.ear = self.ear.take().or(ear);
                return Poll::Ready(is_first);
            }
            let entry = state.waiting.get_mut(&self.ticket);
            let unused = entry.and_then(|entry| entry.waker.replace(waker));
            drop(state);
            drop(unused);
            Poll::Pending
        })
        .await
    }

    /// Notes that it does something. If it may try: whether it is the first.
    fn active(&self, state: &mut State) -> Option<bool> {
        let entry = state.waiting.get_mut(&self.ticket)?;
        entry.is_stalled = false;
        let since = entry.turn.as_mut()?;
        *since = Instant::now();
        Some(state.is_first(self.ticket))
    }

    /// It was let in. If it did not have to wait for room, one more than before may try.
    pub(super) fn accepted(self) {
        if !self.was_refused {
            let mut state = self.line.state();
            state.width = (state.width.max(1) + 1).min(WIDEST);
        }
        // The drop passes the turn on.
    }

    /// It was refused: only the first tries. Whether it is that.
    pub(super) fn refused(&mut self) -> bool {
        self.was_refused = true;
        let mut state = self.line.state();
        self.active(&mut state);
        state.width = 1;
        let active = state.waiting.values_mut().filter(|entry| !entry.is_stalled);
        active.skip(1).take(WIDEST).for_each(|entry| entry.turn = None);
        state.is_first(self.ticket)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state();
        let left = state.waiting.remove(&self.ticket);
        let mut unused = None;
        if state.waiting.is_empty() {
            state.width = 1;
            unused = state.ear.take();
        } else if let Some(ear) = self.ear.take() {
            unused = state.ear.replace(ear);
        }
        let wakers = state.admit();
        drop(state);
        // A waker and the drop of a subscription are foreign code: without the lock.
        drop((left, unused));
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    fn may_try(place: &mut Place<'_>) -> bool {
        let turn = pin!(place.next_turn());
        turn.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn only_the_first_tries_while_the_queue_is_full() {
        let line = Line::default();
        let (mut one, mut two, mut three) = (line.enter(), line.enter(), line.enter());
        assert!(may_try(&mut one) && !may_try(&mut two) && !may_try(&mut three));
        assert!(one.refused());
        assert!(may_try(&mut one) && !may_try(&mut two));
        drop(one); // It was cancelled.
        assert!(may_try(&mut two) && !may_try(&mut three));
        drop(three);
        assert!(may_try(&mut two));
        drop(two);
        assert!(line.is_empty());
    }

    #[test]
    fn those_that_are_accepted_double_until_one_is_refused() {
        let line = Line::default();
        let mut places: Vec<_> = (0..20).map(|_| line.enter()).collect();
        let count = |places: &mut Vec<Place<'_>>| {
            places.iter_mut().map(may_try).take_while(|may| *may).count()
        };
        for width in [1, 2, 4] {
            assert_eq!(count(&mut places), width);
            places.drain(..width).for_each(Place::accepted);
        }
        assert_eq!(count(&mut places), 8);
        assert!(!places[3].refused());
        assert_eq!(count(&mut places), 1);
        drop(places);
        assert!(line.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_is_not_polled_is_passed_over_and_keeps_its_place() {
        let line = Line::default();
        let (mut one, mut two, mut three) = (line.enter(), line.enter(), line.enter());
        // The first is never polled. The second waits until it is passed over.
        assert!(two.turn().await);
        assert!(two.refused());
        assert!(!may_try(&mut three));
        // It comes back to its place.
        assert!(may_try(&mut one));
        assert!(!two.refused());
        assert!(one.refused());
        assert!(!may_try(&mut two));
    }
}
