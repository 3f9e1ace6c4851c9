//! Channels that lose nothing, among themselves, and levada's lossy one beside them: the difference
//! is the price of losing nothing.

use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::broadcasts::{
    AsyncBroadcast, Asyncband, Fibre, Levada, LevadaLossless, Postage,
};
use crate::kinds::broadcast::{Broadcast, ManySenders};
use crate::message::Message;
use crate::runtime::On;
use crate::shapes::broadcast::{Flow, tried};

/// levada's lossy channel, where nothing is ever full.
const LOSSY: &str = "levada (lossy)";

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![without_a_runtime()];
    for on in [On::Ct, On::Mt] {
        cells.extend([1, 8].map(|receivers| never_full(on, receivers)));
    }
    cells.push(four_never_full());
    for on in [On::Ct, On::Mt] {
        cells.extend([1, 8].map(|receivers| full(on, receivers)));
    }
    cells.push(four_full());
    cells
}

fn without_a_runtime() -> Cell {
    let about = "A message is sent and received, without a runtime.";
    let mut contenders = contenders!(
        C => |n| Round::Time(tried::<C>(n));
        [LevadaLossless, AsyncBroadcast, Asyncband, Postage, Fibre]
    );
    contenders.push(Contender::new(LOSSY, |n| Round::Time(tried::<Levada>(n))));
    Cell::timed("lossless/try/none-1-1/cap-128/u64", about, contenders)
}

fn never_full(on: On, receivers: u64) -> Cell {
    let about = "A message is sent and received by all; the channel is never full.";
    let flow = Flow::new(receivers, 128);
    let mut contenders = one_sender(on, flow);
    contenders.push(Contender::new(LOSSY, from_one::<Levada>(on, flow)));
    Cell::timed(flow.name("lossless/send", on, 1, <usize as Message>::NAME), about, contenders)
}

fn four_never_full() -> Cell {
    let about = "A message is sent by one of four and received by all; the channel is never full.";
    let flow = Flow::new(8, 128);
    let mut contenders = four_senders(flow);
    contenders.push(Contender::new(LOSSY, from_four::<Levada>(flow)));
    Cell::timed(flow.name("lossless/send", On::Mt, 4, <usize as Message>::NAME), about, contenders)
}

/// The channel holds the sender back, and nothing else does.
fn waiting(receivers: u64) -> Flow {
    Flow { burst: u64::MAX, ..Flow::new(receivers, 16) }
}

fn full(on: On, receivers: u64) -> Cell {
    let about = "A message is sent and received by all; the sender waits for the slowest of them.";
    let flow = waiting(receivers);
    Cell::timed(
        flow.name("lossless/full", on, 1, <usize as Message>::NAME),
        about,
        one_sender(on, flow),
    )
}

fn four_full() -> Cell {
    let about =
        "A message is sent by one of four and received by all; the senders wait for the slowest.";
    let flow = waiting(8);
    Cell::timed(
        flow.name("lossless/full", On::Mt, 4, <usize as Message>::NAME),
        about,
        four_senders(flow),
    )
}

fn one_sender(on: On, flow: Flow) -> Vec<Contender> {
    contenders!(
        C => from_one::<C>(on, flow);
        [LevadaLossless, AsyncBroadcast, Asyncband, Postage, Fibre]
    )
}

fn four_senders(flow: Flow) -> Vec<Contender> {
    contenders!(
        C => from_four::<C>(flow);
        [LevadaLossless, AsyncBroadcast, Asyncband, Postage]
    )
}

fn from_one<C: Broadcast>(on: On, flow: Flow) -> impl Fn(u64) -> Round {
    move |n| Round::Time(on.run(flow.one_sender::<C, usize>(n)))
}

fn from_four<C: ManySenders>(flow: Flow) -> impl Fn(u64) -> Round {
    move |n| Round::Time(On::Mt.run(flow.many_senders::<C, usize>(n, 4)))
}
