//! Requests whose replies come on channels that are used again, beside channels that are made for
//! each. The queue of the requests is the same for all: levada's.

use crate::cell::{Cell, Contender, Round, contenders};
use crate::contenders::oneshots::{Asyncband, Levada, Oneshot as OneshotCrate, Tokio};
use crate::contenders::replies::{Fibre, Fresh, LevadaPool, LevadaReusable};
use crate::kinds::replies::Replies;
use crate::message::{Tally, share};
use crate::runtime::{On, joined};
use levada::mpsc;
use std::future::ready;
use std::time::{Duration, Instant};

/// levada's oneshots, one for each request.
const FRESH: &str = "levada (fresh)";

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![same_task()];
    let shapes = [(On::Ct, 1), (On::Ct, 16), (On::Mt, 1), (On::Mt, 16), (On::Mt, 64)];
    cells.extend(shapes.map(|(on, clients)| between_tasks(on, clients)));
    cells
}

fn same_task() -> Cell {
    let about = "A channel for a reply is taken, sent on and awaited, all in one task.";
    let mut contenders = contenders!(
        C => |n| Round::Time(On::Ct.run(asked_and_replied::<C>(n)));
        [LevadaPool, LevadaReusable, Fibre, Fresh<Tokio>, Fresh<OneshotCrate>, Fresh<Asyncband>]
    );
    let fresh = |n| Round::Time(On::Ct.run(asked_and_replied::<Fresh<Levada>>(n)));
    contenders.push(Contender::new(FRESH, fresh));
    Cell::timed("replies/same-task/ct/u64", about, contenders)
}

async fn asked_and_replied<C: Replies>(n: u64) -> Duration {
    let mut clients = C::clients(1);
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        let reply = C::ask(&mut clients[0], |sender| {
            C::reply(sender, number);
            ready(())
        });
        tally.add(reply.await);
    }
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn between_tasks(on: On, clients: usize) -> Cell {
    let about = "A request is sent and its reply awaited; capacity 128.";
    let mut contenders = contenders!(
        C => move |n| Round::Time(on.run(served::<C>(n, clients)));
        [LevadaPool, LevadaReusable, Fibre, Fresh<Tokio>, Fresh<OneshotCrate>, Fresh<Asyncband>]
    );
    let fresh = move |n| Round::Time(on.run(served::<Fresh<Levada>>(n, clients)));
    contenders.push(Contender::new(FRESH, fresh));
    Cell::timed(format!("replies/{}-{clients}-1/cap-128", on.name()), about, contenders)
}

/// A request, and where its reply goes.
type Request<C> = (u64, <C as Replies>::Sender);

async fn served<C: Replies>(n: u64, clients: usize) -> Duration {
    let (requests, inbox) = mpsc::channel::<Request<C>>(128);
    let parts = clients as u64;
    let clients = C::clients(clients);
    let start = Instant::now();
    let server = tokio::spawn(serve::<C>(inbox));
    let asking: Vec<_> = (0..parts)
        .zip(clients)
        .map(|(part, client)| {
            tokio::spawn(ask::<C>(client, requests.clone(), share(n, parts, part)))
        })
        .collect();
    drop(requests);
    for client in asking {
        joined(client).await;
    }
    let tally = joined(server).await;
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

async fn ask<C: Replies>(
    mut client: C::Client,
    requests: mpsc::Sender<Request<C>>,
    numbers: std::ops::Range<u64>,
) {
    for number in numbers {
        let reply = C::ask(&mut client, |sender| {
            let sent = requests.send((number, sender));
            async { assert!(sent.await.is_ok(), "the server is there") }
        });
        assert_eq!(reply.await, !number, "the reply to this request");
    }
}

async fn serve<C: Replies>(mut inbox: mpsc::Receiver<Request<C>>) -> Tally {
    let mut tally = Tally::default();
    while let Some((number, reply)) = inbox.recv().await {
        tally.add(number);
        C::reply(reply, !number);
    }
    tally
}
