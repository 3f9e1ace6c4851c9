//! `levada::adapters`: the last item arrives, nothing is lost by cancelling, and no source starves.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use levada::{adapters, broadcast, mpmc, mpsc, oneshot, watch};
use support::{Drops, Tally};

const PERIOD: Duration = Duration::from_millis(100);

/// Timers that end when the test says so.
#[derive(Clone, Default)]
struct Clock(Rc<RefCell<Vec<oneshot::Sender<()>>>>);

impl Clock {
    fn sleep(&self) -> impl FnMut(Duration) -> oneshot::Receiver<()> + use<> {
        let timers = Rc::clone(&self.0);
        move |duration| {
            assert_eq!(duration, PERIOD);
            let (tx, rx) = oneshot::channel();
            timers.borrow_mut().push(tx);
            rx
        }
    }

    /// How many timers run.
    fn running(&self) -> usize {
        self.0.borrow().iter().filter(|timer| !timer.is_closed()).count()
    }

    /// How many were made.
    fn made(&self) -> usize {
        self.0.borrow().len()
    }

    /// Ends the timer that runs.
    fn ring(&self) {
        assert_eq!(self.running(), 1);
        let timers = self.0.take();
        let (mut running, ended): (Vec<_>, Vec<_>) =
            timers.into_iter().partition(|timer| !timer.is_closed());
        self.0.replace(ended);
        assert!(running.pop().is_some_and(|timer| timer.send(()).is_ok()));
    }
}

fn next<S: Stream>(adapter: Pin<&mut S>) -> Poll<Option<S::Item>> {
    adapter.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// Rule 1 of each adapter: what it holds, the end, and the end again.
fn ends_with<S>(mut adapter: Pin<&mut S>, last: &[S::Item])
where
    S: FusedStream<Item: PartialEq + std::fmt::Debug + Clone>,
{
    for item in last {
        assert!(!adapter.is_terminated());
        assert_eq!(next(adapter.as_mut()), Poll::Ready(Some(item.clone())));
    }
    for _ in 0..3 {
        assert_eq!(next(adapter.as_mut()), Poll::Ready(None));
        assert!(adapter.is_terminated());
    }
}

/// Guarantee 1: trikot.streams #99, RxJS #3351: what was held at the end of the source was lost.
#[test]
fn the_last_item_arrives() {
    let source = || {
        let (tx, rx) = mpsc::channel(8);
        (1..=3).for_each(|number| tx.try_send(number).unwrap());
        rx
    };
    let clock = Clock::default();
    ends_with(pin!(adapters::conflate(source())), &[3]);
    ends_with(pin!(adapters::sample_with(source(), PERIOD, clock.sleep())), &[3]);
    ends_with(pin!(adapters::debounce_with(source(), PERIOD, clock.sleep())), &[3]);
    let chunks = adapters::chunks_timeout_with(source(), 2, PERIOD, clock.sleep());
    ends_with(pin!(chunks), &[vec![1, 2], vec![3]]);
    let chunks = adapters::chunks_timeout_with(source(), 3, PERIOD, clock.sleep());
    ends_with(pin!(chunks), &[vec![1, 2, 3]]);
    ends_with(pin!(adapters::merge([source(), source()])), &[1, 1, 2, 2, 3, 3]);
    let none: [mpsc::Receiver<u32>; 0] = [];
    ends_with(pin!(adapters::merge(none)), &[]);
    assert_eq!(clock.running(), 0, "no timer outlives the end");
}

#[test]
fn conflate_gives_what_came_since() {
    let (tx, rx) = mpsc::unbounded_channel();
    let mut sums = pin!(adapters::conflate_with(rx, |sum: u32, number| sum + number));
    assert!(next(sums.as_mut()).is_pending());
    tx.send(1).unwrap();
    assert_eq!(next(sums.as_mut()), Poll::Ready(Some(1)), "the first one waits for no other");
    (1..=2000).for_each(|_| tx.send(1).unwrap());
    assert_eq!(next(sums.as_mut()), Poll::Ready(Some(1024)), "and no more in one poll");
    assert_eq!(next(sums.as_mut()), Poll::Ready(Some(976)));
    assert!(next(sums.as_mut()).is_pending());
}

/// A window begins with its first item, ends after the period, and gives its latest item.
#[test]
fn sample_gives_the_latest_of_each_period() {
    let (tx, rx) = mpsc::channel(8);
    let clock = Clock::default();
    let mut samples = pin!(adapters::sample_with(rx, PERIOD, clock.sleep()));
    assert!(next(samples.as_mut()).is_pending());
    assert_eq!(clock.made(), 0, "without an item no timer runs");
    tx.try_send(1).unwrap();
    assert!(next(samples.as_mut()).is_pending());
    tx.try_send(2).unwrap();
    assert!(next(samples.as_mut()).is_pending());
    assert_eq!(clock.made(), 1, "a later item does not begin it anew");
    tx.try_send(3).unwrap();
    clock.ring();
    assert_eq!(next(samples.as_mut()), Poll::Ready(Some(3)));
    assert!(next(samples.as_mut()).is_pending());
    assert_eq!(clock.running(), 0);
}

/// lodash #4138: each item began a timer, and the earlier ones ran on. Here one timer runs. A newer
/// item restarts the time; also one that came before the timer, and was not looked at.
#[test]
fn debounce_waits_until_it_is_quiet() {
    let (tx, rx) = mpsc::channel(8);
    let clock = Clock::default();
    let mut settled = pin!(adapters::debounce_with(rx, PERIOD, clock.sleep()));
    for number in 1..=3 {
        tx.try_send(number).unwrap();
        assert!(next(settled.as_mut()).is_pending());
        assert_eq!(clock.running(), 1);
    }
    clock.ring();
    tx.try_send(4).unwrap();
    assert!(next(settled.as_mut()).is_pending(), "it was not quiet");
    clock.ring();
    assert_eq!(next(settled.as_mut()), Poll::Ready(Some(4)));
    assert!(next(settled.as_mut()).is_pending());
    assert_eq!(clock.running(), 0);
}

/// tokio #4695: a chunk without items was given after each period.
#[test]
fn a_chunk_is_given_when_it_is_full_or_old() {
    let (tx, rx) = mpsc::channel(8);
    let clock = Clock::default();
    let chunks = adapters::chunks_timeout_with(rx, usize::MAX, PERIOD, clock.sleep());
    let mut chunks = pin!(chunks);
    assert!(next(chunks.as_mut()).is_pending());
    assert_eq!(clock.made(), 0, "no empty chunk comes");
    tx.try_send(1).unwrap();
    assert!(next(chunks.as_mut()).is_pending());
    tx.try_send(2).unwrap();
    assert!(next(chunks.as_mut()).is_pending());
    assert_eq!(clock.made(), 1, "the time is that of the first item");
    clock.ring();
    let Poll::Ready(Some(chunk)) = next(chunks.as_mut()) else { panic!("its time is over") };
    assert!(chunk == [1, 2] && chunk.capacity() < 64);
    assert!(next(chunks.as_mut()).is_pending());

    let (tx, rx) = mpsc::channel(8);
    let mut pairs = pin!(adapters::chunks_timeout_with(rx, 2, PERIOD, clock.sleep()));
    tx.try_send(1).unwrap();
    assert!(next(pairs.as_mut()).is_pending());
    tx.try_send(2).unwrap();
    assert_eq!(next(pairs.as_mut()), Poll::Ready(Some(vec![1, 2])));
    assert_eq!(clock.running(), 0, "a full chunk needs no timer");
    let none = || adapters::chunks_timeout_with(stream::empty::<()>(), 0, PERIOD, clock.sleep());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(none()))).is_err());
}

/// What the source has stays there, and the first item waits for nothing.
#[test]
fn throttled_leaves_the_rest_in_the_channel() {
    let (tx, rx) = mpsc::channel(2);
    let clock = Clock::default();
    let mut slow = pin!(adapters::throttled_with(rx, PERIOD, clock.sleep()));
    tx.try_send(1).unwrap();
    assert_eq!(next(slow.as_mut()), Poll::Ready(Some(1)));
    tx.try_send(2).unwrap();
    tx.try_send(3).unwrap();
    assert!(next(slow.as_mut()).is_pending());
    assert!(tx.try_send(4).is_err(), "the senders are held back");
    clock.ring();
    assert_eq!(next(slow.as_mut()), Poll::Ready(Some(2)));
    clock.ring();
    drop(tx);
    assert_eq!(next(slow.as_mut()), Poll::Ready(Some(3)));
    clock.ring();
    ends_with(slow, &[]);
}

/// RxJS #3351, #5732: the last value of a throttle was lost when its source ended.
#[test]
fn a_throttled_watch_ends_on_the_last_value() {
    let (tx, rx) = watch::channel(0);
    let clock = Clock::default();
    let changes = rx.into_changes_stream();
    let mut slow = pin!(adapters::throttled_with(changes, PERIOD, clock.sleep()));
    assert!(next(slow.as_mut()).is_pending());
    tx.send(1).unwrap();
    assert_eq!(next(slow.as_mut()), Poll::Ready(Some(1)));
    (2..=9).for_each(|value| tx.send(value).unwrap());
    drop(tx);
    assert!(next(slow.as_mut()).is_pending(), "its period is not over");
    clock.ring();
    assert_eq!(next(slow.as_mut()), Poll::Ready(Some(9)));
    clock.ring();
    ends_with(slow, &[]);
}

/// Guarantee 2: in a `select!` loop with a faster branch, a timer that began goes on.
#[tokio::test(start_paused = true)]
async fn cancelling_restarts_no_timer() {
    async fn gives_beside_a_faster_branch<S: Stream>(mut adapter: Pin<&mut S>) -> S::Item {
        let mut tick = tokio::time::interval(PERIOD / 10);
        for _ in 0..1000 {
            tokio::select! {
                item = adapter.next() => return item.expect("it is open"),
                _ = tick.tick() => {}
            }
        }
        panic!("the faster branch starves it");
    }
    let (tx, rx) = mpmc::channel(8);
    let source = || {
        tx.try_send(7).unwrap();
        rx.clone().into_stream()
    };
    let debounced = pin!(adapters::debounce(source(), PERIOD));
    assert_eq!(gives_beside_a_faster_branch(debounced).await, 7);
    let sampled = pin!(adapters::sample(source(), PERIOD));
    assert_eq!(gives_beside_a_faster_branch(sampled).await, 7);
    let chunks = pin!(adapters::chunks_timeout(source(), 10, PERIOD));
    assert_eq!(gives_beside_a_faster_branch(chunks).await, [7]);
    let mut slow = pin!(adapters::throttled(source(), PERIOD));
    assert_eq!(slow.next().await, Some(7));
    drop(source());
    assert_eq!(gives_beside_a_faster_branch(slow).await, 7);
}

/// Guarantee 3: tokio #7108. A source that is always ready uses up the budget of its task; the
/// timers run out all the same.
#[tokio::test]
async fn a_flood_starves_no_timer() {
    let flood = || {
        let (tx, rx) = mpsc::unbounded_channel();
        let refill = tx.clone();
        (0..2000).for_each(|number| tx.send(number).unwrap());
        // Each item puts another one into the channel.
        rx.inspect(move |number| refill.send(number + 1).unwrap())
    };
    let short = Duration::from_millis(1);
    let mut sampled = pin!(adapters::sample(flood(), short));
    let mut chunks = pin!(adapters::chunks_timeout(flood(), usize::MAX, short));
    for _ in 0..3 {
        assert!(sampled.next().await.is_some());
        assert!(chunks.next().await.is_some());
    }
    let mut latest = pin!(adapters::conflate(flood()));
    assert!(latest.next().await.is_some());
}

/// Guarantee 3: futures-rs #1414, embassy #5538, telcoin-network #992: a source that is always
/// ready starves those behind it.
#[test]
fn merge_takes_fair_turns() {
    let (busy, first) = mpsc::unbounded_channel();
    let others: Vec<_> = (0..2).map(|_| mpsc::unbounded_channel()).collect();
    let [(one, second), (two, third)] = others.try_into().expect("two");
    for number in 0..300 {
        busy.send((0, number)).unwrap();
        one.send((1, number)).unwrap();
    }
    let mut merged = pin!(adapters::merge([first, second, third]));
    for turn in 0..100 {
        assert_eq!(next(merged.as_mut()), Poll::Ready(Some((0, turn))));
        assert_eq!(next(merged.as_mut()), Poll::Ready(Some((1, turn))));
    }
    two.send((2, 0)).unwrap();
    assert_eq!(next(merged.as_mut()), Poll::Ready(Some((2, 0))), "at its turn, at once");
    drop((one, two));
    for turn in 100..300 {
        assert_eq!(next(merged.as_mut()), Poll::Ready(Some((0, turn))));
        assert_eq!(next(merged.as_mut()), Poll::Ready(Some((1, turn))));
    }
    assert!(next(merged.as_mut()).is_pending());
    drop(busy);
    ends_with(merged, &[]);
}

/// A source that has ended is dropped, not kept until the others end; its messages with it.
#[test]
fn a_source_that_ended_is_dropped() {
    let drops = Drops::default();
    let (tx, rx) = mpmc::channel::<Drops>(8);
    let (open, other) = mpmc::channel(8);
    let mut merged = pin!(adapters::merge([rx.into_stream(), other.into_stream()]));
    tx.try_send(drops.message()).unwrap();
    drop(tx);
    assert!(matches!(next(merged.as_mut()), Poll::Ready(Some(_))));
    assert!(next(merged.as_mut()).is_pending());
    assert_eq!(drops.alive(), 0);
    assert!(open.try_send(drops.message()).is_ok());
    assert!(matches!(next(merged.as_mut()), Poll::Ready(Some(_))));
}

/// Every source wakes the task, also after it was polled in another's turn.
#[test]
fn each_source_and_each_timer_wakes_the_task() {
    let tally = Tally::new();
    let waker = tally.waker();
    let mut cx = Context::from_waker(&waker);
    let (one, first) = mpsc::channel(1);
    let (two, second) = mpsc::channel(1);
    {
        let mut merged = pin!(adapters::merge([first, second]));
        assert!(merged.as_mut().poll_next(&mut cx).is_pending());
        two.try_send(2).unwrap();
        assert_eq!(tally.woken(), 1);
        assert!(merged.as_mut().poll_next(&mut cx).is_ready());
        assert!(merged.as_mut().poll_next(&mut cx).is_pending());
        one.try_send(1).unwrap();
        assert_eq!(tally.woken(), 2);
    }
    let before = tally.woken();
    let clock = Clock::default();
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    {
        let mut settled = pin!(adapters::debounce_with(rx, PERIOD, clock.sleep()));
        assert!(settled.as_mut().poll_next(&mut cx).is_pending());
        assert_eq!(tally.woken(), before);
        clock.ring();
        assert_eq!(tally.woken(), before + 1);
        assert!(settled.as_mut().poll_next(&mut cx).is_ready());
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&tally), 1, "no waker outlives its adapter");
}

/// A broadcast receiver tells what it missed, also through an adapter (async-broadcast #55).
#[test]
fn lag_comes_through() {
    let (tx, rx) = broadcast::channel(2);
    (1..=5).for_each(|number| assert!(tx.send(number).is_ok()));
    drop(tx);
    let merged = adapters::merge([rx.into_stream()]);
    let lagged = Err(broadcast::error::Lagged(3));
    ends_with(pin!(merged), &[lagged, Ok(4), Ok(5)]);
}

/// A merge function that panics loses the two items that it was given, and no other.
#[test]
fn a_panic_in_a_closure_leaves_the_adapter_usable() {
    let (tx, rx) = mpsc::channel(8);
    (1..=4).for_each(|number| tx.try_send(number).unwrap());
    let merge = |older: i32, newer: i32| {
        assert!(newer != 2, "as it should");
        older + newer
    };
    let mut sums = pin!(adapters::conflate_with(rx, merge));
    assert!(catch_unwind(AssertUnwindSafe(|| next(sums.as_mut()))).is_err());
    assert_eq!(next(sums.as_mut()), Poll::Ready(Some(7)));

    let (tx, rx) = mpsc::channel(8);
    tx.try_send(1).unwrap();
    let mut calls = 0;
    let sleep = |_| {
        calls += 1;
        assert!(calls > 1, "as it should");
        std::future::ready(())
    };
    let mut samples = pin!(adapters::sample_with(rx, PERIOD, sleep));
    assert!(catch_unwind(AssertUnwindSafe(|| next(samples.as_mut()))).is_err());
    assert_eq!(next(samples.as_mut()), Poll::Ready(Some(1)), "the item is kept");
}

/// They run on any runtime: here the timers are threads that sleep.
#[cfg(not(loom))]
#[test]
fn on_bare_threads() {
    fn after(duration: Duration) -> impl Future<Output = ()> {
        let (tx, rx) = oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(duration);
            let _ = tx.send(());
        });
        async move { rx.await.expect("the thread sends") }
    }
    support::within_deadline(|| {
        let (tx, rx) = mpsc::channel(64);
        let sender = std::thread::spawn(move || {
            (1..=100).for_each(|number| tx.blocking_send(number).unwrap());
        });
        let chunks = adapters::chunks_timeout_with(rx, 7, Duration::from_millis(1), after);
        let chunks = support::block_on(chunks.collect::<Vec<_>>());
        sender.join().unwrap();
        assert!(chunks.iter().all(|chunk| (1..=7).contains(&chunk.len())));
        assert!(chunks.into_iter().flatten().eq(1..=100));
    });
}
