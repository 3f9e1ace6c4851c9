//! The report in the Prometheus text format.

use core::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use crate::report::{Channel, Report};

/// A collector for a registry of `prometheus_client`, which makes a report at each scrape; see
/// [`metrics`](crate::metrics()).
///
/// # Guarantees
/// 1. The labels are names, lines of the source and types, never single channels: a program has so
///    many series as it has names and lines that create channels. A name with a number in it, such
///    as that of a connection, is a series each.
/// 2. Counters do not fall; but if there are more names than [`levada::observe::Ended`] tells
///    apart, that of a name falls when a channel with it ends.
///
/// # Examples
/// ```
/// let metrics: levada_observe::Metrics = levada_observe::metrics();
/// # drop(metrics);
/// ```
#[derive(Debug)]
pub struct Metrics(Source);

/// Where the reports come from.
#[derive(Debug)]
enum Source {
    EachTime(fn() -> Report),
    One(Box<Report>),
}

impl Metrics {
    pub(crate) fn of(report: fn() -> Report) -> Self {
        Self(Source::EachTime(report))
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match &self.0 {
            Source::EachTime(report) => collect(&report(), encoder),
            Source::One(report) => collect(report, encoder),
        }
    }
}

/// All metrics of a report.
pub(crate) fn text(report: Report) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(Source::One(Box::new(report)))));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// A gauge of a row: its name, what it says, and its value.
type Gauge = (&'static str, &'static str, fn(&Channel) -> Option<f64>);

const GAUGES: &[Gauge] = &[
    ("depth", "Messages in the channels", |it| count(it.depth?)),
    ("capacity", "Messages that the channels can hold", |it| count(it.capacity?)),
    ("weight", "What the messages in weighted channels weigh, with permits", |it| {
        count(it.weight?)
    }),
    ("max_weight", "What the messages in weighted channels may weigh", |it| count(it.max_weight?)),
    ("high_water", "The largest depth that was seen of one channel", |it| count(it.high_water?)),
    ("instances", "Channels", |it| count(it.instances)),
    ("instances_full", "Channels that are full", |it| count(it.instances_full)),
    ("senders", "Senders", |it| count(it.senders)),
    ("receivers", "Receivers", |it| count(it.receivers)),
    ("behind", "Messages that the slowest receiver has yet to get", |it| {
        Some(it.subscribers.first()?.behind as f64)
    }),
    ("full_ratio", "Share of the window in which it was full", |it| Some(it.shares?.full)),
    ("empty_ratio", "Share of the window in which it was empty", |it| Some(it.shares?.empty)),
];

const SECONDS: Option<&Unit> = Some(&Unit::Seconds);

fn count(count: usize) -> Option<f64> {
    Some(count as f64)
}

fn collect(report: &Report, encoder: DescriptorEncoder<'_>) -> fmt::Result {
    let mut out = Out(encoder);
    let channels = &report.channels;
    for (name, help, value) in GAUGES {
        let values = channels.iter().filter_map(|it| Some((labels(it), value(it)?)));
        out.gauges(&format!("levada_channel_{name}"), help, None, values)?;
    }
    let sent = channels.iter().map(|it| (labels(it), it.sent + ended(report, it).0));
    out.counters("levada_channel_sent", "Messages sent", None, sent)?;
    // How much of an ended channel was received is not known: almost all that was sent.
    let received = |it: &Channel| Some((labels(it), it.received? + ended(report, it).0));
    let received = channels.iter().filter_map(received);
    out.counters("levada_channel_received", "Messages received", None, received)?;
    let evicted = |it: &Channel| Some((labels(it), it.evicted? + ended(report, it).1));
    let evicted = channels.iter().filter_map(evicted);
    let help = "Messages that overflow policies evicted or discarded";
    out.counters("levada_channel_evicted", help, None, evicted)?;
    let waits = || channels.iter().flat_map(|it| it.waiters.iter().map(move |wait| (it, wait)));
    let with = |it, op: &str, site: &str| {
        let mut labels = labels(it);
        labels.extend([("op", op.to_owned()), ("waits_at", site.to_owned())]);
        labels
    };
    let waiting = waits().map(|(it, wait)| (with(it, &wait.op, &wait.site), wait.count as f64));
    out.gauges("levada_waiting", "Tasks that wait", None, waiting)?;
    let oldest = waits().map(|(it, wait)| (with(it, &wait.op, &wait.site), wait.oldest_seconds));
    out.gauges("levada_waiting_oldest", "How long the first one has waited", SECONDS, oldest)?;
    let times = channels.iter().filter_map(|it| Some((it, it.queue_time.as_ref()?)));
    let times = times.flat_map(|(it, time)| {
        let of = |quantile: &str, seconds| {
            let mut labels = labels(it);
            labels.push(("quantile", quantile.to_owned()));
            (labels, seconds)
        };
        [("0.5", time.p50_seconds), ("0.9", time.p90_seconds), ("0.99", time.p99_seconds)]
            .map(|(quantile, seconds)| of(quantile, seconds))
    });
    out.gauges("levada_channel_queued", "How long messages were queued", SECONDS, times)?;
    collect_program(report, &mut out)
}

/// What is not of a row that is alive.
fn collect_program(report: &Report, out: &mut Out<'_>) -> fmt::Result {
    let blocked = |it: &crate::report::Blocked| {
        vec![
            ("op", it.op.clone()),
            ("site", it.channel_site.clone()),
            ("waits_at", it.site.clone()),
        ]
    };
    let sums = report.blocked.iter().map(|it| (blocked(it), it.sum_seconds));
    out.counters("levada_blocked", "How long waits took that ended", SECONDS, sums)?;
    let counts = report.blocked.iter().map(|it| (blocked(it), it.count));
    out.counters("levada_waits", "Waits that ended", None, counts)?;
    let oneshots = report.oneshots.iter().map(|it| {
        let labels = [("op", &it.op), ("site", &it.site), ("message", &it.message)];
        (labels.map(|(name, value)| (name, value.clone())).to_vec(), it.count as f64)
    });
    out.gauges("levada_oneshots_waiting", "Oneshots that tasks wait for", None, oneshots)?;
    let deadlocks = [(Vec::new(), report.deadlocks.len() as f64)];
    out.gauges("levada_suspected_deadlocks", "Suspected deadlocks", None, deadlocks)
}

type Labels = Vec<(&'static str, String)>;

fn labels(it: &Channel) -> Labels {
    vec![
        ("channel", it.name.clone().unwrap_or_default()),
        ("kind", it.kind.clone()),
        ("site", it.site.clone()),
        ("message", it.message.clone()),
    ]
}

/// What the channels of a row have sent and evicted that ended: its counters do not fall.
fn ended(report: &Report, it: &Channel) -> (u64, u64) {
    let same = |ended: &&crate::report::Ended| {
        let crate::report::Ended { name, kind, site, message, .. } = ended;
        (name, kind, site, message) == (&it.name, &it.kind, &it.site, &it.message)
    };
    report.ended.iter().find(same).map_or((0, 0), |ended| (ended.sent, ended.evicted))
}

/// Writes families of metrics.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn gauges<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters<V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, value) in values {
            let exemplar = None::<&Exemplar<Labels, u64>>;
            metric.encode_family(&labels)?.encode_counter(&value, exemplar)?;
        }
        Ok(())
    }
}
