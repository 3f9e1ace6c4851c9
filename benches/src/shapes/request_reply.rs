//! Clients that send requests to one server and await its replies: a bounded queue, and a oneshot
//! in each request, both of the same crate.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::oneshots::{
    Asyncband, Crossfire, Fibre, Flume, FuturesChannel, Kanal, Levada, Postage, Tokio,
};
use crate::kinds::oneshot::{Oneshot as _, Requests};
use crate::message::{Tally, share};
use crate::runtime::{On, joined};
use std::time::{Duration, Instant};

pub(crate) fn cells() -> Vec<Cell> {
    let shapes = [(On::Ct, 1), (On::Ct, 16), (On::Mt, 1), (On::Mt, 16), (On::Mt, 64)];
    shapes.map(|(on, clients)| request_reply(on, clients)).into()
}

fn request_reply(on: On, clients: u64) -> Cell {
    let about = "A request is sent and its reply awaited; capacity 128.";
    let contenders = contenders!(
        C => move |n| Round::Time(on.run(served::<C>(n, clients)));
        [Levada, Tokio, Asyncband, Kanal, Fibre, FuturesChannel, Crossfire, Flume, Postage]
    );
    Cell::timed(format!("request-reply/{}-{clients}-1/cap-128", on.name()), about, contenders)
}

async fn served<C: Requests>(n: u64, clients: u64) -> Duration {
    let (client, server) = C::requests(128);
    let start = Instant::now();
    let server = tokio::spawn(serve::<C>(server));
    let asking: Vec<_> = (0..clients)
        .map(|part| tokio::spawn(ask::<C>(client.clone(), share(n, clients, part))))
        .collect();
    drop(client);
    for client in asking {
        joined(client).await;
    }
    let tally = joined(server).await;
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

async fn ask<C: Requests>(mut client: C::Client, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let (sender, receiver) = C::channel();
        C::request(&mut client, (number, sender)).await;
        assert_eq!(C::recv(receiver).await, !number, "the reply to this request");
    }
}

async fn serve<C: Requests>(mut server: C::Server) -> Tally {
    let mut tally = Tally::default();
    while let Some((number, reply)) = C::next(&mut server).await {
        tally.add(number);
        C::send(reply, !number);
    }
    tally
}
