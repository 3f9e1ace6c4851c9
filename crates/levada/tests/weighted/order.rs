//! Which sender is served: guarantee 4, and all operations at random against a plain model.

use super::numbers;
use levada::mpsc::weighted::error::{SendError, TryRecvError, TrySendError};
use std::collections::VecDeque;
use std::task::Poll;
use support::{Dice, Task};

/// 4: a heavy message at the front is not overtaken by light ones that would fit.
#[test]
fn light_senders_do_not_overtake_a_heavy_one() {
    let (tx, mut rx) = numbers(10);
    tx.try_send(3).unwrap();
    tx.try_send(3).unwrap();
    let mut heavy = Task::waiting(tx.send(8));
    let mut light = Task::waiting(tx.send(1));
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(rx.try_recv(), Ok(3));
    assert!(!heavy.is_woken() && !light.is_woken() && light.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(3));
    assert!(heavy.is_woken() && light.is_woken(), "8 and 1 of 10");
    assert!(light.poll().is_ready() && heavy.poll().is_ready());
}

/// What the channel should do, in the simplest words.
struct Model {
    max: usize,
    queue: VecDeque<usize>,
    /// Permits that are out, and sends that were granted room.
    reserved: usize,
    waiting: VecDeque<(usize, usize)>,
}

impl Model {
    fn taken(&self) -> usize {
        self.queue.iter().sum::<usize>() + self.reserved
    }

    fn fits(&self, weight: usize) -> bool {
        self.taken() == 0 || self.taken() + weight <= self.max
    }

    /// Those that are served now, in order.
    fn serve(&mut self) -> Vec<usize> {
        let mut served = Vec::new();
        while let Some((id, weight)) = self.waiting.front().copied()
            && self.fits(weight)
        {
            self.waiting.pop_front();
            self.reserved += weight;
            served.push(id);
        }
        served
    }
}

/// 1, 4, 5, 6: a random walk, in which each served sender is polled at once.
#[test]
fn a_random_walk() {
    let mut sent = 0;
    for seed in 0..if cfg!(miri) { 4 } else { 300 } {
        let mut dice = Dice::new(seed);
        let (tx, mut rx) = numbers(8);
        let mut model =
            Model { max: 8, queue: VecDeque::new(), reserved: 0, waiting: VecDeque::new() };
        let mut sends = Vec::new();
        let mut permits = Vec::new();
        for id in 0..200 {
            let weight = 1 + dice.below(10);
            match dice.roll(8) {
                0..=2 if model.waiting.is_empty() && model.fits(weight) => {
                    assert_eq!(tx.try_send(weight), Ok(()));
                    model.queue.push_back(weight);
                }
                0 | 1 => assert_eq!(tx.try_send(weight), Err(TrySendError::Full(weight))),
                2 => {
                    sends.push((id, weight, Task::waiting(tx.send(weight))));
                    model.waiting.push_back((id, weight));
                }
                3 | 4 => {
                    let expected = model.queue.pop_front().ok_or(TryRecvError::Empty);
                    assert_eq!(rx.try_recv(), expected);
                }
                5 if !sends.is_empty() => {
                    let (id, ..) = sends.swap_remove(dice.below(sends.len()));
                    model.waiting.retain(|(other, _)| *other != id);
                }
                6 if permits.len() < 3 => {
                    if let Ok(permit) = tx.try_reserve_weight(weight) {
                        assert!(model.waiting.is_empty() && model.fits(weight));
                        model.reserved += weight;
                        permits.push(permit);
                    }
                }
                6 => {
                    let permit = permits.swap_remove(dice.below(permits.len()));
                    model.reserved -= permit.weight();
                    let weight = 1 + dice.below(permit.weight());
                    permit.send(weight).unwrap();
                    model.queue.push_back(weight);
                }
                _ => {
                    model.max = 1 + dice.below(12);
                    tx.set_max_weight(model.max);
                }
            }
            for id in model.serve() {
                let place = sends.iter().position(|(other, ..)| *other == id).unwrap();
                let (_, weight, mut send) = sends.remove(place);
                assert!(send.is_woken(), "seed {seed}: the sender of {weight} has room");
                assert_eq!(send.poll(), Poll::Ready(Ok(())));
                model.reserved -= weight;
                model.queue.push_back(weight);
                sent += 1;
            }
            assert!(sends.iter().all(|(_, _, send)| !send.is_woken()), "seed {seed}: no other");
            assert_eq!((tx.weight(), rx.len()), (model.taken(), model.queue.len()));
        }
        drop(permits);
        rx.close();
        for (_, weight, mut send) in sends {
            assert_eq!(send.poll(), Poll::Ready(Err(SendError::Closed(weight))));
        }
        let rest: Vec<_> = std::iter::from_fn(|| rx.try_recv().ok()).collect();
        assert_eq!(rest, Vec::from(model.queue), "seed {seed}");
        assert_eq!(tx.weight(), 0);
    }
    assert!(sent > if cfg!(miri) { 10 } else { 1_000 }, "{sent} sends waited and were served");
}
