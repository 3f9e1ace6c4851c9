//! Many threads at once: nothing is lost, nothing comes twice, and all of it ends.

use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;
use support::{Dice, Task};

const MESSAGES: usize = if cfg!(miri) { 20 } else { 3_000 };

#[test]
fn one_receiver_gets_everything_in_the_order_of_each_lane() {
    for serve in [Serve::Strict, Serve::Weighted([3, 2, 1]), Serve::Aged(Duration::from_micros(50))]
    {
        let (tx, mut rx) = mpsc::lanes([1, 4, 64], serve);
        thread::scope(|scope| {
            for lane in tx.into_lanes() {
                scope.spawn(move || {
                    (0..MESSAGES).for_each(|n| assert!(lane.blocking_send(n).is_ok()));
                });
            }
            let mut next = [0; 3];
            while let Some((lane, n)) = support::block_on(rx.recv_with_lane()) {
                assert_eq!(n, next[lane], "in order, each once");
                next[lane] += 1;
            }
            assert_eq!(next, [MESSAGES; 3]);
        });
    }
}

/// Receivers that give up at any poll take nothing along.
#[test]
fn many_receivers_of_which_some_give_up() {
    for serve in [Serve::Strict, Serve::Weighted([3, 2, 1])] {
        let (tx, rx) = mpmc::lanes([1, 4, 64], serve);
        let received = thread::scope(|scope| {
            for lane in tx.into_lanes() {
                scope.spawn(move || {
                    (0..MESSAGES).for_each(|n| assert!(lane.blocking_send(n).is_ok()));
                });
            }
            let receivers: Vec<_> = (0..3)
                .map(|seed| {
                    let rx = rx.clone();
                    scope.spawn(move || {
                        let mut dice = Dice::new(seed);
                        let mut received = 0;
                        loop {
                            let mut recv = Task::new(rx.recv());
                            if dice.roll(3) == 0 {
                                received +=
                                    usize::from(matches!(recv.poll(), Poll::Ready(Some(_))));
                                // Cancelled, also with what it was promised.
                            } else if rx.blocking_recv().is_some() {
                                received += 1;
                            } else {
                                return received;
                            }
                        }
                    })
                })
                .collect();
            receivers.into_iter().map(|it| it.join().unwrap()).sum::<usize>()
        });
        assert!(rx.is_empty());
        assert_eq!(received, 3 * MESSAGES);
    }
}
