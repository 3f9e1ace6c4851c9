//! With the single receiver, which looks before it takes.

pub(crate) mod run;

use crate::shared::{Dice, Message};
use levada::mpsc as channel;
use std::thread;

/// One.
pub(crate) fn receivers(rx: channel::Receiver<Message>) -> Vec<channel::Receiver<Message>> {
    vec![rx]
}

/// The single receiver looks before it takes.
pub(crate) fn look(rx: &mut channel::Receiver<Message>, dice: &mut Dice) -> Option<Message> {
    let seen = rx.peek().map(|message| (message.sender, message.number));
    if dice.roll(2) == 0 {
        thread::yield_now();
    }
    let takes = dice.roll(2) == 0;
    let mut again = None;
    let received = rx.recv_if(|message| {
        again = Some((message.sender, message.number));
        takes
    });
    assert!(seen.is_none() || seen == again, "{seen:?} was looked at, and {again:?} was there");
    assert!(received.is_some() == (takes && again.is_some()));
    received
}
