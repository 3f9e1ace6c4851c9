//! With several receivers.

#[path = "mpsc/run.rs"]
pub(crate) mod run;

use crate::shared::{Dice, Message};
use levada::mpmc as channel;

/// Two.
pub(crate) fn receivers(rx: channel::Receiver<Message>) -> Vec<channel::Receiver<Message>> {
    vec![rx; 2]
}

/// One of several receivers cannot look.
pub(crate) fn look(rx: &mut channel::Receiver<Message>, _dice: &mut Dice) -> Option<Message> {
    rx.try_recv().ok()
}
