//! An event bus: every service sees every event and keeps what it cares about.
//!
//! Why `broadcast`: each subscriber gets its own copy of each event, in the same order, and the
//! publisher does not know who listens. (`mpsc` would give each event to one service only.)
//!
//! Look at:
//! - the events hold `Arc<str>`: a subscriber's copy is a counter, not a string.
//! - every service handles `Lagged`. With this capacity it does not happen; one day it will.
//! - `publish`: an error means that nobody listens *now*. For a bus that is no failure.

use std::error::Error;
use std::sync::Arc;

use levada::broadcast::{self, error::RecvError};

/// Events that a slow service may be behind before it misses some.
const CAPACITY: usize = 64;

#[derive(Clone, Debug)]
enum Event {
    Ordered { order: u32, customer: Arc<str> },
    Paid { order: u32, cents: u64 },
    Shipped { order: u32 },
}

fn publish(bus: &broadcast::Sender<Event>, event: Event) {
    match bus.send(event) {
        Ok(_listeners) => {}
        Err(unheard) => println!("nobody listens: {:?}", unheard.0),
    }
}

/// Calls `on_event` for each event until the bus is closed; returns how many events were missed.
async fn listen(mut events: broadcast::Receiver<Event>, mut on_event: impl FnMut(Event)) -> u64 {
    let mut missed = 0;
    loop {
        match events.recv().await {
            Ok(event) => on_event(event),
            Err(RecvError::Lagged(count)) => missed += count,
            Err(RecvError::Closed) => return missed,
        }
    }
}

async fn billing(events: broadcast::Receiver<Event>) -> String {
    let (mut payments, mut total_cents) = (0, 0);
    let missed = listen(events, |event| {
        if let Event::Paid { cents, .. } = event {
            payments += 1;
            total_cents += cents;
        }
    })
    .await;
    format!("billing: {payments} payments, {total_cents} cents, {missed} events missed")
}

async fn shipping(events: broadcast::Receiver<Event>) -> String {
    let (mut ready, mut gone) = (Vec::new(), Vec::new());
    let missed = listen(events, |event| match event {
        Event::Paid { order, .. } => ready.push(order),
        Event::Shipped { order } => {
            ready.retain(|&waiting| waiting != order);
            gone.push(order);
        }
        Event::Ordered { .. } => {}
    })
    .await;
    format!("shipping: {gone:?} shipped, {ready:?} still to ship, {missed} events missed")
}

async fn newsletter(events: broadcast::Receiver<Event>) -> String {
    let mut customers = Vec::new();
    let missed = listen(events, |event| {
        if let Event::Ordered { order, customer } = event {
            customers.push(format!("{customer} (order {order})"));
        }
    })
    .await;
    format!("newsletter: {}, {missed} events missed", customers.join(", "))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The receiver that `channel` returns is not needed: each service subscribes for itself.
    let (bus, _) = broadcast::channel(CAPACITY);
    publish(&bus, Event::Shipped { order: 0 });

    let services = [
        tokio::spawn(billing(bus.subscribe())),
        tokio::spawn(shipping(bus.subscribe())),
        tokio::spawn(newsletter(bus.subscribe())),
    ];
    println!("{} services listen", bus.receiver_count());

    for (order, customer) in [(1, "Ada"), (2, "Grace"), (3, "Edsger")] {
        publish(&bus, Event::Ordered { order, customer: customer.into() });
        publish(&bus, Event::Paid { order, cents: u64::from(order) * 1_000 });
    }
    publish(&bus, Event::Shipped { order: 2 });
    drop(bus); // Each service reads what is left, then sees `Closed`.

    for service in services {
        println!("{}", service.await?);
    }
    Ok(())
}
