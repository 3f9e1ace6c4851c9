//! A sender of a bounded channel as a sink, for mpsc and mpmc (feature `stream`).
//!
//! # States
//! | `sender` | `reserved` | `node` | the sink | left by |
//! |----------|------------|--------|----------|---------|
//! | some | no  | not bound | idle: holds nothing | `poll_ready` |
//! | some | no  | bound     | waits in line, or was promised a place | `poll_ready`, `abort` |
//! | some | yes | not bound | has reserved a place | `start_send`, `abort` |
//! | none | no  | not bound | closed, for good | |
//!
//! `close` leads from each state to the last.
#![forbid(unsafe_code)]

use core::fmt;
use core::task::{Context, Poll, ready};

use super::error::SendError;
use super::future::BoundedSender;
use crate::observe::{Observed, Op, WaitRecord};
use crate::wait::lazy::LazyNode;

/// Holds at most one permit: `poll_ready` gets it, `start_send` uses it up.
pub(crate) struct SenderSink<S: BoundedSender> {
    sender: Option<S>,
    reserved: bool,
    node: LazyNode,
    wait: WaitRecord,
}

impl<S: BoundedSender> SenderSink<S> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(sender: Option<S>) -> Self {
        Self { sender, reserved: false, node: LazyNode::new(), wait: WaitRecord::new() }
    }

    /// The sender, until the sink is closed.
    pub(crate) fn sender(&self) -> Option<&S> {
        self.sender.as_ref()
    }

    /// Waits for a permit, unless there is one.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let sender = self.sender.as_ref().ok_or(SendError(()))?;
        if !self.reserved {
            sender.touch();
            let polled = sender.queue().poll_reserve(&mut self.node, 1, cx);
            self.wait.note(polled.is_pending(), cx, sender.queue().record(), Op::Send);
            ready!(polled).map_err(|_closed| SendError(()))?;
            self.reserved = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends with the permit.
    pub(crate) fn start_send(&mut self, message: S::Message) -> Result<(), SendError<()>> {
        let sender = self.sender.as_ref().ok_or(SendError(()))?;
        if !core::mem::take(&mut self.reserved) {
            // `poll_ready` has said so.
            assert!(sender.queue().is_closed(), "`start_send` needs `poll_ready` before it");
            return Err(SendError(()));
        }
        sender.queue().send_reserved(message).map_err(|_dropped| SendError(()))
    }

    /// Leaves the line and gives the permit back. Answers whether there was either.
    pub(crate) fn abort(&mut self) -> bool {
        self.wait.leave();
        let sender = self.sender.as_ref();
        sender.is_some_and(|sender| give_back(sender, &self.node, &mut self.reserved))
    }

    /// Gives back what it holds, and drops the sender.
    pub(crate) fn close(&mut self) {
        self.wait.leave();
        if let Some(sender) = self.sender.take() {
            give_back(&sender, &self.node, &mut self.reserved);
        }
    }
}

/// Leaves the line and gives the permit back. Answers whether there was either.
fn give_back<S: BoundedSender>(sender: &S, node: &LazyNode, reserved: &mut bool) -> bool {
    if core::mem::take(reserved) {
        sender.queue().release(1);
    } else if let Some(node) = node.bound() {
        sender.queue().cancel(node);
    } else {
        return false;
    }
    true
}

impl<S: BoundedSender> Drop for SenderSink<S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<S: BoundedSender + Clone> Clone for SenderSink<S> {
    fn clone(&self) -> Self {
        let sender = self.sender.clone();
        Self { sender, reserved: false, node: LazyNode::new(), wait: self.wait.fork() }
    }
}

impl<S: BoundedSender + fmt::Debug> fmt::Debug for SenderSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink")
            .field("sender", &self.sender)
            .field("reserved", &self.reserved)
            .finish_non_exhaustive()
    }
}
