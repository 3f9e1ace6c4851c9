//! Foreign code that does its worst, against every channel: wakers that panic at each place of a
//! batch, messages that panic when they are dropped or cloned, payloads of every shape, futures and
//! guards that are forgotten. What only one kind of channel can meet is in that channel's tests.

mod bombs;
mod drops;
mod forgotten;
mod order;
mod payloads;
mod scenes;
mod wakers;
