//! Lossless broadcast: two senders, two members, and observers.

use levada::broadcast;
use levada::broadcast::lossless::error::RecvError;
use levada::broadcast::lossless::{Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{Task, below, check, cut, forget, join, pause, race, tasks};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A message: its sender, its number, and a count of its clones.
type Note = (usize, usize, Arc<()>);
/// What a receiver got, and how many messages it missed.
type Heard = (Vec<(usize, usize)>, u64);
/// What the receivers heard, in std's mutex, which shuttle does not see.
type Protocol = Arc<Mutex<Vec<Heard>>>;

const SENDERS: usize = 2;
const EACH: usize = 3;

/// A channel for one or two messages.
fn small() -> (Sender<Note>, Receiver<Note>) {
    broadcast::lossless(1 + below(2))
}

/// Each sends its messages in order, again and again if a send is `cut` off.
fn sending(sender: Sender<Note>, alive: &Arc<()>, is_cut: bool) -> Vec<Task> {
    let alive = Arc::clone(alive);
    tasks(SENDERS, sender, move |number, sender| {
        let alive = Arc::clone(&alive);
        async move {
            for message in 0..EACH {
                let send = || sender.send((number, message, Arc::clone(&alive)));
                if is_cut {
                    while cut(send()).await.is_none() {}
                } else {
                    // Without a receiver it comes back.
                    drop(send().await);
                }
            }
        }
    })
}

/// Notes one result of `recv`; whether there may be more.
fn hear(heard: &mut Heard, received: Result<Note, RecvError>) -> bool {
    match received {
        Ok((sender, message, _)) => heard.0.push((sender, message)),
        Err(RecvError::Lagged(missed)) => heard.1 += missed,
        Err(RecvError::Closed | RecvError::Evicted) => return false,
    }
    true
}

async fn listen(mut receiver: Receiver<Note>) -> Heard {
    let mut heard = Heard::default();
    while hear(&mut heard, receiver.recv().await) {}
    heard
}

/// Each sender's messages come in order, none twice.
fn assert_in_order(heard: &Heard) {
    let mut earliest = BTreeMap::new();
    for (sender, message) in &heard.0 {
        let earliest = earliest.entry(sender).or_insert(0);
        assert!(message >= earliest, "out of order: {heard:?}");
        *earliest = message + 1;
    }
}

/// A member hears every message.
fn assert_whole(heard: &Heard) {
    assert_in_order(heard);
    assert_eq!((heard.0.len(), heard.1), (SENDERS * EACH, 0), "{heard:?}");
}

/// Two members beside the senders, all from the start, which hear the same.
fn two_members<F>(is_cut: bool, listen: fn(Receiver<Note>) -> F)
where
    F: Future<Output = Heard> + Send + 'static,
{
    let alive = Arc::new(());
    let protocol = Protocol::default();
    block_on(async {
        let (sender, receiver) = small();
        let mut all = Vec::new();
        for receiver in [receiver.resubscribe(), receiver] {
            let protocol = Arc::clone(&protocol);
            all.push(spawn(async move {
                let heard = listen(receiver).await;
                protocol.lock().unwrap().push(heard);
            }));
        }
        all.extend(sending(sender, &alive, is_cut));
        join(all).await;
    });
    assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
    let heard = protocol.lock().unwrap();
    assert_eq!(heard.len(), 2);
    heard.iter().for_each(assert_whole);
    assert_eq!(heard[0], heard[1], "there is one order");
}

#[test]
fn members_hear_everything_in_one_order() {
    check(|| two_members(false, listen));
}

#[test]
fn cancelled_sends_are_tried_again() {
    check(|| two_members(true, listen));
}

#[test]
fn cancelled_receives_of_members_lose_nothing() {
    check(|| {
        two_members(false, |mut receiver| async move {
            let mut heard = Heard::default();
            loop {
                if let Some(received) = cut(receiver.recv()).await
                    && !hear(&mut heard, received)
                {
                    return heard;
                }
            }
        });
    });
}

#[test]
fn timeouts_of_members_lose_nothing() {
    check(|| {
        two_members(true, |mut receiver| async move {
            let mut heard = Heard::default();
            loop {
                if let Some(received) = race(receiver.recv()).await
                    && !hear(&mut heard, received)
                {
                    return heard;
                }
            }
        });
    });
}

/// One member hears everything beside what `beside` does with another one and a sender.
fn beside<F>(beside: fn(Receiver<Note>, Sender<Note>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let alive = Arc::new(());
    let whole = block_on(async {
        let (sender, receiver) = small();
        let other = receiver.resubscribe();
        let mut all = vec![spawn(beside(other, sender.clone()))];
        all.extend(sending(sender, &alive, false));
        let whole = listen(receiver).await;
        join(all).await;
        whole
    });
    assert_whole(&whole);
    assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
}

#[test]
fn a_member_that_goes_frees_the_senders() {
    check(|| {
        beside(|mut member, sender| async move {
            drop(sender);
            for _ in 0..below(3) {
                drop(race(member.recv()).await);
            }
        });
    });
}

#[test]
fn a_member_that_is_evicted_frees_the_senders() {
    check(|| {
        beside(|mut stuck, sender| async move {
            pause().await;
            assert!(sender.evict(stuck.id()));
            drop(sender);
            assert_eq!(stuck.recv().await, Err(RecvError::Evicted));
        });
    });
}

#[test]
fn an_eviction_meets_receives() {
    check(|| {
        beside(|mut member, sender| async move {
            let id = member.id();
            let evicting = spawn(async move {
                pause().await;
                assert!(sender.evict(id));
            });
            let mut heard = Heard::default();
            while hear(&mut heard, member.recv().await) {}
            assert_in_order(&heard);
            assert_eq!(heard.1, 0, "a member misses nothing");
            assert!(member.is_evicted());
            join(vec![evicting]).await;
        });
    });
}

#[test]
fn observers_hear_or_miss_everything() {
    check(|| {
        beside(|member, sender| async move {
            let observer = sender.subscribe_lossy();
            drop(sender);
            drop(member);
            let heard = listen(observer).await;
            assert_in_order(&heard);
            assert!(heard.0.len() as u64 + heard.1 <= (SENDERS * EACH) as u64, "{heard:?}");
        });
    });
}

#[test]
fn forgotten_sends_stop_nobody() {
    check(|| {
        let protocol = Protocol::default();
        block_on(async {
            let (sender, receiver) = small();
            let alive = Arc::new(());
            let forgetful = sender.clone();
            let mut all = vec![spawn(async move {
                drop(forget(forgetful.send((9, 9, Arc::new(())))).await);
            })];
            let listening = Arc::clone(&protocol);
            all.push(spawn(async move {
                let heard = listen(receiver).await;
                listening.lock().unwrap().push(heard);
            }));
            all.extend(sending(sender, &alive, false));
            join(all).await;
        });
        let mut heard = protocol.lock().unwrap().pop().unwrap();
        heard.0.retain(|(sender, _)| *sender < SENDERS);
        assert_whole(&heard);
    });
}

#[test]
fn the_last_receiver_lets_all_senders_go() {
    check(|| {
        let alive = Arc::new(());
        block_on(async {
            let (sender, receiver) = small();
            let other = receiver.resubscribe();
            let watcher = sender.clone();
            let mut all = sending(sender, &alive, false);
            all.push(spawn(async move {
                while cut(watcher.closed()).await.is_none() {}
                assert!(watcher.send((9, 9, Arc::new(()))).await.is_err());
            }));
            for mut receiver in [receiver, other] {
                all.push(spawn(async move {
                    for _ in 0..below(3) {
                        drop(race(receiver.recv()).await);
                    }
                }));
            }
            join(all).await;
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
    });
}

#[test]
fn threads_block_for_members() {
    check(|| {
        let (sender, receiver) = small();
        let threads = [receiver.resubscribe(), receiver].map(|mut receiver| {
            thread::spawn(move || {
                let mut heard = Heard::default();
                while hear(&mut heard, receiver.blocking_recv()) {}
                assert_whole(&heard);
            })
        });
        let senders = [(0, sender.clone()), (1, sender)].map(|(number, sender)| {
            thread::spawn(move || {
                for message in 0..EACH {
                    sender.blocking_send((number, message, Arc::new(()))).unwrap();
                }
            })
        });
        for thread in senders.into_iter().chain(threads) {
            thread.join().unwrap();
        }
    });
}
