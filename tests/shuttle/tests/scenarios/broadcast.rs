//! Broadcast: two senders and two or three receivers.

use levada::broadcast::error::RecvError;
use levada::broadcast::{self, Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{Either, Task, below, check, cut, first, forget, join, pause, race, tasks};
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

fn sending(sender: Sender<Note>, alive: &Arc<()>) -> Vec<Task> {
    let alive = Arc::clone(alive);
    tasks(SENDERS, sender, move |number, sender| {
        let alive = Arc::clone(&alive);
        async move {
            for message in 0..EACH {
                // Without a receiver it comes back.
                drop(sender.send((number, message, Arc::clone(&alive))));
                if below(2) == 0 {
                    pause().await;
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
        Err(RecvError::Closed) => return false,
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

/// Every message was heard or missed.
fn assert_whole(heard: &Heard) {
    assert_in_order(heard);
    assert_eq!(heard.0.len() as u64 + heard.1, (SENDERS * EACH) as u64, "{heard:?}");
}

/// Two receivers beside the senders, all from the start; what they heard.
fn receivers<F>(capacity: usize, listen: fn(Receiver<Note>) -> F) -> Vec<Heard>
where
    F: Future<Output = Heard> + Send + 'static,
{
    let alive = Arc::new(());
    let protocol = Protocol::default();
    block_on(async {
        let sender = Sender::new(capacity);
        let mut all = Vec::new();
        for _ in 0..2 {
            let (protocol, receiver) = (Arc::clone(&protocol), sender.subscribe());
            all.push(spawn(async move {
                let heard = listen(receiver).await;
                protocol.lock().unwrap().push(heard);
            }));
        }
        all.extend(sending(sender, &alive));
        join(all).await;
    });
    assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
    let heard = std::mem::take(&mut *protocol.lock().unwrap());
    assert_eq!(heard.len(), 2);
    heard
}

#[test]
fn everything_is_heard_or_missed() {
    check(|| receivers(1 + below(3), listen).iter().for_each(assert_whole));
}

#[test]
fn with_room_for_all_everybody_hears_the_same() {
    check(|| {
        let heard = receivers(8, listen);
        heard.iter().for_each(assert_whole);
        assert_eq!(heard[0], heard[1], "there is one order");
        assert_eq!(heard[0].1, 0, "nothing is missed");
    });
}

#[test]
fn cancelled_receives_lose_nothing() {
    check(|| {
        let heard = receivers(1 + below(8), |mut receiver| async move {
            let mut heard = Heard::default();
            loop {
                if let Some(received) = cut(receiver.recv()).await
                    && !hear(&mut heard, received)
                {
                    return heard;
                }
            }
        });
        heard.iter().for_each(assert_whole);
    });
}

#[test]
fn timeouts_lose_nothing() {
    check(|| {
        let heard = receivers(1 + below(8), |mut receiver| async move {
            let mut heard = Heard::default();
            loop {
                if let Some(received) = race(receiver.recv()).await
                    && !hear(&mut heard, received)
                {
                    return heard;
                }
            }
        });
        heard.iter().for_each(assert_whole);
    });
}

#[test]
fn forgotten_receives_stop_nobody() {
    check(|| {
        let heard = receivers(1 + below(8), |mut receiver| async move {
            let mut other = receiver.resubscribe();
            let forgetful = spawn(async move {
                drop(forget(other.recv()).await);
            });
            let mut heard = Heard::default();
            while hear(&mut heard, receiver.recv().await) {}
            join(vec![forgetful]).await;
            heard
        });
        heard.iter().for_each(assert_whole);
    });
}

#[test]
fn a_new_subscription_hears_the_rest() {
    check(|| {
        let alive = Arc::new(());
        let protocol = Protocol::default();
        let whole = block_on(async {
            let sender = Sender::new(8);
            let first = sender.subscribe();
            let (again, again_protocol) = (sender.subscribe(), Arc::clone(&protocol));
            let (weak, protocol) = (sender.downgrade(), Arc::clone(&protocol));
            let mut all = sending(sender, &alive);
            all.push(spawn(async move {
                let Some(sender) = weak.upgrade() else { return };
                let receiver = sender.subscribe();
                drop(sender);
                let heard = listen(receiver).await;
                protocol.lock().unwrap().push(heard);
            }));
            all.push(spawn(async move {
                pause().await;
                let heard = listen(again.resubscribe()).await;
                again_protocol.lock().unwrap().push(heard);
            }));
            let whole = listen(first).await;
            join(all).await;
            whole
        });
        assert_whole(&whole);
        for (heard, missed) in protocol.lock().unwrap().iter() {
            assert!(whole.0.ends_with(heard), "{heard:?} is not the end of {whole:?}");
            assert_eq!(*missed, 0);
        }
        assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
    });
}

#[test]
fn closed_learns_of_the_last_receiver() {
    check(|| {
        let alive = Arc::new(());
        block_on(async {
            let (sender, receiver) = broadcast::channel(2);
            let other = receiver.resubscribe();
            let watcher = sender.clone();
            let mut all = sending(sender, &alive);
            all.push(spawn(async move {
                while cut(watcher.closed()).await.is_none() {}
                assert_eq!(watcher.receiver_count(), 0);
                assert!(watcher.send((9, 9, Arc::new(()))).is_err());
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
fn select_hears_two_channels() {
    check(|| {
        let alive = Arc::new(());
        block_on(async {
            let (left, mut lefts) = broadcast::channel(8);
            let (right, mut rights) = broadcast::channel(8);
            let mut all = sending(left, &alive);
            all.extend(sending(right, &alive));
            let (mut left, mut right) = (Heard::default(), Heard::default());
            loop {
                let goes_on = match first(lefts.recv(), rights.recv()).await {
                    Either::Left(received) => hear(&mut left, received),
                    Either::Right(received) => hear(&mut right, received),
                };
                if !goes_on {
                    break;
                }
            }
            while hear(&mut left, lefts.recv().await) {}
            while hear(&mut right, rights.recv().await) {}
            join(all).await;
            assert_whole(&left);
            assert_whole(&right);
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a message outlives the channel");
    });
}

#[test]
fn threads_block() {
    check(|| {
        let (sender, receiver) = broadcast::channel(2);
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
                    sender.send((number, message, Arc::new(()))).unwrap();
                }
            })
        });
        for thread in senders.into_iter().chain(threads) {
            thread.join().unwrap();
        }
    });
}
