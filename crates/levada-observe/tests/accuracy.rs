//! The figures of a report are true.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use levada::{mpmc, mpsc};
use levada_observe::report::{Channel, Report};

/// All tests look at all channels of the process: each finds its own by the name.
#[track_caller]
fn named<'a>(report: &'a Report, name: &str) -> &'a Channel {
    let found = report.channels.iter().find(|channel| channel.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("there is no {name} in {report:#?}"))
}

#[test]
fn totals_are_what_the_program_counted() {
    let (tx, rx) = mpmc::builder(16).named("counted").build();
    let senders: Vec<_> = (0..3_u64)
        .map(|sender| {
            let tx = tx.clone();
            std::thread::spawn(move || {
                (0..1_000 + sender).for_each(|message| tx.blocking_send(message).unwrap());
                1_000 + sender
            })
        })
        .collect();
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let rx = rx.clone();
            std::thread::spawn(move || (0..1_200).filter_map(|_| rx.blocking_recv()).count() as u64)
        })
        .collect();
    let received: u64 = receivers.into_iter().map(|thread| thread.join().unwrap()).sum();
    // What is left: all senders can end.
    let mut left = 0;
    while senders.iter().any(|thread| !thread.is_finished()) || rx.len() > 10 {
        left += u64::from(rx.try_recv().is_ok());
    }
    let sent: u64 = senders.into_iter().map(|thread| thread.join().unwrap()).sum();
    let report = levada_observe::report();
    let counted = named(&report, "counted");
    assert_eq!((counted.sent, counted.received), (sent, Some(received + left)));
    assert_eq!(counted.depth, Some((sent - received - left) as usize));
    assert_eq!((counted.senders, counted.receivers), (1, 1));
    assert_eq!(counted.waiters, []);
}

#[test]
fn depth_is_within_the_capacity_beside_busy_threads() {
    let (tx, mut rx) = mpsc::builder(4).named("busy").build();
    let ends = AtomicBool::new(false);
    let mut snapshots = 0;
    std::thread::scope(|scope| {
        for _sender in 0..2 {
            let (tx, ends) = (tx.clone(), &ends);
            scope.spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let _ = tx.try_send(1);
                    std::thread::yield_now();
                }
            });
        }
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let _ = rx.try_recv();
            }
        });
        let mut before = (0, 0);
        let began = Instant::now();
        while snapshots < 300 || before.1 < 100 {
            assert!(began.elapsed() < Duration::from_secs(60), "{snapshots} and {before:?}");
            let report = levada_observe::report();
            // It is there from its first use on.
            let busy = report.channels.iter().find(|it| it.name.as_deref() == Some("busy"));
            let Some(busy) = busy else { continue };
            let (depth, received) = (busy.depth.unwrap(), busy.received.unwrap());
            assert!(depth <= 4 && busy.high_water.unwrap() <= 4, "{busy:?}");
            assert!(busy.sent >= received && busy.sent - received <= 4, "{busy:?}");
            assert!(busy.sent >= before.0 && received >= before.1, "{busy:?} after {before:?}");
            before = (busy.sent, received);
            snapshots += 1;
        }
        ends.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_age_is_between_what_the_program_measures() {
    let (tx, _rx) = mpsc::builder(1).named("aged").build();
    tx.try_send(1).unwrap();
    let before = Instant::now();
    let mut send = pin!(tx.send(2));
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let after = Instant::now();
    for _report in 0..20 {
        let at_least = after.elapsed();
        let report = levada_observe::report();
        let at_most = before.elapsed();
        let waiters = &named(&report, "aged").waiters[0];
        let age = Duration::from_secs_f64(waiters.oldest_seconds);
        // A float of seconds has these nanoseconds, or one more or less.
        let one = Duration::from_nanos(100);
        assert!(
            age + one >= at_least && age <= at_most + one,
            "{age:?}: {at_least:?}..{at_most:?}"
        );
        assert_eq!((waiters.count, waiters.p95_seconds), (1, waiters.oldest_seconds));
    }
}

#[test]
fn queue_times_are_near_the_exact_ones() {
    const MESSAGES: usize = 64 * 400;
    let (tx, mut rx) = mpsc::builder::<Instant>(2_048).named("queued").build();
    let mut exact = Vec::new();
    // Batches of several sizes: times from below a microsecond to some milliseconds. A channel of
    // a larger capacity than 128 * 64 measures fewer than one message in 64.
    let mut sent = 0;
    for batch in (0..).map(|round| [64, 640, 1_920][round % 3]) {
        let batch = batch.min(MESSAGES - sent);
        if batch == 0 {
            break;
        }
        (0..batch).for_each(|_| tx.try_send(Instant::now()).unwrap());
        while let Ok(sent) = rx.try_recv() {
            exact.push(sent.elapsed());
        }
        sent += batch;
    }
    exact.sort_unstable();
    let report = levada_observe::report();
    let measured = named(&report, "queued").queue_time.clone().unwrap();
    // The first one may be lost: what it needs is allocated a message before.
    let all = (MESSAGES / 64) as u64;
    assert!((all - 1..=all).contains(&measured.samples), "{}", measured.samples);
    // One in 64 is measured: its rank is that of a sample. The quantile of 400 samples is within
    // 7 % of the ranks with a probability beyond doubt, and a bucket is 6 % wide.
    let within = |share: f64, seconds: f64| {
        let rank = |share: f64| ((MESSAGES as f64 * share) as usize).min(MESSAGES - 1);
        let [low, high] = [share - 0.07, share + 0.07].map(|it| rank(it.clamp(0.0, 1.0)));
        let [low, high] = [low, high].map(|rank| exact[rank].as_secs_f64());
        assert!(seconds >= 0.9 * low - 2e-6, "{share}: {seconds} < {low}");
        assert!(seconds <= 1.1 * high + 2e-6, "{share}: {seconds} > {high}");
    };
    within(0.5, measured.p50_seconds);
    within(0.9, measured.p90_seconds);
    within(0.99, measured.p99_seconds);
    within(1.0, measured.max_seconds);
}
