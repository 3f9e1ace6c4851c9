//! Everything about one row.

use console::measure_text_width;
use levada_observe::report::{Blocked, Channel, Report, Subscriber, Waiters};
use levada_observe::words::{age, line, many};
use ratatui::text::Line;

use super::super::app::{App, sum};
use super::super::columns::state;
use super::super::figures::{bars, count, cut, number, rate, share, short, total, wrap};
use super::theme::{Theme, Tone, of_rule, of_state};

/// Some more would not fit beside the figures.
const CHART: usize = 60;

/// The lines of the page.
pub(super) fn lines(
    app: &App,
    id: &str,
    label: &str,
    theme: Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let (Some(channel), Some(report)) = (app.channel(id), &app.report) else {
        return vec![
            theme.line(Tone::Title, cut(&format!(" {label}"), width)),
            theme.line(Tone::Quiet, " No channel of this row is alive any more; esc leads back."),
        ];
    };
    let mut page = Page { theme, width, lines: Vec::new() };
    page.title(channel);
    page.findings(report, id);
    page.facts(channel);
    page.charts(channel);
    page.waiters(channel);
    page.subscribers(&channel.subscribers, &channel.kind);
    page.handles(report, id);
    page.blocked(report, channel);
    page.ended(report, channel);
    page.lines
}

/// A page that grows from top to bottom.
struct Page {
    theme: Theme,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Page {
    fn title(&mut self, channel: &Channel) {
        let (state, tone) = (state(channel.state), of_state(channel.state));
        self.lines.push(Line::from(vec![
            self.theme.span(Tone::Title, format!(" {}  ", channel.label)),
            self.theme.span(tone, state),
        ]));
        let kind = match channel.instances {
            1 => channel.kind.clone(),
            instances => format!("{instances} channels: {}", channel.kind),
        };
        let about = format!("{kind} of {}, created at {}", channel.message, line(&channel.site));
        self.wrapped(Tone::Quiet, &about);
    }

    fn wrapped(&mut self, tone: Tone, text: &str) {
        let theme = self.theme;
        let lines = wrap(text, self.width.saturating_sub(2)).into_iter();
        self.lines.extend(lines.map(|text| theme.line(tone, format!(" {text}"))));
    }

    fn findings(&mut self, report: &Report, id: &str) {
        let of_row = report.findings.iter().filter(|it| it.channel.as_deref() == Some(id));
        for finding in of_row {
            self.wrapped(of_rule(&finding.rule), &finding.text);
        }
    }

    fn facts(&mut self, channel: &Channel) {
        let known = |value: Option<usize>| value.map(|value| short(number(value)));
        let unused = match channel.receivers_unused {
            0 => String::new(),
            unused => format!(", {unused} never used"),
        };
        let weak = match channel.weak_senders {
            0 => String::new(),
            weak => format!(", {weak} weak"),
        };
        let per_second =
            |all: Option<f64>, rate: Option<f64>| {
                let all = short(all?);
                Some(rate.map_or_else(
                    || all.clone(),
                    |it| format!("{all} ({}/s)", self::rate(Some(it))),
                ))
            };
        let rates = channel.rates;
        let shares = channel.shares;
        let several =
            |value: usize| (channel.instances > 1 && value > 0).then(|| value.to_string());
        let left = [
            (
                "depth",
                channel.depth.filter(|_| channel.capacity != Some(0)).map(|_| depth(channel)),
            ),
            ("weight", channel.max_weight.map(|_| weight(channel))),
            ("high-water mark", known(channel.high_water)),
            ("reserved", known(channel.reserved.filter(|reserved| *reserved > 0))),
            ("sent", per_second(Some(total(channel.sent)), rates.map(|it| it.sent))),
            ("received", per_second(sum(channel.received), rates.and_then(|it| it.received))),
            ("evicted", per_second(sum(channel.evicted), rates.and_then(|it| it.evicted))),
            ("senders", Some(format!("{}{weak}", channel.senders))),
            ("receivers", Some(format!("{}{unused}", channel.receivers))),
        ];
        let time = channel.queue_time.as_ref();
        let right = [
            ("full", shares.map(|it| share(Some(it.full)))),
            ("empty", shares.map(|it| share(Some(it.empty)))),
            ("senders wait", shares.map(|it| share(Some(it.senders_waiting)))),
            ("receivers wait", shares.map(|it| share(Some(it.receivers_waiting)))),
            ("queued 50 %", time.map(|it| age(it.p50_seconds))),
            ("queued 90 %", time.map(|it| age(it.p90_seconds))),
            (
                "queued 99 %",
                time.map(|it| format!("{} (max {})", age(it.p99_seconds), age(it.max_seconds))),
            ),
            ("a message", Some(many(channel.message_bytes, "byte"))),
            ("channels full", several(channel.instances_full)),
            ("channels closed", several(channel.instances_closed)),
        ];
        self.lines.push(Line::default());
        self.pairs(&left, &right);
    }

    /// Two columns of names and values.
    fn pairs(&mut self, left: &[(&str, Option<String>)], right: &[(&str, Option<String>)]) {
        let known = |facts: &[(&str, Option<String>)]| -> Vec<(String, String)> {
            let known =
                facts.iter().filter_map(|(name, it)| Some(((*name).to_owned(), it.clone()?)));
            known.collect()
        };
        let (left, right) = (known(left), known(right));
        let half = (self.width / 2).min(44);
        for at in 0..left.len().max(right.len()) {
            let mut spans = Vec::new();
            for (side, indent) in [(&left, 3), (&right, 0)] {
                let Some((name, value)) = side.get(at) else {
                    spans.push(" ".repeat(half).into());
                    continue;
                };
                let text = format!("{}{name:<16}", " ".repeat(indent));
                let pad =
                    half.saturating_sub(measure_text_width(&text) + measure_text_width(value));
                spans.push(self.theme.span(Tone::Quiet, text));
                spans.push(format!("{value}{}", " ".repeat(pad)).into());
            }
            self.lines.push(Line::from(spans));
        }
    }

    fn charts(&mut self, channel: &Channel) {
        let Some(history) = channel.history.as_ref().filter(|it| it.depth.len() > 1) else {
            return;
        };
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let room = self.width.saturating_sub(34).min(CHART);
        let seconds = age(history.step_seconds * number(history.depth.len().min(room)));
        self.section(&format!("The last {seconds}"));
        let mut chart = |name: &str, values: &[f64], top: f64, unit: &str| {
            let bars = bars(values, top, room);
            let name = self.theme.span(Tone::Quiet, format!("   {name:<16}"));
            let top = self.theme.span(Tone::Quiet, format!("  {}{unit} at the top", short(top)));
            self.lines.push(Line::from(vec![name, bars.into(), top]));
        };
        if channel.depth.is_some() {
            let top = channel.capacity.map_or_else(|| most(&history.depth), number);
            chart("depth", &history.depth, top, "");
        }
        chart("sent", &history.sent, most(&history.sent), "/s");
        if channel.received.is_some() {
            chart("received", &history.received, most(&history.received), "/s");
        }
    }

    fn section(&mut self, title: &str) {
        self.lines.push(Line::default());
        self.lines.push(self.theme.line(Tone::Title, format!(" {title}")));
    }

    /// Rows of cells, of which the last is as wide as there is room.
    fn table<const N: usize>(&mut self, title: &str, rows: &[[String; N]]) {
        if rows.is_empty() {
            return;
        }
        self.section(title);
        let widths: [usize; N] = std::array::from_fn(|column| {
            rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default()
        });
        for row in rows {
            let cells = row.iter().zip(widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| console::pad_str(cell, width, console::Alignment::Left, None))
                .collect();
            let text = cut(&format!("   {}", cells.join("  ")), self.width);
            self.lines.push(Line::from(text.trim_end().to_owned()));
        }
    }

    fn waiters(&mut self, channel: &Channel) {
        let row = |it: &Waiters| {
            let more = it.count.saturating_sub(it.tasks.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            [
                format!("{} × {}", it.count, it.op),
                format!("at {}", line(&it.site)),
                format!("oldest {}", age(it.oldest_seconds)),
                format!("95 % {}", age(it.p95_seconds)),
                format!("{}{more}", it.tasks.join(", ")),
            ]
        };
        let rows: Vec<_> = channel.waiters.iter().map(row).collect();
        self.table("Tasks that wait", &rows);
    }

    fn subscribers(&mut self, subscribers: &[Subscriber], kind: &str) {
        let row = |it: &Subscriber| {
            let missed =
                if kind == "watch" { String::new() } else { format!("missed {}", it.missed) };
            [it.task.clone(), format!("{} behind", it.behind), missed]
        };
        let rows: Vec<_> = subscribers.iter().map(row).collect();
        self.table("Receivers", &rows);
    }

    /// The tasks that could end a wait, and what they wait for themselves.
    fn handles(&mut self, report: &Report, id: &str) {
        let graph = &report.graph;
        let row = |(side, task): (&str, usize)| {
            let label = graph.tasks.get(task).map_or("a task", |it| &it.label).to_owned();
            let wait = graph.waits.iter().find(|wait| wait.task == task);
            let now = wait.map_or_else(
                || "does not wait".to_owned(),
                |it| {
                    let (op, channel) = (&it.op, super::graph::label(report, &it.channel));
                    let (site, age) = (line(&it.site), age(it.seconds));
                    format!("waits itself: {op} on {channel} at {site} for {age}")
                },
            );
            [label, format!("has a {side}"), now]
        };
        let handles = graph.handles.iter().filter(|it| it.channel == id);
        let mut rows: Vec<_> = handles.map(|it| row((&it.side, it.task))).collect();
        rows.dedup();
        self.table("Tasks that could end the waits", &rows);
    }

    fn blocked(&mut self, report: &Report, channel: &Channel) {
        let of_row = |it: &&Blocked| it.channel_site == channel.site && it.channel == channel.label;
        let row = |it: &Blocked| {
            [
                format!("{} × {}", short(total(it.count)), it.op),
                format!("at {}", line(&it.site)),
                format!("{} in all", age(it.sum_seconds)),
                format!("longest {}", age(it.max_seconds)),
            ]
        };
        let rows: Vec<_> = report.blocked.iter().filter(of_row).map(row).collect();
        self.table("Waits that ended", &rows);
    }

    fn ended(&mut self, report: &Report, channel: &Channel) {
        let ended = report.ended.iter();
        let of_line = ended.filter(|it| it.site == channel.site && it.kind == channel.kind);
        let rows: Vec<_> = of_line
            .map(|it| {
                [
                    many(usize::try_from(it.channels).unwrap_or(usize::MAX), "channel"),
                    format!("sent {}", short(total(it.sent))),
                ]
            })
            .collect();
        self.table("Channels of this line that ended", &rows);
    }
}

fn depth(channel: &Channel) -> String {
    let of = match (channel.capacity, channel.max_weight) {
        (Some(capacity), _) => format!(" of {}", short(number(capacity))),
        (None, Some(_)) => String::new(),
        (None, None) => ", no bound".to_owned(),
    };
    format!("{}{of}", count(channel.depth))
}

fn weight(channel: &Channel) -> String {
    format!("{} of {}", count(channel.weight), count(channel.max_weight))
}
