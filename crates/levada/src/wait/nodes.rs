//! A node for each of several lines, for a receiver that waits in all of them.

use core::pin::Pin;

use super::list::Node;

/// Nodes on the heap, allocated when they are first asked for.
///
/// Their owner cancels as the owner of a [`Node`] does, and before this drops (list, I2).
pub(crate) struct Nodes<const N: usize>(Option<Pin<Box<[Node; N]>>>);

impl<const N: usize> Nodes<N> {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// One of them.
    pub(crate) fn get(&mut self, index: usize) -> Pin<&Node> {
        let new = || Box::pin(core::array::from_fn(|_| Node::new()));
        one_of(self.0.get_or_insert_with(new).as_ref(), index)
    }

    /// One of them, if a list knows it. If not, there is nothing to cancel.
    pub(crate) fn bound(&self, index: usize) -> Option<Pin<&Node>> {
        let nodes = self.0.as_ref()?.as_ref();
        Some(one_of(nodes, index)).filter(|node| node.is_bound())
    }

    /// Whether a list knows one of them.
    pub(crate) fn is_any_bound(&self) -> bool {
        self.0.as_ref().is_some_and(|nodes| nodes.iter().any(Node::is_bound))
    }
}

fn one_of<const N: usize>(nodes: Pin<&[Node; N]>, index: usize) -> Pin<&Node> {
    // SAFETY: an array is moved only as a whole, has no drop of its own, and is `Unpin` only if its
    // elements are: what pins it pins each of them.
    unsafe { nodes.map_unchecked(|nodes| &nodes[index]) }
}
