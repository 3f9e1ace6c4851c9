//! Which members hold the senders back, and how that ends: guarantee 5.

use levada::broadcast;
use levada::broadcast::lossless::error::{RecvError, TryRecvError, TrySendError};
use std::task::Poll;
use std::time::Duration;
use support::{Drops, Task, now};

/// 5: a member that is dropped holds back nothing any more.
#[test]
fn a_dropped_member_frees_the_senders() {
    let (tx, mut rx) = broadcast::lossless(2);
    let slow = tx.subscribe();
    for n in 0..2 {
        tx.try_send(n).unwrap();
        assert_eq!(rx.try_recv(), Ok(n));
    }
    let mut sends = [Task::waiting(tx.send(2)), Task::waiting(tx.send(3))];
    drop(slow);
    for send in &mut sends {
        assert!(send.is_woken());
        assert!(matches!(send.poll(), Poll::Ready(Ok(1))));
    }
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(2), Ok(3)));
}

/// 5: neither does an evicted one, which learns of it, also while it waits.
#[test]
fn an_evicted_member_frees_the_senders() {
    let (tx, mut rx) = broadcast::lossless(1);
    let (mut slow, mut idle) = (tx.subscribe(), tx.subscribe());
    tx.try_send(0).unwrap();
    assert_eq!((rx.try_recv(), idle.try_recv()), (Ok(0), Ok(0)));
    let mut send = Task::waiting(tx.send(1));
    let idle_id = idle.id();
    let mut waiting = Task::waiting(idle.recv());

    assert!(tx.evict(slow.id()));
    assert!(!tx.evict(slow.id()), "once");
    assert!(send.is_woken() && send.poll().is_ready());
    assert!(waiting.is_woken());
    assert_eq!(waiting.poll(), Poll::Ready(Ok(1)));
    drop(waiting);
    assert!(slow.is_evicted() && !rx.is_evicted());
    assert_eq!(slow.try_recv(), Err(TryRecvError::Evicted));
    assert_eq!(now(slow.recv()), Err(RecvError::Evicted), "again and again");

    let mut waiting = Task::waiting(idle.recv());
    assert!(tx.evict(idle_id));
    assert!(waiting.is_woken());
    assert_eq!(waiting.poll(), Poll::Ready(Err(RecvError::Evicted)));
    drop(waiting);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.receiver_count(), 1, "the evicted ones have learned of it");
    let ids: Vec<_> = tx.subscribers().iter().map(|it| it.id).collect();
    assert_eq!(ids, [rx.id()]);
}

/// An evicted member that never comes back keeps what it has not received no longer than an
/// observer would, and nothing once it is dropped.
#[test]
fn what_an_evicted_member_leaves() {
    let drops = Drops::default();
    let (tx, mut rx) = broadcast::lossless(4);
    let stuck = tx.subscribe();
    for _ in 0..4 {
        tx.try_send(drops.message()).unwrap();
        drop(rx.try_recv().unwrap());
    }
    assert_eq!(drops.alive(), 4);
    tx.evict(stuck.id());
    for _ in 0..100 {
        tx.try_send(drops.message()).unwrap();
        drop(rx.try_recv().unwrap());
        assert!(drops.alive() <= 4);
    }
    drop(stuck);
    assert_eq!(drops.alive(), 0);
}

/// The same when the eviction is learned of; a new subscription goes on.
#[test]
fn an_evicted_member_comes_back() {
    let drops = Drops::default();
    let (tx, mut stuck) = broadcast::lossless(4);
    (0..4).for_each(|_| assert!(tx.try_send(drops.message()).is_ok()));
    tx.evict(stuck.id());
    assert!(matches!(stuck.try_recv(), Err(TryRecvError::Evicted)));
    assert_eq!(drops.alive(), 0);
    assert_eq!(tx.receiver_count(), 0);
    let mut again = stuck.resubscribe();
    drop(stuck);
    tx.try_send(drops.message()).unwrap();
    assert!(again.try_recv().is_ok());
}

/// 5: a forgotten future of a member holds the senders back as long as the member exists, and
/// `evict_after` ends that; not before the grace is over, and not for one that receives.
#[test]
fn evict_after_evicts_those_that_are_stuck() {
    let (tx, forgotten) = broadcast::lossless(2);
    let forgotten: &mut _ = support::leak(forgotten.named("forgotten"));
    let id = forgotten.id();
    Task::waiting(forgotten.recv()).forget();
    let mut alive = tx.subscribe();
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let mut send = Task::waiting(tx.send(2));
    let (none, long) = (Duration::ZERO, Duration::from_secs(3600));
    assert!(tx.evict_after(2, long).is_empty(), "the grace is not over");
    assert!(tx.evict_after(3, none).is_empty(), "none is that far behind");
    assert_eq!(alive.try_recv(), Ok(0));
    assert!(!send.is_woken());

    let evicted = tx.evict_after(2, none);
    assert_eq!(evicted.len(), 1);
    assert_eq!((evicted[0].id, evicted[0].name.as_deref()), (id, Some("forgotten")));
    assert_eq!(evicted[0].lag, 2);
    assert!(send.is_woken() && send.poll().is_ready());
    assert_eq!((alive.try_recv(), alive.try_recv()), (Ok(1), Ok(2)));
}

/// What is idle is measured from the first look at the same message.
#[test]
fn idle_times() {
    let (tx, mut rx) = broadcast::lossless(4);
    let idle = || tx.subscribers()[0].idle;
    assert_eq!((idle(), idle()), (Duration::ZERO, Duration::ZERO), "nothing to receive");
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(idle(), Duration::ZERO, "the first look");
    let passed = || {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(2) {
            std::thread::yield_now();
        }
    };
    passed();
    assert!(idle() >= Duration::from_millis(2));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(idle(), Duration::ZERO, "it has moved");
    passed();
    assert!(idle() >= Duration::from_millis(2));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(idle(), Duration::ZERO, "it has everything");
}

/// Observers can be evicted by their number, and `evict_after` is not about them.
#[test]
fn observers_are_evicted_by_number_only() {
    let (tx, _rx) = broadcast::lossless(4);
    let mut observer = tx.subscribe_lossy().named("observer");
    tx.try_send(1).unwrap();
    let out: Vec<_> = (0..2).flat_map(|_| tx.evict_after(1, Duration::ZERO)).collect();
    assert!(out.iter().all(|it| it.is_member));
    assert_eq!(tx.subscribers().len(), 1);
    assert!(tx.evict(observer.id()));
    assert_eq!(observer.try_recv(), Err(TryRecvError::Evicted));
}

/// Subscribers come and go in any order, and the list and the bound stay right.
#[test]
fn subscribers_come_and_go() {
    let mut dice = support::Dice::new(7);
    let (tx, first) = broadcast::lossless(3);
    let mut members = vec![first];
    let mut sent = 0_u64;
    for round in 0..3_000 {
        match dice.below(6) {
            0 => members.push(tx.subscribe().named(format!("{round}"))),
            1 if members.len() > 1 => drop(members.swap_remove(dice.below(members.len()))),
            2 if members.len() > 1 => {
                let rx = members.swap_remove(dice.below(members.len()));
                assert!(tx.evict(rx.id()));
            }
            3 => {
                let i = dice.below(members.len());
                let _ = members[i].try_recv();
            }
            _ => {
                let slowest = members.iter().map(|rx| rx.lag()).max().unwrap();
                match tx.try_send(sent) {
                    Ok(receivers) => {
                        assert!(slowest < 3);
                        assert_eq!(receivers, members.len());
                        sent += 1;
                    }
                    Err(error) => {
                        assert_eq!((error, slowest), (TrySendError::Full(sent), 3));
                    }
                }
            }
        }
        let subscribers = tx.subscribers();
        assert_eq!(subscribers.len(), members.len());
        assert!(subscribers.is_sorted_by_key(|it| it.id));
        for rx in &members {
            let it = subscribers.iter().find(|it| it.id == rx.id()).unwrap();
            assert_eq!((it.lag, it.is_member), (rx.lag(), true));
        }
    }
}

/// A member that sends to the channel that it receives from: it is full for it as for any other,
/// and another task can end its wait.
#[test]
fn a_member_that_sends_to_itself() {
    let (tx, mut rx) = broadcast::lossless(1);
    tx.try_send(0).unwrap();
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    let id = rx.id();
    let (sending, mut observer) = (tx.clone(), tx.subscribe_lossy());
    let mut task = Task::waiting(async move {
        sending.send(1).await.unwrap();
        rx.recv().await
    });
    assert_eq!(tx.evict_after(1, Duration::ZERO).first().map(|it| it.id), Some(id));
    assert!(task.is_woken());
    assert_eq!(task.poll(), Poll::Ready(Err(RecvError::Evicted)));
    assert_eq!(observer.try_recv(), Ok(1));
}
