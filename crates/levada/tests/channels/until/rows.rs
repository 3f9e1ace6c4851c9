//! The table of all calls that wait.

use super::checks::{Call, Guarantee};
use super::{of_queues, others};
use std::any::type_name;
use std::collections::BTreeSet;
use std::pin::Pin;

/// A call that waits, and whether it comes to what it waited for.
pub(super) struct Waiting<'a> {
    pub(super) future: Pin<Box<dyn Future<Output = bool> + 'a>>,
    /// The type of the future that the channel gave.
    name: &'static str,
}

/// A call that should come to what `is_right` says.
pub(super) fn waiting<'a, F>(
    future: F,
    is_right: impl FnOnce(F::Output) -> bool + 'a,
) -> Waiting<'a>
where
    F: Future + 'a,
{
    let name = type_name::<F>();
    Waiting { future: Box::pin(async move { is_right(future.await) }), name }
}

/// When the first of two in a line is served: before it is stopped, or after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    Before,
    After,
}

/// The rows of the table, each of which is checked when it is added.
pub(super) struct Rows {
    guarantee: Guarantee,
    names: BTreeSet<&'static str>,
}

impl Rows {
    pub(super) fn new(guarantee: Guarantee) -> Self {
        Self { guarantee, names: BTreeSet::new() }
    }

    /// The types of all futures so far.
    pub(super) fn names(&self) -> &BTreeSet<&'static str> {
        &self.names
    }

    /// A call of a handle that is alone: `make` gives the handle and its peer, and the call waits
    /// until `open` was done with the peer.
    pub(super) fn alone<H, P: Send>(
        &mut self,
        make: impl Fn() -> (H, P),
        call: impl for<'a> Fn(&'a mut H) -> Waiting<'a>,
        open: impl Fn(&mut P) + Sync,
    ) {
        let name = self.note(call(&mut make().0).name);
        Call { name, make, call, open }.check(self.guarantee);
    }

    /// The same of a handle whose clones wait beside each other.
    pub(super) fn in_line<H: Clone, P: Send>(
        &mut self,
        make: impl Fn() -> (H, P),
        call: impl for<'a> Fn(&'a mut H) -> Waiting<'a>,
        open: impl Fn(&mut P) + Sync,
    ) {
        let name = self.note(call(&mut make().0).name);
        let call = Call { name, make, call, open };
        call.check(self.guarantee);
        match self.guarantee {
            Guarantee::StoppedFirst => call.check_line(Served::After),
            Guarantee::Dropped => call.check_line(Served::Before),
            _ => {}
        }
    }

    fn note(&mut self, name: &'static str) -> &'static str {
        self.names.insert(name);
        name
    }
}

/// All rows.
pub(super) fn all(rows: &mut Rows) {
    of_queues::of_mpsc(rows);
    of_queues::of_mpmc(rows);
    others::weighted(rows);
    others::lanes(rows);
    others::rendezvous(rows);
    others::oneshot(rows);
    others::broadcast(rows);
    others::lossless(rows);
    others::watch(rows);
}
