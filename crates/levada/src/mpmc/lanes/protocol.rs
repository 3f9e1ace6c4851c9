//! Receiving from several lanes, with several receivers.
//!
//! # Invariants
//! - **I1** A receive that waits has a node in the line of each lane that has not ended: it looked
//!   at all of them in the poll in which it entered.
//! - **I2** A message is taken only in the poll that returns it. In the same poll the receive
//!   leaves all other lines, so that what it was promised there passes to the next receivers.
#![forbid(unsafe_code)]

use core::task::{Context, Poll, ready};

use crate::mpmc;
use crate::observe::{Observed, Op, WaitRecord};
use crate::prim::{Arc, Lock};
use crate::queue::lanes::{Serve, Turns};
use crate::queue::single::NoMessage;
use crate::util::{FirstPanic, budget, contain};
use crate::wait::nodes::Nodes;

/// The receiving side.
pub(super) struct Lanes<T, const N: usize> {
    lanes: [mpmc::Receiver<T>; N],
    /// What the receivers share of the discipline; none if it remembers nothing.
    turns: Option<Arc<Lock<Turns<N>>>>,
}

impl<T, const N: usize> Lanes<T, N> {
    #[track_caller]
    pub(super) fn new(lanes: [mpmc::Receiver<T>; N], serve: Serve<N>) -> Self {
        let turns = Turns::new(serve);
        let turns = (serve != Serve::Strict).then(|| Arc::new(Lock::new(turns)));
        Self { lanes, turns }
    }

    /// The receivers of the lanes.
    pub(super) fn all(&self) -> &[mpmc::Receiver<T>; N] {
        &self.lanes
    }

    /// Waits for the next message and its lane; `None` when all lanes have ended.
    ///
    /// Nodes that this was called with are given to [`leave`](Self::leave) before they drop.
    pub(super) fn poll_recv(
        &self,
        nodes: &mut Nodes<N>,
        ended: &mut [bool; N],
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, T)>> {
        let order = self.order();
        if !nodes.is_any_bound() {
            let budget = ready!(budget::poll_proceed(cx));
            if let Some(received) = self.try_recv_in(order, ended) {
                budget.made_progress();
                return Poll::Ready(Some(received));
            }
        }
        for lane in order {
            if ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.poll_recv(nodes.get(lane), cx) {
                Poll::Ready(Some(message)) => {
                    // What it was promised in other lanes is for other receivers.
                    contain(|| self.leave(nodes));
                    self.note(lane);
                    return Poll::Ready(Some((lane, message)));
                }
                Poll::Ready(None) => ended[lane] = true,
                Poll::Pending => {}
            }
        }
        if *ended == [true; N] { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Leaves all lines. What was promised passes to the next receivers.
    pub(super) fn leave(&self, nodes: &Nodes<N>) {
        let mut panics = FirstPanic::default();
        for (lane, receiver) in self.lanes.iter().enumerate() {
            if let Some(node) = nodes.bound(lane) {
                panics.catch(|| receiver.queue.cancel_recv(node));
            }
        }
        panics.resume();
    }

    /// Records of each lane whether this receive waits for it.
    #[inline(always)]
    pub(super) fn note_waits(
        &self,
        waits: &mut [WaitRecord; N],
        is_pending: bool,
        ended: &[bool; N],
        cx: &Context<'_>,
    ) {
        for (lane, wait) in waits.iter_mut().enumerate() {
            let is_waiting = is_pending && !ended[lane];
            wait.note(is_waiting, cx, self.lanes[lane].queue.record(), Op::Recv);
        }
    }

    pub(super) fn try_recv(&self) -> Result<(usize, T), NoMessage> {
        let mut ended = [false; N];
        let received = self.try_recv_in(self.order(), &mut ended);
        let nothing = if ended == [true; N] { NoMessage::Ended } else { NoMessage::Empty };
        received.ok_or(nothing)
    }

    fn try_recv_in(&self, order: [usize; N], ended: &mut [bool; N]) -> Option<(usize, T)> {
        for lane in order {
            if ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.try_recv() {
                Ok(message) => {
                    self.note(lane);
                    return Some((lane, message));
                }
                Err(NoMessage::Ended) => ended[lane] = true,
                Err(NoMessage::Empty) => {}
            }
        }
        None
    }

    fn order(&self) -> [usize; N] {
        match &self.turns {
            Some(turns) => turns.lock().order(),
            None => core::array::from_fn(|lane| lane),
        }
    }

    fn note(&self, served: usize) {
        if let Some(turns) = &self.turns {
            turns.lock().note(served, |lane| !self.lanes[lane].queue.looks_empty());
        }
    }

    pub(super) fn touch(&self) {
        self.lanes.iter().for_each(|lane| lane.queue.touch());
    }

    pub(super) fn looks_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.queue.looks_empty())
    }

    pub(super) fn close(&self) {
        let mut panics = FirstPanic::default();
        for lane in &self.lanes {
            panics.catch(|| lane.close());
        }
        panics.resume();
    }
}

impl<T, const N: usize> Clone for Lanes<T, N> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone(), turns: self.turns.clone() }
    }
}
