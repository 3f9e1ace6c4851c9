//! One waker of a crowd panics, at each place in turn: everybody else is served, nothing is lost
//! (C51).

use super::scenes::{CROWD, Make, SCENES, Scene, Wait};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use support::{Event, Ledger, Tally, hooked_waker};

fn poll(wait: &mut Wait, waker: &Waker) -> Poll<()> {
    wait.as_mut().poll(&mut Context::from_waker(waker))
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// A waker that panics at `event`, and only then.
fn bad_waker(event: Event) -> Waker {
    hooked_waker(move |happened| {
        // Not while unwinding: a second panic would end the process, whoever is at fault.
        assert!(happened != event || std::thread::panicking(), "this waker panics");
    })
}

/// Everybody in the crowd waits; each has a tally, the one at `bad` a waker of its own.
fn wait_all(scene: &mut Scene, bad: usize, waker: &Waker) -> Vec<Arc<Tally>> {
    let tallies: Vec<Arc<Tally>> = scene.waits.iter().map(|_| Arc::default()).collect();
    for (i, wait) in scene.waits.iter_mut().enumerate() {
        let good = Waker::from(Arc::clone(&tallies[i]));
        assert!(poll(wait, if i == bad { waker } else { &good }).is_pending());
    }
    tallies
}

#[track_caller]
fn assert_served(name: &str, bad: usize, waits: &mut [Wait], tallies: &[Arc<Tally>]) {
    for (i, wait) in waits.iter_mut().enumerate() {
        if i != bad {
            assert!(tallies[i].woken() > 0, "{name}: {bad} panicked and {i} was not woken");
            assert!(poll(wait, Waker::noop()).is_ready(), "{name}: {bad} panicked, {i} waits");
        }
    }
}

fn each_place(check: impl Fn(&str, Make, &Ledger, usize)) {
    let mut checked = 0;
    for (name, make) in SCENES {
        for bad in 0..CROWD {
            let ledger = Ledger::new(3 * CROWD);
            check(name, *make, &ledger, bad);
            ledger.settle();
            checked += 1;
        }
    }
    assert_eq!(checked, 15 * 37);
}

#[test]
fn one_panics_when_it_is_woken() {
    each_place(|name, make, ledger, bad| {
        let mut scene = make(ledger);
        let tallies = wait_all(&mut scene, bad, &bad_waker(Event::Wake));
        let mut kept = None;
        let panicked = panics(|| kept = Some((scene.trigger)()));
        assert_eq!(panicked, scene.panic_goes_on, "{name}: the panic of {bad}");
        assert_served(name, bad, &mut scene.waits, &tallies);
        // Its own turn has come, too: it was only not told.
        assert!(poll(&mut scene.waits[bad], Waker::noop()).is_ready(), "{name}: {bad} waits");
    });
}

#[test]
fn one_panics_when_it_is_cloned() {
    each_place(|name, make, ledger, bad| {
        let mut scene = make(ledger);
        let mut tallies = Vec::new();
        for (i, wait) in scene.waits.iter_mut().enumerate() {
            tallies.push(Arc::<Tally>::default());
            if i == bad {
                let waker = bad_waker(Event::Clone);
                assert!(
                    panics(|| assert!(poll(wait, &waker).is_ready())),
                    "{name}: {bad} has to be cloned"
                );
            } else {
                let waker = Waker::from(Arc::clone(&tallies[i]));
                assert!(poll(wait, &waker).is_pending());
            }
        }
        // A future that panicked is dropped by whoever polled it.
        scene.waits[bad] = Box::pin(async {});
        let _kept = (scene.trigger)();
        assert_served(name, bad, &mut scene.waits, &tallies);
    });
}

#[test]
fn one_panics_when_it_is_dropped() {
    each_place(|name, make, ledger, bad| {
        let mut scene = make(ledger);
        // It is lent to the poll and outlives it all, so the channel's clone is what is dropped.
        let lent = bad_waker(Event::Drop);
        let tallies = wait_all(&mut scene, bad, &lent);
        support::forget(lent);
        let cancelled = std::mem::replace(&mut scene.waits[bad], Box::pin(async {}));
        assert!(panics(|| drop(cancelled)), "{name}: {bad} has to be dropped");
        let _kept = (scene.trigger)();
        assert_served(name, bad, &mut scene.waits, &tallies);
    });
}

/// What a channel clones it wakes by value or drops, each once.
#[test]
fn each_clone_is_woken_or_dropped_once() {
    for (name, make) in SCENES {
        let ledger = Ledger::new(3 * CROWD);
        let mut scene = make(&ledger);
        let tally = Arc::<Tally>::default();
        for (round, wait) in scene.waits.iter_mut().enumerate() {
            for _ in 0..=round % 3 {
                // New each time, so it has to be replaced. All its clones share the count.
                let count = Arc::clone(&tally);
                let waker = hooked_waker(move |_| assert!(Arc::strong_count(&count) > 1));
                assert!(poll(wait, &waker).is_pending());
            }
        }
        let kept = (scene.trigger)();
        for wait in &mut scene.waits {
            assert!(poll(wait, Waker::noop()).is_ready(), "{name}");
        }
        drop((scene.waits, kept));
        assert_eq!(Arc::strong_count(&tally), 1, "{name}: wakers are kept");
        ledger.settle();
    }
}
