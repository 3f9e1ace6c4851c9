//! A node on the heap, for what waits and has to be `Unpin`: streams and sinks.
//!
//! A future holds its [`Node`] in itself, since its user pins it. Most users of streams and sinks
//! (`StreamMap`, `select_all`) move them instead, so their nodes lie on the heap. A node is
//! allocated when its owner first has to wait, and it is kept: an owner that never waits allocates
//! nothing.
#![forbid(unsafe_code)]

use core::pin::Pin;

use super::list::Node;

/// A waiter's node, wherever it lies; what waits asks for it when there is a line to enter.
pub(crate) trait NodeRef<'a> {
    /// As [`Node::is_bound`].
    fn is_bound(&self) -> bool;

    /// As [`Node::is_held`].
    fn is_held(&self) -> bool;

    /// The node.
    fn pinned(self) -> Pin<&'a Node>;
}

impl<'a> NodeRef<'a> for Pin<&'a Node> {
    #[inline(always)]
    fn is_bound(&self) -> bool {
        Node::is_bound(self)
    }

    #[inline(always)]
    fn is_held(&self) -> bool {
        Node::is_held(self)
    }

    #[inline(always)]
    fn pinned(self) -> Pin<&'a Node> {
        self
    }
}

/// A node that is allocated when it is first asked for.
///
/// Its owner cancels as the owner of a [`Node`] does, and before this drops (list, I2).
#[cfg(feature = "stream")]
#[derive(Debug)]
pub(crate) struct LazyNode(Option<Pin<Box<Node>>>);

#[cfg(feature = "stream")]
impl LazyNode {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// The node, if a list knows it. If not, there is nothing to cancel.
    pub(crate) fn bound(&self) -> Option<Pin<&Node>> {
        self.0.as_ref().map(Pin::as_ref).filter(|node| node.is_bound())
    }
}

#[cfg(feature = "stream")]
impl<'a> NodeRef<'a> for &'a mut LazyNode {
    fn is_bound(&self) -> bool {
        self.0.as_ref().is_some_and(|node| node.is_bound())
    }

    fn is_held(&self) -> bool {
        self.0.as_ref().is_some_and(|node| node.is_held())
    }

    fn pinned(self) -> Pin<&'a Node> {
        self.0.get_or_insert_with(|| Box::pin(Node::new())).as_ref()
    }
}
