//! Receiving from several lanes.
//!
//! # Invariants
//! - **I1** A receiver that waits has left its waker in each lane that has not ended: it looked at
//!   all of them in the poll in which it registered.
//! - **I2** A message is taken only in the poll that returns it.
#![forbid(unsafe_code)]

use core::task::{Context, Poll, ready};

use crate::mpsc;
use crate::observe::{Observed, Op, WaitRecord};
use crate::queue::lanes::{Serve, Turns};
use crate::queue::single::NoMessage;
use crate::util::{FirstPanic, budget};

/// The receiving side.
pub(super) struct Lanes<T, const N: usize> {
    lanes: [mpsc::Receiver<T>; N],
    /// Which lanes have ended: they are not asked any more.
    ended: [bool; N],
    turns: Turns<N>,
}

impl<T, const N: usize> Lanes<T, N> {
    #[track_caller]
    pub(super) fn new(lanes: [mpsc::Receiver<T>; N], serve: Serve<N>) -> Self {
        Self { lanes, ended: [false; N], turns: Turns::new(serve) }
    }

    /// The receivers of the lanes.
    pub(super) fn all(&self) -> &[mpsc::Receiver<T>; N] {
        &self.lanes
    }

    /// Waits for the next message and its lane; `None` when all lanes have ended.
    pub(super) fn poll_recv(
        &mut self,
        waits: &mut [WaitRecord; N],
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, T)>> {
        let budget = ready!(budget::poll_proceed(cx));
        let order = self.turns.order();
        // First without a lock: mostly a lane has a message.
        let mut polled = match self.try_recv_in(order) {
            Ok(received) => {
                budget.made_progress();
                Poll::Ready(Some(received))
            }
            Err(NoMessage::Ended) => Poll::Ready(None),
            Err(NoMessage::Empty) => {
                drop(budget);
                self.poll_all(order, cx)
            }
        };
        if polled.is_pending() && self.ended == [true; N] {
            polled = Poll::Ready(None);
        }
        for (lane, wait) in waits.iter_mut().enumerate() {
            let is_waiting = polled.is_pending() && !self.ended[lane];
            wait.note(is_waiting, cx, self.lanes[lane].queue.record(), Op::Recv);
        }
        polled
    }

    /// Registers in all lanes, unless one has a message.
    #[cold]
    fn poll_all(&mut self, order: [usize; N], cx: &mut Context<'_>) -> Poll<Option<(usize, T)>> {
        for lane in order {
            if self.ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.poll_recv(cx) {
                Poll::Ready(Some(message)) => {
                    self.note(lane);
                    return Poll::Ready(Some((lane, message)));
                }
                Poll::Ready(None) => self.ended[lane] = true,
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    pub(super) fn try_recv(&mut self) -> Result<(usize, T), NoMessage> {
        self.try_recv_in(self.turns.order())
    }

    fn try_recv_in(&mut self, order: [usize; N]) -> Result<(usize, T), NoMessage> {
        for lane in order {
            if self.ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.try_recv() {
                Ok(message) => {
                    self.note(lane);
                    return Ok((lane, message));
                }
                Err(NoMessage::Ended) => self.ended[lane] = true,
                Err(NoMessage::Empty) => {}
            }
        }
        Err(if self.ended == [true; N] { NoMessage::Ended } else { NoMessage::Empty })
    }

    fn note(&mut self, served: usize) {
        self.turns.note(served, |lane| !self.lanes[lane].is_empty());
    }

    pub(super) fn looks_empty(&self) -> bool {
        self.lanes.iter().all(mpsc::Receiver::is_empty)
    }

    pub(super) fn touch(&self) {
        self.lanes.iter().for_each(|lane| lane.queue.touch());
    }

    pub(super) fn close(&mut self) {
        let mut panics = FirstPanic::default();
        for lane in &mut self.lanes {
            panics.catch(|| lane.close());
        }
        panics.resume();
    }
}
