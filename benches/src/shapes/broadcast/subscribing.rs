//! Receivers that come and go.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::broadcasts::{
    AsyncBroadcast, Asyncband, Fibre, FibreTopic, Levada, Postage, Tokio,
};
use crate::kinds::broadcast::Broadcast;
use crate::message::{Message, Tally};
use crate::runtime::On;
use crate::shapes::broadcast::Flow;
use std::time::{Duration, Instant};

pub(crate) fn cells() -> Vec<Cell> {
    vec![subscribe_and_drop(), replaced(On::Ct), replaced(On::Mt)]
}

fn subscribe_and_drop() -> Cell {
    let about = "A second receiver subscribes, a message is sent, both receive it, and the second is dropped.";
    let contenders = contenders!(
        C => |n| Round::Time(subscribed_and_dropped::<C>(n));
        [Levada, Tokio, Asyncband, AsyncBroadcast, Postage, Fibre, FibreTopic]
    );
    Cell::timed("broadcast/subscribe/none-1-2/cap-128/u64", about, contenders)
}

fn subscribed_and_dropped<C: Broadcast>(n: u64) -> Duration {
    let (mut sender, mut first) = C::channel::<usize>(128);
    let mut tallies = [Tally::default(); 2];
    let start = Instant::now();
    for number in 0..n {
        let mut second = C::subscribe(&first);
        C::try_send(&mut sender, <usize as Message>::new(number));
        for (tally, receiver) in tallies.iter_mut().zip([&mut first, &mut second]) {
            tally.add(C::try_recv(receiver).expect("it has been sent").number());
        }
    }
    let elapsed = start.elapsed();
    tallies.iter().for_each(|tally| tally.check(n));
    elapsed
}

fn replaced(on: On) -> Cell {
    let about =
        "A message is sent and received by all; after 8, each receiver is replaced by a new one.";
    let flow = Flow { burst: 8, anew: true, ..Flow::new(8, 128) };
    let contenders = contenders!(
        C => move |n| Round::Time(on.run(flow.one_sender::<C, usize>(n)));
        [Levada, Tokio, Asyncband, AsyncBroadcast, Postage, Fibre, FibreTopic]
    );
    let name = flow.name("broadcast/resubscribe", on, 1, <usize as Message>::NAME);
    Cell::timed(name, about, contenders)
}
