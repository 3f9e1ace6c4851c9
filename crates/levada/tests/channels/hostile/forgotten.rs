//! Futures and guards that are forgotten: they are never polled or dropped again, and stay where
//! they are. Nobody else notices.

use super::scenes::{CROWD, SCENES};
use levada::{mpmc, mpsc};
use std::sync::Arc;
use std::task::{Context, Waker};
use support::{Ledger, Tally};

/// One of the crowd is forgotten, at each place in turn.
#[test]
fn one_of_a_crowd_is_forgotten() {
    let mut checked = 0;
    for (name, make) in SCENES {
        for forgotten in 0..CROWD {
            let ledger = Ledger::new(3 * CROWD);
            let mut scene = make(&ledger);
            let mut tallies = Vec::new();
            for wait in &mut scene.waits {
                let tally = Arc::<Tally>::default();
                let waker = Waker::from(Arc::clone(&tally));
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                tallies.push(tally);
            }
            let future = std::mem::replace(&mut scene.waits[forgotten], Box::pin(async {}));
            support::forget(future);
            let kept = (scene.trigger)();
            for (i, (wait, tally)) in scene.waits.iter_mut().zip(&tallies).enumerate() {
                assert!(i == forgotten || tally.woken() > 0, "{name}: {forgotten}, {i} sleeps");
                let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_ready(), "{name}: {forgotten} is forgotten, {i} waits");
            }
            drop((scene.waits, kept));
            // Its own message is with it, and those that its handle keeps in the channel.
            assert!(ledger.unsettled().len() <= CROWD + 1, "{name}: {forgotten}");
            checked += 1;
        }
    }
    assert_eq!(checked, 15 * 37);
}

/// A permit that is forgotten keeps its place for ever, and no more than that.
#[test]
fn permits() {
    let (tx, mut rx) = mpsc::channel(3);
    support::forget(tx.try_reserve().unwrap());
    support::forget(tx.clone().try_reserve_owned().unwrap());
    for i in 0..100 {
        tx.try_send(i).unwrap();
        assert!(tx.try_send(i).is_err());
        assert_eq!(rx.try_recv(), Ok(i));
    }
    assert_eq!((tx.capacity(), tx.max_capacity()), (1, 3));
    let (tx, rx) = mpmc::channel(3);
    let mut permits = tx.try_reserve_many(2).unwrap();
    permits.next().unwrap().send(7);
    support::forget(permits);
    for i in 0..100 {
        tx.try_send(i).unwrap();
        assert_eq!(rx.try_recv(), Ok(if i == 0 { 7 } else { i - 1 }));
    }
    assert_eq!(rx.try_recv(), Ok(99));
}
