//! Each kind of channel is shown as what it is: see also tests/observe of levada.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use levada::broadcast::lossless;
use levada::mpsc::{Overflow, lanes, rendezvous, weighted};
use levada::{mpmc, mpsc};
use levada_observe::report::{Channel, Report, State};

/// All tests look at all channels of the process: each finds its own by the name.
#[track_caller]
fn named<'a>(report: &'a Report, name: &str) -> &'a Channel {
    let found = report.channels.iter().find(|channel| channel.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("there is no {name} in {report:#?}"))
}

/// Polls a future that has to wait.
#[track_caller]
fn begin_to_wait<F: Future>(future: Pin<&mut F>) {
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn a_weighted_channel_has_its_weight_and_is_full_while_a_sender_waits() {
    let (tx, mut rx) = weighted::builder(10, |n: &usize| *n).named("weighed").build();
    tx.try_send(9).unwrap();
    assert_eq!(rx.try_recv(), Ok(9));
    tx.try_send(3).unwrap();
    tx.try_send(4).unwrap();
    let report = levada_observe::report();
    let weighed = named(&report, "weighed");
    assert_eq!((weighed.kind.as_str(), weighed.message.as_str()), ("mpsc weighted", "usize"));
    assert_eq!((weighed.weight, weighed.max_weight), (Some(7), Some(10)));
    assert_eq!((weighed.capacity, weighed.depth), (None, Some(2)));
    assert_eq!((weighed.instances_full, weighed.state), (0, State::Ok));

    let mut send = pin!(tx.send(5));
    begin_to_wait(send.as_mut());
    let report = levada_observe::report();
    let weighed = named(&report, "weighed");
    assert_eq!((weighed.instances_full, weighed.state), (1, State::Full), "5 do not fit");
    let text = levada_observe::dump();
    assert!(text.contains("weighed (mpsc weighted, 2 messages, weight 7 of 10, full)"), "{text}");
}

#[test]
fn a_rendezvous_is_full_while_a_sender_waits() {
    let (tx, mut rx) = rendezvous::builder().named("met").build();
    let mut send = pin!(tx.send(1_u16));
    begin_to_wait(send.as_mut());
    let report = levada_observe::report();
    let met = named(&report, "met");
    assert_eq!((met.kind.as_str(), met.message.as_str()), ("mpsc rendezvous", "u16"));
    assert_eq!((met.instances_full, met.state), (1, State::Full));
    let text = levada_observe::dump();
    assert!(text.contains("met (mpsc rendezvous, full)"), "{text}");
    assert_eq!(rx.try_recv(), Ok(1));
    let report = levada_observe::report();
    assert_eq!((named(&report, "met").sent, named(&report, "met").received), (1, Some(1)));
}

#[test]
fn a_lossless_channel_is_full_while_a_sender_waits() {
    let (tx, mut member) = lossless::builder(2).named("to all").build();
    let mut observer = tx.subscribe_lossy();
    observer.try_recv().unwrap_err();
    for n in 0..4_u16 {
        tx.try_send(n).unwrap();
        assert_eq!(member.try_recv(), Ok(n));
    }
    let report = levada_observe::report();
    let to_all = named(&report, "to all");
    assert_eq!(to_all.kind, "broadcast lossless");
    assert_eq!((to_all.instances_full, to_all.state), (0, State::Lagging), "of the observer");
    tx.try_send(4).unwrap();
    tx.try_send(5).unwrap();
    let mut send = pin!(tx.send(6));
    begin_to_wait(send.as_mut());
    let report = levada_observe::report();
    assert_eq!(named(&report, "to all").state, State::Full);
}

#[test]
fn each_lane_is_a_channel_with_a_number() {
    let (tx, _rx) = lanes::builder([1, 4]).named("in lanes").build();
    tx.lane(0).try_send(1_u16).unwrap();
    tx.lane(1).try_send(2).unwrap();
    let report = levada_observe::report();
    let [first, second] = ["in lanes/0", "in lanes/1"].map(|name| named(&report, name));
    assert_eq!((first.kind.as_str(), first.capacity, first.instances_full), ("mpsc", Some(1), 1));
    assert_eq!((second.kind.as_str(), second.capacity), ("mpsc", Some(4)));
}

/// Also with `force_send`, which needs no policy; and the totals stay when channels end.
#[test]
fn evictions_are_counted_where_they_can_happen() {
    let policy = || mpsc::builder(1).overflow(Overflow::DiscardIncoming).named("newest").build();
    let ((tx, _rx), (ends, _ended)) = (policy(), policy());
    let (forced, _rx2) = mpmc::builder(1).named("forced").build();
    for n in 0..4_u16 {
        tx.try_send(n).unwrap();
        ends.try_send(n).unwrap();
        forced.try_send(n).ok();
    }
    let report = levada_observe::report();
    let evicted = |report: &Report, name| (named(report, name).sent, named(report, name).evicted);
    assert_eq!(evicted(&report, "newest"), (2, Some(6)));
    assert_eq!(evicted(&report, "forced"), (1, None), "it has refused, and evicts nothing");
    let text = levada_observe::dump();
    assert!(text.contains("sent 2, received 0, evicted 6"), "{text}");

    drop((ends, _ended));
    forced.force_send(9).unwrap();
    let report = levada_observe::report();
    assert_eq!(evicted(&report, "newest"), (1, Some(3)));
    assert_eq!(evicted(&report, "forced"), (1, Some(1)));
    let ended = report.ended.iter().find(|it| it.name.as_deref() == Some("newest")).unwrap();
    assert_eq!((ended.channels, ended.sent, ended.evicted), (1, 1, 3));
}

#[cfg(feature = "json")]
#[test]
fn a_weight_is_in_the_json_and_may_be_missing_there() {
    let (tx, _rx) = weighted::builder(10, |n: &usize| *n).named("as json").build();
    tx.try_send(3).unwrap();
    let json = levada_observe::report().to_json();
    let read = Report::from_json(&json).unwrap();
    assert_eq!(named(&read, "as json").weight, Some(3));
    // A report of a program that was built before there were weights.
    let mut before: serde_json::Value = serde_json::from_str(&json).unwrap();
    for channel in before["channels"].as_array_mut().unwrap() {
        let channel = channel.as_object_mut().unwrap();
        assert!(channel.remove("weight").is_some() && channel.remove("max_weight").is_some());
    }
    let read = Report::from_json(&before.to_string()).unwrap();
    assert_eq!((named(&read, "as json").weight, named(&read, "as json").depth), (None, Some(1)));
}
