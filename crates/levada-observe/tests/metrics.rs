//! The metrics of Prometheus: their values, and that their labels are bounded.
#![cfg(feature = "prometheus")]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::collections::BTreeSet;

use levada::mpsc::Overflow;
use levada::{broadcast, mpsc};
use levada_observe::Observer;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

fn scrape() -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(levada_observe::metrics()));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

/// The values of a metric at the series that have this label.
fn values(text: &str, metric: &str, label: &str) -> Vec<f64> {
    let series = text.lines().filter(|line| line.starts_with(&format!("{metric}{{")));
    let of_label = series.filter(|line| line.contains(label));
    of_label.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
}

#[test]
fn a_scrape_reads_what_the_channels_have() {
    let (tx, mut rx) = mpsc::builder(4).named("jobs").build();
    (0..4).for_each(|job| tx.try_send(job).unwrap());
    rx.try_recv().unwrap();
    let (events, mut slow) = broadcast::builder(2).named("events").build();
    slow.try_recv().unwrap_err();
    for event in 0..5 {
        events.send(event).unwrap();
    }
    let (bytes, _rx) = mpsc::weighted::builder(10, |n: &usize| *n).named("bytes").build();
    bytes.try_send(7).unwrap();
    let newest = || mpsc::builder(1).overflow(Overflow::EvictOldest).named("newest").build();
    let (wins, _rx2) = newest();
    (0..3).for_each(|n| wins.try_send(n).unwrap());
    // A counter does not fall with the channels.
    let ended = newest();
    (0..2).for_each(|n| ended.0.try_send(n).unwrap());
    drop(ended);
    let text = scrape();
    assert_eq!(values(&text, "levada_channel_evicted_total", "\"newest\""), [3.0], "{text}");
    assert!(!text.contains("levada_channel_evicted_total{channel=\"jobs\""), "it has no policy");
    let bytes = |metric: &str| values(&text, &format!("levada_channel_{metric}"), "\"bytes\"");
    assert_eq!((bytes("weight"), bytes("max_weight")), (vec![7.0], vec![10.0]), "{text}");
    assert!(text.contains("{channel=\"bytes\",kind=\"mpsc weighted\","), "{text}");
    let jobs = |metric: &str| values(&text, &format!("levada_channel_{metric}"), "\"jobs\"");
    assert_eq!(jobs("depth"), [3.0], "{text}");
    assert_eq!(jobs("capacity"), [4.0]);
    assert_eq!((jobs("sent_total"), jobs("received_total")), (vec![4.0], vec![1.0]));
    assert_eq!(values(&text, "levada_channel_behind", "\"events\""), [5.0]);
    assert!(text.contains("\nlevada_suspected_deadlocks 0"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn many_channels_of_one_line_are_one_series_also_after_their_end() {
    let mut all: Vec<_> = (0..50).map(|_| mpsc::channel::<u16>(4)).collect();
    all.iter().for_each(|(tx, _)| tx.try_send(1).unwrap());
    let site = "message=\"u16\"";
    let text = scrape();
    assert_eq!(values(&text, "levada_channel_instances", site), [50.0]);
    assert_eq!(values(&text, "levada_channel_sent_total", site), [50.0]);
    all.truncate(10);
    let text = scrape();
    assert_eq!(values(&text, "levada_channel_instances", site), [10.0]);
    assert_eq!(values(&text, "levada_channel_sent_total", site), [50.0], "it does not fall");
}

#[test]
fn so_do_channels_with_one_name_count_after_their_end() {
    let observing = Observer::new().without_server().start().unwrap();
    let channel = || mpsc::builder::<u64>(4).named("replies").build();
    let mut all: Vec<_> = (0..50).map(|_| channel()).collect();
    all.iter().for_each(|(tx, _)| tx.try_send(1).unwrap());
    assert_eq!(values(&scrape(), "levada_channel_sent_total", "\"replies\""), [50.0]);
    all.truncate(10);
    assert_eq!(values(&scrape(), "levada_channel_sent_total", "\"replies\""), [50.0]);
    let ended = levada_observe::report().ended;
    let replies: Vec<_> = ended.iter().filter(|it| it.message == "u64").collect();
    assert_eq!((replies[0].name.as_deref(), replies[0].channels), (Some("replies"), 40));
    drop(observing);
}

#[test]
fn each_name_of_a_line_keeps_its_total() {
    let channel = |name: &str| mpsc::builder::<i64>(4).named(name.to_owned()).build();
    let all = ["client 0", "client 1", "client 2"].map(channel);
    all.iter().for_each(|(tx, _)| tx.try_send(1).unwrap());
    drop(all);
    let again = channel("client 1");
    again.0.try_send(1).unwrap();
    assert_eq!(values(&scrape(), "levada_channel_sent_total", "\"client "), [2.0]);
    let ended = levada_observe::report().ended;
    let clients = ended.iter().filter(|it| it.message == "i64");
    let clients = clients.map(|it| (it.name.as_deref(), it.channels));
    let expected = ["client 0", "client 1", "client 2"].map(|name| (Some(name), 1));
    assert!(clients.eq(expected), "{ended:?}");
}

#[test]
fn no_series_is_there_twice() {
    let (tx, _rx) = mpsc::builder(4).named("twice").build();
    let (other, _rx) = mpsc::builder(4).named("twice").build();
    tx.try_send(1_u8).unwrap();
    other.try_send(1_u32).unwrap();
    let text = scrape();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        assert!(seen.insert(series), "{series} in {text}");
    }
    assert!(seen.len() > 10);
}
