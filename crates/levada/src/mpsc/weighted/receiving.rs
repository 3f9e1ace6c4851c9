//! The receiving side of a weighted channel, and a channel with both sides.
#![forbid(unsafe_code)]

use core::task::{Context, Poll, ready};

use super::protocol::{Ends, Oversize, Queue, Scale, Weighed};
use crate::observe::{Kind, Name};
use crate::prim::Arc;
use crate::queue::single::{self, NoMessage, UniqueRx};
use crate::refs::Tx;
use crate::util::{FirstPanic, contain, wake_in_batches};

/// A channel with its first handles.
#[cfg_attr(feature = "observe", track_caller)]
pub(super) fn open<T>(
    max: usize,
    weigh: impl Fn(&T) -> usize + Send + Sync + 'static,
    oversize: Oversize,
    name: Name,
) -> (Tx<Queue<T>>, Receiving<T>) {
    let (tx, queue) = single::channel_of::<_, T>(Kind::Weighted, name);
    let scale = Scale::new(max, weigh, oversize, &tx);
    (tx, Receiving { queue, scale: Arc::new(scale), refusals: 0 })
}

/// The receiving side.
#[derive(Debug)]
pub(super) struct Receiving<T> {
    pub(super) queue: UniqueRx<Weighed<T>>,
    pub(super) scale: Arc<Scale<T>>,
    /// How often it found an unclaimed grant of a sender.
    refusals: u16,
}

impl<T> Receiving<T> {
    pub(super) fn ends(&self) -> Ends<'_, T> {
        Ends { queue: &self.queue, scale: &self.scale }
    }

    /// The calling task uses the receiver.
    #[inline(always)]
    pub(super) fn touch(&self) {
        #[cfg(feature = "observe")]
        self.queue.touch_as(&self.scale);
    }

    /// Waits for a message; `None` at the end.
    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let received = ready!(self.poll_weighed(cx));
        Poll::Ready(received.map(|weighed| self.unpack(weighed)))
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`; 0 at the end, or if
    /// `limit` is 0.
    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let Some(Weighed { message, mut weight }) = ready!(self.poll_weighed(cx)) else {
            return Poll::Ready(0);
        };
        // Only what is there now: senders that are faster must not keep the receiver for ever.
        let more = self.queue.len().min(limit - 1);
        buffer.reserve(1 + more);
        buffer.push(message);
        let mut received = 1;
        while received <= more
            && let Ok(next) = self.queue.try_recv()
        {
            buffer.push(next.message);
            weight += next.weight;
            received += 1;
        }
        contain(|| self.ends().give_back(weight));
        Poll::Ready(received)
    }

    fn poll_weighed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Weighed<T>>> {
        let polled = self.queue.poll_recv(cx);
        if polled.is_pending() {
            // After the queue knows the waker: a thread that needs the receiver to count finds it
            // there, or has set what this sees.
            if self.scale.gate().may_have_line() && self.count_for_senders_while_waiting() {
                cx.waker().wake_by_ref();
            }
        } else {
            self.refusals = 0;
        }
        polled
    }

    pub(super) fn try_recv(&mut self) -> Result<T, NoMessage> {
        match self.queue.try_recv() {
            Ok(weighed) => Ok(self.unpack(weighed)),
            Err(nothing) => {
                if self.scale.gate().may_have_line() {
                    self.count_for_senders();
                }
                Err(nothing)
            }
        }
    }

    /// Gives the weight back, with the message in hand.
    #[inline]
    fn unpack(&self, Weighed { message, weight }: Weighed<T>) -> T {
        if self.scale.gate().give_back(weight) {
            contain(|| self.ends().grant());
        }
        message
    }

    /// The receiver goes to sleep, and senders wait. One that was granted room and is not polled
    /// must not stop the others: the receiver counts. Answers whether it must be polled again soon.
    #[cold]
    fn count_for_senders_while_waiting(&mut self) -> bool {
        let mut line = self.scale.gate().look();
        if line.permits.is_closed() || !self.queue.looks_empty() {
            return false;
        }
        let counts = line.permits.count_receiver_poll(&mut self.refusals);
        let grantable = line.has_grantable();
        drop(line);
        if grantable {
            contain(|| self.ends().grant());
        }
        counts
    }

    /// The same for a receiver that does not wait.
    #[cold]
    fn count_for_senders(&self) {
        let mut line = self.scale.gate().look();
        if line.permits.is_closed() || !self.queue.looks_empty() {
            return;
        }
        line.permits.count_receiver_try();
        let grantable = line.has_grantable();
        drop(line);
        if grantable {
            self.ends().grant();
        }
    }

    /// Refuses new messages and permits, and wakes the senders that wait.
    pub(super) fn close(&self) {
        let mut panics = FirstPanic::default();
        panics.catch(|| self.queue.close());
        panics.catch(|| {
            wake_in_batches(|batch| self.scale.gate().look().permits.close(0, batch));
        });
        panics.resume();
    }
}

impl<T> Drop for Receiving<T> {
    fn drop(&mut self) {
        // The messages that are left are dropped next, and a second panic would end the process.
        contain(|| self.close());
    }
}
