//! The same random operations on tokio's broadcast and on this one must give the same answers; and
//! under load from many threads nothing may be lost, come twice or come out of order.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;

use levada::broadcast::Sender;
use levada::broadcast::error::RecvError;
use support::Dice;

/// One channel, driven by numbers. Gives a text for each answer.
macro_rules! driver {
    ($name:ident, $broadcast:path) => {
        mod $name {
            use super::{Arc, Context, Future, Poll, Waker, pin};
            use $broadcast as broadcast;

            pub(super) struct Driver {
                tx: Option<broadcast::Sender<Arc<usize>>>,
                weak: broadcast::WeakSender<Arc<usize>>,
                rx: Vec<broadcast::Receiver<Arc<usize>>>,
                /// Tells how many messages are alive.
                sent: Vec<std::sync::Weak<usize>>,
            }

            impl Driver {
                pub(super) fn new(capacity: usize) -> Self {
                    let (tx, rx) = broadcast::channel(capacity);
                    let weak = tx.downgrade();
                    Self { tx: Some(tx), weak, rx: vec![rx], sent: Vec::new() }
                }

                pub(super) fn send(&mut self) -> String {
                    let message = Arc::new(self.sent.len());
                    self.sent.push(Arc::downgrade(&message));
                    format!("{:?}", self.tx.as_ref().map(|tx| tx.send(message)))
                }

                pub(super) fn step(&mut self, action: usize, choice: usize) -> String {
                    let chosen = choice % self.rx.len().max(1);
                    match action {
                        0..=5 => self.send(),
                        6..=9 => format!("{:?}", self.rx.get_mut(chosen).map(|rx| rx.try_recv())),
                        10..=13 => {
                            let cx = &mut Context::from_waker(Waker::noop());
                            let poll = |rx: &mut broadcast::Receiver<_>| pin!(rx.recv()).poll(cx);
                            format!("{:?}", self.rx.get_mut(chosen).map(poll))
                        }
                        14 => {
                            self.rx.extend(self.tx.as_ref().map(|tx| tx.subscribe()));
                            String::new()
                        }
                        15 => {
                            let another = self.rx.get(chosen).map(|rx| rx.resubscribe());
                            self.rx.extend(another);
                            String::new()
                        }
                        16 | 17 => {
                            if !self.rx.is_empty() {
                                drop(self.rx.swap_remove(chosen));
                            }
                            String::new()
                        }
                        18 if choice % 16 == 0 => format!("{:?}", self.tx.take().is_some()),
                        18 => format!("{:?}", self.weak.upgrade().map(|tx| tx.strong_count())),
                        _ => self.look(),
                    }
                }

                pub(super) fn look(&mut self) -> String {
                    let rx: Vec<_> = self
                        .rx
                        .iter()
                        .map(|rx| (rx.len(), rx.is_empty(), rx.is_closed()))
                        .collect();
                    let alive = self.sent.iter().filter(|sent| sent.strong_count() > 0).count();
                    let tx = self.tx.as_ref().map(|tx| {
                        let cx = &mut Context::from_waker(Waker::noop());
                        let closed: Poll<()> = pin!(tx.closed()).poll(cx);
                        (tx.len(), tx.is_empty(), tx.receiver_count(), closed)
                    });
                    format!("{rx:?} {tx:?} {alive}")
                }
            }
        }
    };
}

driver!(theirs, tokio::sync::broadcast);
driver!(ours, levada::broadcast);

#[test]
fn answers_as_tokio_does() {
    for seed in 0..400 {
        let random = &mut Dice::new(seed);
        let capacity = [1, 2, 3, 4, 7, 16, 17, 40, 100][random.below(9)];
        let (mut theirs, mut ours) = (theirs::Driver::new(capacity), ours::Driver::new(capacity));
        let burst = random.below(60) + 1;
        for step in 0..400 {
            let (action, choice) = (random.below(20), random.below(1000));
            let repeat = if action == 0 { random.below(burst) } else { 0 };
            for _ in 0..repeat {
                assert_eq!(theirs.send(), ours.send());
            }
            let (expected, got) = (theirs.step(action, choice), ours.step(action, choice));
            assert_eq!(expected, got, "seed {seed}, step {step}, action {action}");
            assert_eq!(theirs.look(), ours.look(), "seed {seed}, step {step}, action {action}");
        }
    }
}

/// Counts how many of it are alive.
struct Tracked {
    sender: usize,
    id: usize,
    alive: Arc<AtomicUsize>,
}

impl Tracked {
    fn new(sender: usize, id: usize, alive: &Arc<AtomicUsize>) -> Self {
        // ORDERING: SeqCst, no pair: a test counts.
        alive.fetch_add(1, Ordering::SeqCst);
        Self { sender, id, alive: Arc::clone(alive) }
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        Self::new(self.sender, self.id, &self.alive)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // ORDERING: SeqCst, no pair: a test counts.
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Each receiver accounts for every message sent while it was there; each sender's come in order;
/// receivers come and go meanwhile; in the end no message is left.
#[test]
fn many_threads_lose_nothing() {
    const SENDERS: usize = 3;
    const EACH: usize = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
    for capacity in [1, 2, 16, 64, 1024] {
        let alive = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = levada::broadcast::channel::<Tracked>(capacity);
        let receivers: Vec<_> = [tx.subscribe(), tx.subscribe(), rx]
            .into_iter()
            .enumerate()
            .map(|(n, mut rx)| {
                thread::spawn(move || {
                    let (mut total, mut next) = (0, [0; SENDERS]);
                    loop {
                        // Some come and go, with messages unread.
                        if total % 64 == n {
                            drop(rx.resubscribe());
                        }
                        match rx.blocking_recv() {
                            Ok(message) => {
                                assert!(message.id >= next[message.sender], "in order, once");
                                next[message.sender] = message.id + 1;
                                total += 1;
                            }
                            Err(RecvError::Lagged(missed)) => total += missed as usize,
                            Err(RecvError::Closed) => return total,
                        }
                    }
                })
            })
            .collect();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), Arc::clone(&alive));
                thread::spawn(move || {
                    for id in 0..EACH {
                        let short_lived = (id % 16 == 0).then(|| tx.subscribe());
                        assert!(tx.send(Tracked::new(sender, id, &alive)).is_ok());
                        drop(short_lived);
                    }
                })
            })
            .collect();
        drop(tx);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), SENDERS * EACH);
        }
        // ORDERING: SeqCst, no pair: a test counts.
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}

/// C42: a clone may use what only one thread at a time may use; ThreadSanitizer would complain.
#[test]
fn clones_of_one_value_are_made_one_at_a_time() {
    struct Racy(Cell<usize>);
    impl Clone for Racy {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            Self(Cell::new(self.0.get()))
        }
    }

    const RECEIVERS: usize = 4;
    const MESSAGES: usize = 2000;
    let tx = Sender::new(MESSAGES);
    let start = Arc::new(Barrier::new(RECEIVERS + 1));
    let threads: Vec<_> = (0..RECEIVERS)
        .map(|n| {
            let (mut rx, start) = (tx.subscribe(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let receive = |_| match n % 2 {
                    0 => rx.blocking_recv().ok().map(|Racy(clones)| clones.get()),
                    _ => rx.try_recv().ok().map(|Racy(clones)| clones.get()),
                };
                (0..MESSAGES).map(receive).collect::<Option<Vec<_>>>().unwrap()
            })
        })
        .collect();
    for _ in 0..MESSAGES {
        tx.send(Racy(Cell::new(0))).ok().unwrap();
    }
    start.wait();
    let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for message in 0..MESSAGES {
        let mut clones: Vec<_> = seen.iter().map(|seen| seen[message]).collect();
        clones.sort_unstable();
        // This one owns nothing, so that the last reader got a clone, too.
        assert_eq!(clones, [1, 2, 3, 4]);
    }
}
